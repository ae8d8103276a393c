"""Values on their way into JSON and time, in PostgreSQL's JSON forms, for engines that do not encode themselves."""

import json
import math
import re
from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import TypeVar

import msgspec

from app.sources.port import Batch

Item = TypeVar("Item")
_BATCH_ROWS, _BATCH_BYTES = 1000, 1 << 18
_PLAIN = frozenset((str, int, type(None), bool))
_MILLISECONDS_FROM = 100_000_000_000
# A number that counts seconds or milliseconds; eight digits are the date 20260102 of ISO 8601.
_NUMBER = re.compile(r"(?!\d{8}$)[+-]?\d+(\.\d*)?")


class Unencodable(Exception):
    """The column of this name holds something that JSON cannot."""


class RowEncoder:
    """Rows of plain driver values (text, integers, reals, bytes, None) as JSON objects in UTF-8."""

    def __init__(self, columns: Sequence[str], json_columns: Sequence[str]) -> None:
        self._columns = columns
        self._nested = [columns.index(name) for name in json_columns]
        self._encode = msgspec.json.Encoder().encode

    def encode(self, row: Sequence[object]) -> bytes:
        """Raises Unencodable with the column's name."""
        values = [value if type(value) in _PLAIN else _plain(value) for value in row]
        for place in self._nested:
            values[place] = _checked(self._columns[place], _nested, values[place])
        try:
            return self._encode(dict(zip(self._columns, values, strict=True)))
        except UnicodeEncodeError as error:
            raise Unencodable(self._culprit(values)) from error

    def _culprit(self, values: Sequence[object]) -> str:
        for name, value in zip(self._columns, values, strict=True):
            _checked(name, self._encode, value)
        return "?"


def in_batches(
    rows: Iterable[tuple[bytes, Item]], moments: Callable[[list[Item]], list[datetime | None]] | None
) -> Generator[Batch]:
    """Cuts rows, each with what dates it, into batches of bounded size."""
    held, times, size = list[bytes](), list[Item](), 0
    for row, time in rows:
        held.append(row)
        times.append(time)
        size += len(row)
        if size >= _BATCH_BYTES or len(held) == _BATCH_ROWS:
            yield Batch(held, moments(times) if moments else None, size)
            held, times, size = [], [], 0
    if held:
        yield Batch(held, moments(times) if moments else None, size)


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


def _plain(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return "\\x" + value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _nested(value: object) -> object:
    """Text that holds JSON, verbatim; anything else as it is."""
    if not isinstance(value, str):
        return value
    text = value.encode()
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError:
        # Unpaired surrogates are within the grammar (RFC 8259, 8.2), though that decoder refuses them.
        json.loads(text, parse_constant=_refuse)
    return msgspec.Raw(text)


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _checked(column: str, form: Callable[[object], object], value: object) -> object:
    try:
        return form(value)
    except (ValueError, RecursionError) as error:
        raise Unencodable(column) from error
