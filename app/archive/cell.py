"""A row's values as texts for people: dates as people write them, what is long cut, and no digit lost."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from app.archive.translator import Translator
from app.kit.json_text import members, parts
from app.kit.text import visible
from app.sources.values import moment

_LONGEST, _NARROW = 400, 40
# As every engine writes a moment, and as text columns of SQLite mostly hold one.
_MOMENT = re.compile(rb'"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?"')
_DAY = re.compile(rb'"\d{4}-\d\d-\d\d"')
_NUMBER = re.compile(rb"-?\d+(\.\d+)?")
_SCALARS = {b"null": "nothing", b"true": "yes", b"false": "no", b'""': "empty"}
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-. ]+")


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in words; `cut` says that there is more of it."""

    text: str
    cut: bool = False

    @property
    def wide(self) -> bool:
        return len(self.text) > _NARROW or "\n" in self.text


def read_row(row: bytes) -> Mapping[str, bytes]:
    """Column by column, each value as the JSON has it."""
    try:
        return {name: bytes(raw) for name, raw in msgspec.json.decode(row, type=dict[str, msgspec.Raw]).items()}
    except (msgspec.DecodeError, RecursionError):
        # Unpaired surrogates and any depth are valid JSON; that decoder takes neither.
        return dict(members(row))


def cell(raw: bytes, translator: Translator, *, dated: bool) -> Cell:
    """`dated` says that the mapping dates the row by this value, whatever it looks like."""
    if raw in _SCALARS:
        return Cell(translator.say(_SCALARS[raw]))
    if said := _said_moment(raw, translator, dated=dated):
        return Cell(said)
    if raw.startswith(b'"'):
        return _shortened(json.loads(raw))
    if raw.startswith(b"{") and len(raw) <= _LONGEST:
        return _shortened("; ".join(f"{readable(name)}: {_inner(one, translator)}" for name, one in members(raw)))
    if raw.startswith(b"[") and len(raw) <= _LONGEST:
        return _shortened(", ".join(_inner(one, translator) for one in parts(raw)) or translator.say("nothing"))
    # No more is decoded than can be shown: a character has four bytes at most.
    return _shortened(raw[: 4 * (_LONGEST + 1)].decode(errors="ignore"))


def readable(name: str) -> str:
    """A column's name as words: `occurred_at` and `occurredAt` are "Occurred at"."""
    words = " ".join(filter(None, _HUMPS.split(name)))
    spoken = " ".join(word if word.isupper() else word.lower() for word in words.split())
    return visible(spoken[:1].upper() + spoken[1:]) or visible(name)


def _said_moment(raw: bytes, translator: Translator, *, dated: bool) -> str | None:
    try:
        if _DAY.fullmatch(raw):
            return translator.day(datetime.fromisoformat(raw[1:-1].decode()))
        if _MOMENT.fullmatch(raw):
            return translator.moment(datetime.fromisoformat(raw[1:-1].decode()))
    except ValueError:
        return None
    number = raw.strip(b'"')
    if dated and _NUMBER.fullmatch(number) and (when := moment(number.decode(), translator.zone)):
        return translator.moment(when)
    return None


def _inner(raw: bytes, translator: Translator) -> str:
    """What stands within an object or array; nested deeper, it stands as JSON, but for what is empty."""
    if raw in (b"{}", b"[]"):
        return translator.say("nothing")
    return raw.decode() if raw.startswith((b"{", b"[")) else cell(raw, translator, dated=False).text


def _shortened(text: str) -> Cell:
    shown = visible(text[:_LONGEST].replace("\r\n", "\n"), but="\n\t")
    return Cell(shown, cut=len(text) > _LONGEST)
