"""Values on their way into JSON and time, in PostgreSQL's JSON forms, for engines that do not encode themselves."""

import math
import re
from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from operator import itemgetter
from typing import TypeVar

import msgspec

from app.kit.json_text import check
from app.sources.port import Batch

Item = TypeVar("Item")
Result = TypeVar("Result")
# In `2026-01-02T…` the fifth character is a dash, which it is in no number of seconds.
_FIFTH = itemgetter(4)
_PARSER = msgspec.json.Decoder(msgspec.Raw)
_BATCH_ROWS, _BATCH_BYTES = 1000, 1 << 18
_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_PLAIN, _NUMBERS = frozenset((str, int, type(None), bool)), frozenset((float, int, type(None)))
_MILLISECONDS_FROM = 100_000_000_000
# A number that counts seconds or milliseconds; eight digits are the date 20260102 of ISO 8601.
_NUMBER = re.compile(r"(?!\d{8}$)[+-]?\d+(\.\d*)?")


class Unencodable(Exception):
    """The column of this name holds something that JSON cannot."""


class RowEncoder:
    """Rows of plain driver values (text, integers, reals, bytes, None) as JSON objects in UTF-8.

    Some rows at a time and column by column, because a loop over every value costs more than encoding it.
    """

    def __init__(self, columns: Sequence[str], json_columns: Sequence[str]) -> None:
        self._columns = columns
        self._nested = [columns.index(name) for name in json_columns]
        self._row = _row_of(columns)
        self._encoder = msgspec.json.Encoder()

    def encode(self, rows: Sequence[Sequence[object]]) -> list[bytes]:
        """Raises Unencodable with the column's name."""
        columns: list[Sequence[object]] = list(zip(*rows, strict=True))
        for number, values in enumerate(columns):
            if not _are_plain(values):
                columns[number] = tuple(map(_plain, values))
        for number in self._nested:
            columns[number] = _checked(self._columns[number], _all_nested, columns[number])
        try:
            return self._encoded(list(map(self._row, *columns)))
        except UnicodeEncodeError as error:
            raise Unencodable(self._culprit(columns)) from error

    def _encoded(self, rows: Sequence[object]) -> list[bytes]:
        lines = self._encoder.encode_lines(rows).split(b"\n")
        # One line end for each row. Where there are more, a nested value holds some as white space, and the rows are
        # encoded one by one to know where each ends.
        return lines[:-1] if len(lines) == len(rows) + 1 else [self._encoder.encode(row) for row in rows]

    def _culprit(self, columns: Sequence[Sequence[object]]) -> str:
        for name, values in zip(self._columns, columns, strict=True):
            for value in values:
                _checked(name, self._encoder.encode, value)
        return "?"


def _row_of(columns: Sequence[str]) -> Callable[..., object]:
    """Makes a row of its values. The library writes a struct's names as they are, and refuses those that JSON escapes;
    with such a name a row is a dictionary, which takes longer."""
    if any(map(_ESCAPED.search, columns)):
        return lambda *values: dict(zip(columns, values, strict=True))
    fields = [(f"f{number}", object) for number in range(len(columns))]
    names = {field: name for (field, _), name in zip(fields, columns, strict=True)}
    return msgspec.defstruct("Row", fields, rename=names, gc=False)


def in_batches(
    pieces: Iterable[tuple[Sequence[bytes], Sequence[Item]]],
    dated: Callable[[list[Item]], list[datetime | None]] | None,
) -> Generator[Batch]:
    """Gathers rows, each with what dates it, into batches of bounded size."""
    held, times, size = list[bytes](), list[Item](), 0
    for rows, whens in pieces:
        held.extend(rows)
        times.extend(whens)
        size += sum(map(len, rows))
        if size >= _BATCH_BYTES or len(held) >= _BATCH_ROWS:
            yield Batch(held, dated(times) if dated else None, size)
            held, times, size = [], [], 0
    if held:
        yield Batch(held, dated(times) if dated else None, size)


def moments(values: Sequence[object], zone: tzinfo | None) -> list[datetime | None]:
    """The moment of each; quickly where all are ISO 8601 in UTC, as they mostly are."""
    try:
        if set(map(_FIFTH, values)) == {"-"}:  # type: ignore[arg-type]  # what has no fifth is no text
            # What has a fifth item, and a dash there, is text.
            found: list[datetime | None] = list(map(datetime.fromisoformat, values))  # type: ignore[arg-type]
            if {one and one.tzinfo for one in found} == {UTC}:
                return found
    except (TypeError, ValueError, LookupError):
        pass
    return [moment(one, zone) for one in values]


def moment(value: object, zone: tzinfo | None) -> datetime | None:
    """A database's time in UTC, or None where it is none that this calendar knows.

    Takes datetimes, dates, ISO 8601 text, and Unix seconds or milliseconds as numbers or text; eight digits as text
    are a date. One without a zone is taken to be in the source's `time_zone`, else in UTC.
    """
    try:
        found = _read(value)
        return (found if found.tzinfo else found.replace(tzinfo=zone or UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError, ArithmeticError):
        return None


def _read(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001  its zone is added by the caller
    if isinstance(value, str):
        text = value.strip()
        return _read(Decimal(text)) if _NUMBER.fullmatch(text) else datetime.fromisoformat(text)
    if isinstance(value, int | float | Decimal):
        number = float(value)
        return datetime.fromtimestamp(number / 1000 if abs(number) >= _MILLISECONDS_FROM else number, UTC)
    raise TypeError


def _are_plain(values: Sequence[object]) -> bool:
    """Whether the encoder may have them as they are."""
    kinds = set(map(type, values))
    return kinds <= _PLAIN or (kinds <= _NUMBERS and all(map(math.isfinite, filter(None, values))))  # type: ignore[arg-type]


def _plain(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return "\\x" + value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _all_nested(values: Sequence[object]) -> Sequence[object]:
    return tuple(map(_nested, values))


def _nested(value: object) -> object:
    """Text that holds JSON, verbatim; anything else as it is."""
    if not isinstance(value, str):
        return value
    text = value.encode()
    try:
        _PARSER.decode(text)
    except (msgspec.DecodeError, RecursionError):
        # Unpaired surrogates are within the grammar (RFC 8259, 8.2), and so is any depth; that decoder takes neither.
        check(text)
    return msgspec.Raw(text)


def _checked(column: str, form: Callable[[Item], Result], value: Item) -> Result:
    try:
        return form(value)
    except ValueError as error:
        raise Unencodable(column) from error
