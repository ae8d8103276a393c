"""Reads personal-data.json back as a stream: what stands before the sections, then each one's rows, bytes and hash."""

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from app.kit.json_text import check, end_of_brackets

_SECTIONS = b',"sections":{'
_OPENING = re.compile(rb'"([a-z][a-z0-9_]*)":\[')
_BETWEEN_ROWS = b"},{"
_LONGEST_HEAD, _LONGEST_NAME = 1 << 20, 1 << 10


class Malformed(Exception):
    """The document has another form; the sentence says where, and never a value."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A section as it stands in the document; bytes and hash are of its array, from `[` to `]`."""

    name: str
    rows: int
    bytes: int
    sha256: str


class Scanner:
    """Reads from the front: the head, then section by section as many whole rows at a time as are at hand. Holds one
    chunk and the row that its end cuts, however long the document is."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._held = chunks, b""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()

    def head(self) -> bytes:
        """The document without its sections. Raises Malformed."""
        while (end := self._held.find(_SECTIONS)) < 0:
            self._need_more("before its sections", _LONGEST_HEAD)
        return self._take(end + len(_SECTIONS))[:end] + b"}"

    def sections(self) -> Iterator[Counted]:
        """To be called after `head`. Raises Malformed, also where something follows the last section."""
        if self._peek() == b"}":
            self._take(1)
        else:
            yield self._section()
            while self._take_one_of(b",}", "after a section") == b",":
                yield self._section()
        self._take_one_of(b"}", "after its sections")
        if self._peek():
            raise Malformed("something follows its end")

    def _section(self) -> Counted:
        while not (opening := _OPENING.match(self._held)):
            self._need_more("before a section", _LONGEST_NAME)
        self._take(opening.end())
        name, size, count, digest = opening[1].decode(), 1, 0, hashlib.sha256(b"[")
        mark = b"]" if self._peek() == b"]" else b","
        if mark == b"]":
            digest.update(self._take(1))
            size += 1
        while mark == b",":
            rows, how_many = self._rows(f"after row {count:,} of {name}")
            count += how_many
            mark = self._take_one_of(b",]", f"after row {count:,} of {name}")
            digest.update(rows)
            digest.update(mark)
            size += len(rows) + len(mark)
        return Counted(name, count, size, digest.hexdigest())

    def _rows(self, where: str) -> tuple[bytes, int]:
        """The next rows with the commas between them, and how many they are; one at least."""
        if self._peek() != b"{":
            raise Malformed(f"{where} something is no JSON object")
        size, count = _surely_whole(self._held)
        return (self._take(size), count) if count else (self._row(where), 1)

    def _row(self, where: str) -> bytes:
        """The next row, whatever is in it: found by its brackets, and checked by a slower parser that takes any depth
        and halves of surrogate pairs, which JSON allows (RFC 8259, 8.2 and 9)."""
        while not (end := end_of_brackets(self._held)):
            # Twice as much each time: a row of many megabytes is not looked through anew for each chunk of it.
            if not self._grow(len(self._held)):
                raise Malformed(f"it ends in the row {where}")
        try:
            check(self._held[:end])
        except ValueError as error:
            raise Malformed(f"{where} something is no JSON object") from error
        return self._take(end)

    def _peek(self) -> bytes:
        """The next byte; empty at the document's end."""
        if not self._held:
            self._grow(1)
        return self._held[:1]

    def _take(self, size: int) -> bytes:
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def _take_one_of(self, marks: bytes, where: str) -> bytes:
        mark = self._peek()
        if not mark or mark not in marks:
            raise Malformed(f"{where} stands neither of {' '.join(marks.decode())}" if mark else f"it ends {where}")
        return self._take(1)

    def _need_more(self, where: str, most: int) -> None:
        if len(self._held) > most or not self._grow(1):
            raise Malformed(f"it ends or goes astray {where}")

    def _grow(self, least: int) -> bool:
        """Reads so many bytes more, or to the end; whether there were any. Raises Malformed where it is not UTF-8."""
        parts = [self._held]
        while least > 0 and (chunk := next(self._chunks, b"")):
            parts.append(chunk)
            least -= len(chunk)
        try:
            for part in parts[1:]:
                self._utf8.decode(part)
        except UnicodeDecodeError as error:
            raise Malformed("it is not UTF-8") from error
        self._held = b"".join(parts)
        return len(parts) > 1


class _Row(msgspec.Struct):
    """Any JSON object: what it holds is parsed and forgotten."""


_parse = msgspec.json.Decoder(list[_Row]).decode


def _surely_whole(text: bytes) -> tuple[int, int]:
    """How many bytes at the front are whole rows with commas between, and how many rows; 0 and 0 where it cannot tell.

    Between two rows stands `},{`, but that may also stand within one. JSON is read from the front, though: where
    everything before such a place parses as whole rows, a row ends there, whatever follows. Else half as much is tried.
    """
    reach = len(text)
    while (end := text.rfind(_BETWEEN_ROWS, 0, reach) + 1) > 0:
        try:
            return end, len(_parse(b"[" + text[:end] + b"]"))
        except (msgspec.DecodeError, RecursionError):
            reach = end // 2
    return 0, 0
