"""Values as MariaDB's and MySQL's binary protocol has them, and what they are here; nothing is rounded on the way.

`moment` reads the times, and JSON shows them in PostgreSQL's forms. A TIMESTAMP is an instant and comes in UTC, a
DATETIME has no zone. What no calendar has (the day 0 of MariaDB's `0000-00-00`) is written as the database writes it.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from pymysql.constants import FIELD_TYPE, FLAG

# Reads a value that begins at an offset: the value, and where the next one begins.
Reader = Callable[[bytes, int], tuple[Any, int]]
_BINARY = 63
_UNSIGNED = 0x8000
_NULL, _LARGEST_SIGNED = (FIELD_TYPE.NULL, b""), 2**63 - 1
_LENGTHS = {0xFC: 2, 0xFD: 3, 0xFE: 8}
_BYTES_AT_MOST = 250
_DAY_HOURS, _SECOND_LENGTH = 24, len("2026-01-02T03:04:05")
# A float of four bytes is one of these many digits at most.
_FLOAT_DIGITS = range(6, 10)
_FLOAT = struct.Struct("<f")
_INTEGERS = {
    FIELD_TYPE.TINY: "b", FIELD_TYPE.SHORT: "h", FIELD_TYPE.YEAR: "h", FIELD_TYPE.LONG: "i", FIELD_TYPE.INT24: "i",
    FIELD_TYPE.LONGLONG: "q",
}  # fmt: skip
_DATES = {FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the server describes it; `kind` is the protocol's number of its type."""

    name: str
    kind: int
    charset: int
    length: int
    flags: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement by the number that the server gave it, and the columns that it returns."""

    number: int
    columns: Sequence[Column]


class NoText(Exception):
    """The column of this name holds text that is not UTF-8."""


class RowReader:
    """Reads rows of these columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        readers = [_reader(column) for column in columns]
        # Short text, of which rows mostly are, is read without a call: that is a third of all the time.
        self._readers = [None if read is _text else read for read in readers]
        self._names = [column.name for column in columns]
        # Two bits are reserved before those that say which values are NULL.
        self._begin = 1 + (len(columns) + 9) // 8

    def read(self, row: bytes) -> tuple[Any, ...]:
        """Raises NoText."""
        nulls, at, values = int.from_bytes(row[1 : self._begin], "little") >> 2, self._begin, list[Any]()
        try:
            for read in self._readers:
                if nulls & 1:
                    values.append(None)
                elif read is None and (size := row[at]) <= _BYTES_AT_MOST:
                    begin, at = at + 1, at + 1 + size
                    values.append(row[begin:at].decode())
                else:
                    value, at = (read or _text)(row, at)
                    values.append(value)
                nulls >>= 1
        except UnicodeDecodeError as error:
            raise NoText(self._names[len(values)]) from error
        return tuple(values)


def sent(value: object) -> tuple[int, bytes]:
    """The number of the type that a value is sent as, and its bytes."""
    if value is None:
        return _NULL
    if isinstance(value, int) and abs(value) <= _LARGEST_SIGNED:
        return FIELD_TYPE.LONGLONG, struct.pack("<q", value)
    if isinstance(value, int) and 0 < value <= 2 * _LARGEST_SIGNED + 1:
        return FIELD_TYPE.LONGLONG | _UNSIGNED, struct.pack("<Q", value)
    if isinstance(value, float):
        return FIELD_TYPE.DOUBLE, struct.pack("<d", value)
    if isinstance(value, bytes):
        return FIELD_TYPE.BLOB, _counted(value)
    kind = FIELD_TYPE.NEWDECIMAL if isinstance(value, Decimal | int) else FIELD_TYPE.VAR_STRING
    return kind, _counted((f"{value:f}" if isinstance(value, Decimal) else str(value)).encode())


def json_forms(columns: Sequence[Column], zone: ZoneInfo | None) -> dict[int, Callable[[Any], object]]:
    """By column, how a value that was read becomes one of JSON, where they differ."""
    found = {number: _json_form(column, zone) for number, column in enumerate(columns)}
    return {number: form for number, form in found.items() if form}


def _json_form(column: Column, zone: ZoneInfo | None) -> Callable[[Any], object] | None:
    if column.kind in (FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.DECIMAL):
        return lambda value: msgspec.Raw(f"{value:f}".encode())
    if column.kind == FIELD_TYPE.BIT:
        return lambda value: f"{value:0{column.length}b}"
    if column.kind == FIELD_TYPE.DATETIME and zone:
        return lambda value: _in_utc(value, zone)
    return None


def _in_utc(text: str, zone: ZoneInfo) -> str:
    try:
        when = datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return f"{when:%Y-%m-%dT%H:%M:%S}".rjust(_SECOND_LENGTH, "0") + _fraction(when.microsecond) + "+00:00"


def _reader(column: Column) -> Reader:
    if form := _INTEGERS.get(column.kind):
        return _fixed(struct.Struct("<" + (form.upper() if column.flags & FLAG.UNSIGNED else form)))
    if column.kind == FIELD_TYPE.DOUBLE:
        return _fixed(struct.Struct("<d"))
    if column.kind in _DATES:
        return _dated(column.kind)
    return _OTHERS.get(column.kind) or (_bytes if column.charset == _BINARY else _text)


def _fixed(form: struct.Struct) -> Reader:
    unpack, size = form.unpack_from, form.size

    def read(row: bytes, at: int) -> tuple[Any, int]:
        return unpack(row, at)[0], at + size

    return read


def _float(row: bytes, at: int) -> tuple[float, int]:
    """The shortest number that is the same float of four bytes: 1.1, and not 1.100000023841858."""
    exact, after = _FLOAT.unpack_from(row, at)[0], at + _FLOAT.size
    four = row[at:after]
    shorter = (float(f"{exact:.{digits}g}") for digits in _FLOAT_DIGITS)
    return next((one for one in shorter if _fits(one, four)), exact), after


def _fits(number: float, four: bytes) -> bool:
    try:
        return _FLOAT.pack(number) == four
    except OverflowError:
        return False


def _bytes(row: bytes, at: int) -> tuple[bytes, int]:
    size = row[at]
    begin = at + 1
    if size > _BYTES_AT_MOST:
        begin += _LENGTHS[size]
        size = int.from_bytes(row[at + 1 : begin], "little")
    return row[begin : begin + size], begin + size


def _text(row: bytes, at: int) -> tuple[str, int]:
    value, after = _bytes(row, at)
    return value.decode(), after


def _decimal(row: bytes, at: int) -> tuple[Decimal, int]:
    value, after = _text(row, at)
    return Decimal(value), after


def _bits(row: bytes, at: int) -> tuple[int, int]:
    value, after = _bytes(row, at)
    return int.from_bytes(value, "big"), after


def _dated(kind: int) -> Reader:
    date, zone = kind in (FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE), "+00:00" if kind == FIELD_TYPE.TIMESTAMP else ""

    def read(row: bytes, at: int) -> tuple[str, int]:
        """Of zeros at the end nothing is sent."""
        after = at + 1 + row[at]
        year, month, day, hour, minute, second, fraction = _PARTS.unpack(row[at + 1 : after].ljust(_PARTS.size, b"\0"))
        when = f"{year:04}-{_TWO[month]}-{_TWO[day]}"
        if date:
            return when, after
        time = f"{_TWO[hour]}:{_TWO[minute]}:{_TWO[second]}{_fraction(fraction) if fraction else ''}"
        return (f"{when}T{time}{zone}" if month and day else f"{when} {time}"), after

    return read


_PARTS = struct.Struct("<HBBBBBI")
# Two digits looked up cost a third of two digits formatted.
_TWO = [f"{number:02}" for number in range(256)]
_SPAN = struct.Struct("<BIBBBI")


def _span(row: bytes, at: int) -> tuple[str, int]:
    """A time of day as PostgreSQL's `time`. A TIME may also be negative or of more than a day, which there only an
    interval can be: that is written as ISO 8601 writes it."""
    after = at + 1 + row[at]
    negative, days, hours, minutes, seconds, fraction = _SPAN.unpack(row[at + 1 : after].ljust(_SPAN.size, b"\0"))
    hours, part = hours + days * _DAY_HOURS, _fraction(fraction)
    if not negative and hours < _DAY_HOURS:
        return f"{hours:02}:{minutes:02}:{seconds:02}{part}", after
    sign = "-" if negative else ""
    parts = ((str(hours), "H"), (str(minutes), "M"), (f"{seconds}{part}", "S"))
    return "PT" + "".join(f"{sign}{value}{unit}" for value, unit in parts if value != "0"), after


def _fraction(microseconds: int) -> str:
    return f".{microseconds:06}".rstrip("0") if microseconds else ""


def _counted(value: bytes) -> bytes:
    """With its length before it."""
    size = len(value)
    if size <= _BYTES_AT_MOST:
        return bytes([size]) + value
    mark, many = next((mark, many) for mark, many in _LENGTHS.items() if size < 1 << 8 * many)
    return bytes([mark]) + size.to_bytes(many, "little") + value


_OTHERS: dict[int, Reader] = {
    FIELD_TYPE.FLOAT: _float,
    FIELD_TYPE.DECIMAL: _decimal,
    FIELD_TYPE.NEWDECIMAL: _decimal,
    FIELD_TYPE.TIME: _span,
    FIELD_TYPE.BIT: _bits,
    # Its charset is said to be binary, and it is always UTF-8.
    FIELD_TYPE.JSON: _text,
}
