"""How a command ends before it is done: a sentence, its exit code, and the service's own words where there are some."""

from enum import IntEnum
from typing import Any

Json = dict[str, Any]


class Code(IntEnum):
    """Exit codes, as `dossier --help` and docs/clients.md tell them."""

    DONE = 0
    DOES_NOT_HOLD = 1
    MISUSED = 2
    REFUSED = 3
    AWAY = 4
    INTERRUPTED = 130


CODES = {
    Code.DONE: "done",
    Code.DOES_NOT_HOLD: "it does not hold: nobody found, an export or erasure that failed, was revoked or has "
    "expired, another digest, a file that cannot be written",
    Code.MISUSED: "wrong use",
    Code.REFUSED: "the key is refused",
    Code.AWAY: "the service, its network or a data source does not answer, after several tries",
    Code.INTERRUPTED: "interrupted by Ctrl-C",
}


class Ended(Exception):
    """`problem` is the service's own document; `then` is what to type next, where the sentence ends in a colon."""

    def __init__(self, code: Code, sentence: str, problem: Json | None = None, then: str = "") -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.problem, self.then = code, sentence, problem, then

    def but(self, sentence: str, then: str) -> "Ended":
        """The same end, with more to say."""
        return Ended(self.code, f"{self.sentence} {sentence}", self.problem, then)

    def document(self) -> Json:
        """A problem document, also where the service had no part in it (RFC 9457, 4.2.1)."""
        return self.problem or {
            "type": "about:blank",
            "title": CODES[self.code],
            "detail": f"{self.sentence} {self.then}".rstrip(),
        }
