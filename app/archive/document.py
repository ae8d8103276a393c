"""personal-data.json: every row of every section, written as a stream without ever holding the whole."""

import json
from collections.abc import Iterator, Sequence

from app.archive.frame import SCHEMA_VERSION, Frame
from app.archive.tally import Tally
from app.sources.port import Batch

SectionEnd = None
Part = Batch | None


def write_document(frame: Frame, tallies: Sequence[Tally], parts: Iterator[Part]) -> Iterator[bytes]:
    """The document in pieces. `parts` holds the batches of each tally's section in turn, a None after each,
    and then ends, or raises what makes the document incomplete."""
    head = {
        "schema_version": SCHEMA_VERSION,
        "export": frame.export(),
        "notice": dict(frame.notice),
    }
    yield compact(head)[:-1] + b',"sections":{'
    for place, tally in enumerate(tallies):
        yield (b"," if place else b"") + compact(tally.section.name) + b":"
        yield from _write_rows(tally, parts)
    # Past the last section comes the reader's word that this was all, or the error that it was not.
    next(parts, None)
    yield b"}}"


def _write_rows(tally: Tally, parts: Iterator[Part]) -> Iterator[bytes]:
    begun = False
    for part in parts:
        if part is SectionEnd:
            break
        tally.add(part)
        # The empty first piece brings the comma that parts this batch from the one before.
        yield tally.count(b",".join([b"", *part.rows]) if begun else b"[" + b",".join(part.rows))
        begun = True
    yield tally.count(b"]" if begun else b"[]")


def compact(value: object) -> bytes:
    """JSON in UTF-8 without whitespace between its tokens."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
