"""A candidate: one visitor on one combination, sealed into a token that nobody but this service can read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.kit.clock import Clock
from app.kit.errors import Conflict
from app.kit.language import Language
from app.kit.seal import Fingerprint, Keyring, SealBroken
from app.sources.port import Value

LONGEST_TOKEN = 32768
# How much of a visitor's handle people are shown.
HANDLE_DIGITS = 12
_AGE = timedelta(minutes=15)
_TYPES: dict[str, type] = {"s": str, "i": int, "f": float, "b": bytes, "d": Decimal, "u": UUID, "t": bool}
_TAGS = {kind: tag for tag, kind in _TYPES.items()}


class CandidateTokenInvalid(Conflict):
    """The candidate token was changed, is older than 15 minutes, or was made for another key or data
    center. Search again and choose from the new answer."""

    slug = "candidate-token-invalid"
    title = "The candidate token does not hold"
    is_refusal = True


class KeyChanged(Conflict):
    """The choice of this export was sealed under a secret key that is no longer configured, so it cannot be
    read any more. Search and request again; after a rotation keep the old key in DOSSIER_SECRET_KEY_PREVIOUS."""

    slug = "key-changed"
    title = "The secret key was changed meanwhile"


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose rows leave: exactly one visitor on exactly one device and browser, as the database named them."""

    visitor: Value
    device: Value | None
    browser: Value | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A choice that was offered: to whose key, where, for which identifier (a keyed hash), under which masked label."""

    key_id: str
    data_center: str
    data_source: str
    label: str
    identifier: Fingerprint
    choice: Choice


class Candidates:
    """Seals and opens candidates and choices."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring, self._clock = keyring, clock

    def seal(self, candidate: Candidate) -> str | None:
        """None where the token would be longer than anybody can send: such a key or device cannot be exported."""
        hashed = (candidate.identifier.key_id, candidate.identifier.digest)
        bound = (candidate.key_id, candidate.data_center, candidate.data_source, candidate.label)
        content = msgspec.json.encode((bound, hashed, packed(candidate.choice)))
        token = self._keyring.seal("candidate", content, self._clock())
        return token if len(token) <= LONGEST_TOKEN else None

    def open(self, token: str, key_id: str, data_center: str) -> Candidate:
        try:
            content = self._keyring.open("candidate", token, self._clock(), _AGE)
        except SealBroken as error:
            raise CandidateTokenInvalid from error
        bound, hashed, choice = msgspec.json.decode(content)
        to, center, source, label = bound
        candidate = Candidate(to, center, source, label, Fingerprint(*hashed), unpacked(choice))
        if (candidate.key_id, candidate.data_center) != (key_id, data_center):
            raise CandidateTokenInvalid
        return candidate

    def seal_choice(self, choice: Choice, language: Language | None = None) -> str:
        """With the language that the archive is to be in, if one was asked for."""
        return self._keyring.seal("choice", msgspec.json.encode((*packed(choice), language)), self._clock())

    def open_choice(self, sealed: str) -> tuple[Choice, Language | None]:
        try:
            parts = msgspec.json.decode(self._keyring.open("choice", sealed, self._clock()))
        except SealBroken as error:
            raise KeyChanged from error
        # A job from before there were languages has three.
        return unpacked(parts[:3]), next(iter(parts[3:]), None)


def as_text(value: Value | None) -> str | None:
    """A device or browser as API and archive show it, as the archive writes values; `null` and empty stay two."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return None if value is None else str(value)


def packed(choice: Choice) -> tuple[Any, ...]:
    return tagged(choice.visitor), tagged(choice.device), tagged(choice.browser)


def unpacked(parts: Sequence[Any]) -> Choice:
    visitor, device, browser = (_untagged(part) for part in parts)
    if visitor is None:
        raise KeyChanged
    return Choice(visitor, device, browser)


def tagged(value: Value | None) -> tuple[str, str] | None:
    if value is None:
        return None
    return _TAGS[type(value)], value.hex() if isinstance(value, bytes | float) else str(value)


def _untagged(part: list[str] | None) -> Value | None:
    if part is None:
        return None
    tag, text = part
    if tag == "b":
        return bytes.fromhex(text)
    if tag == "f":
        return float.fromhex(text)
    found: Value = text == "True" if tag == "t" else _TYPES[tag](text)
    return found
