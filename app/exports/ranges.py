"""Byte ranges and validators of a download (RFC 9110, 13 and 14): which part of the archive is asked for."""

import re
from dataclasses import dataclass

# Python refuses to read a number of thousands of digits, and no archive is an exabyte long.
_ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """The range begins beyond the end."""


def asked_span(header: str | None, if_range: str | None, etag: str, size: int) -> Span | None:
    """The one range asked for, or None where the whole is the answer: no range, several, or another version's."""
    if header is None or (if_range is not None and if_range != etag):
        return None
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return _checked(Span(max(0, size - int(last)), size), size)
    end = min(size, int(last) + 1) if last else size
    if last and int(last) < int(first):
        return None
    return _checked(Span(int(first), end), size)


def _checked(span: Span, size: int) -> Span:
    if span.start >= size:
        raise Unsatisfiable
    return span
