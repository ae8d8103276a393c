"""Reads personal-data.json back as a stream: what stands before the sections, then each one's rows, bytes and hash."""

import codecs
import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from app.kit.json_text import check, parts

_SECTIONS = b',"sections":{'
_OPENING = re.compile(rb'(,?)"([a-z][a-z0-9_]*)":\[|\}\}')
_LONGEST_HEAD, _LONGEST_NAME, _DEEP, _MARK = 1 << 20, 1 << 10, 100, 64
# In ASCII `]` comes two after `[`, and `}` two after `{`.
_TO_CLOSING = 2
_BRACKETS = re.compile(rb"[][{}]")
_OTHERS = bytes(set(range(256)) - set(b'[]{}"'))


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
    """Holds one chunk and the row that its end cuts, however long the document is."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._held = chunks, b""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()

    def head(self) -> bytes:
        """The document without its sections. Raises Malformed."""
        while (end := self._held.find(_SECTIONS)) < 0:
            self._more("before its sections", _LONGEST_HEAD)
        head, self._held = self._held[:end] + b"}", self._held[end + len(_SECTIONS) :]
        return head

    def sections(self) -> Iterator[Counted]:
        """To be called after `head`. Raises Malformed, also where something follows the last section."""
        first = True
        while name := self._opened(first=first):
            yield self._array(name)
            first = False
        if self._held or self._next():
            raise Malformed("something follows its end")

    def _opened(self, *, first: bool) -> str | None:
        while not (found := _OPENING.match(self._held)):
            self._more("between its sections", _LONGEST_NAME)
        self._held = self._held[found.end() :]
        if found[2] and bool(found[1]) == first:
            raise Malformed("a comma between its sections is missing, or one too many")
        return found[2].decode() if found[2] else None

    def _array(self, name: str) -> Counted:
        digest, size, rows, nesting = hashlib.sha256(b"["), 2, _Rows(name), _Nesting()
        while not nesting.ended:
            # Whether a backslash at the end escapes what comes next, only what comes next tells.
            escapes = len(self._held) - len(self._held.rstrip(b"\\"))
            chunk = self._held[:-1] if escapes % 2 else self._held
            guessed = rows.add_most(chunk)
            cut = guessed or nesting.pass_over(chunk)
            if not guessed:
                rows.add(chunk[:cut], whole=nesting.at_rest)
            digest.update(chunk[:cut])
            size += cut
            self._held = self._held[cut:]
            if not (nesting.ended or self._grow() or guessed):
                raise Malformed(f"it ends inside {name}")
        self._held = self._held[1:]
        digest.update(b"]")
        return Counted(name, rows.count, size, digest.hexdigest())

    def _more(self, where: str, most: int) -> None:
        if len(self._held) > most or not self._grow():
            raise Malformed(f"it ends or goes astray {where}")

    def _grow(self) -> bool:
        chunk = self._next()
        self._held += chunk
        return bool(chunk)

    def _next(self) -> bytes:
        chunk = next(self._chunks, b"")
        try:
            self._utf8.decode(chunk, not chunk)
        except UnicodeDecodeError as error:
            raise Malformed("it is not UTF-8") from error
        return chunk


class _Nesting:
    """The brackets that are open, and whether a string is. No loop goes over bytes: speed comes from that."""

    def __init__(self) -> None:
        self.at_rest, self.ended = True, False
        self._open, self._in_string = b"", False

    def pass_over(self, chunk: bytes) -> int:
        """How much to take: up to the `]` that ends the array, else the last whole row (both at rest), else all."""
        plain = chunk.replace(rb"\\", b"__").replace(rb"\"", b"__") if b"\\" in chunk else chunk
        alone, in_string = self._left(plain)
        now = _reduced(self._open + alone)
        self.ended = b"]" in now or b"}" in now
        if self.ended:
            self.at_rest = True
            return self._end(plain)
        closes_all = len(alone.rstrip(b"[{")) >= len(self._open)
        border = _border(plain, len(now), in_string=in_string) if closes_all else 0
        # The comma stays with the row after it, so that none can be missing or too many.
        border -= chunk[border - 1 : border] == b","
        self.at_rest = border > 0
        self._open, self._in_string = (b"", False) if self.at_rest else (now, in_string)
        return border or len(chunk)

    def _left(self, plain: bytes) -> tuple[bytes, bool]:
        """The brackets outside strings that find no partner there; and whether the end is in a string."""
        # Where no bracket stands between two quotes, both may go: what is in a string and what is not stays so.
        parts = plain.translate(None, _OTHERS).replace(b'""', b"").split(b'"')
        return _reduced(b"".join(parts[self._in_string :: 2])), self._in_string == len(parts) % 2

    def _end(self, plain: bytes) -> int:
        def left(size: int) -> bytes:
            return _reduced(self._open + self._left(plain[:size])[0])

        # A closing bracket without partner stays one, however much is added: so the first can be bisected.
        size = bisect_left(range(len(plain)), x=True, key=lambda size: bool(left(size).strip(b"[{")))
        if left(size) != b"]":
            raise Malformed("its brackets do not match")
        return size - 1


def _border(plain: bytes, depth: int, *, in_string: bool) -> int:
    """Backwards from the end, where so many brackets are open, to the opening of the first of them."""
    end = len(plain)
    while depth and end >= 0:
        begin = plain.rfind(b'"', 0, end) + 1
        for bracket in [] if in_string else reversed(list(_BRACKETS.finditer(plain, begin, end))):
            depth += 1 if bracket[0] in b"]}" else -1
            if not depth:
                return bracket.start()
        in_string, end = not in_string, begin - 1
    return max(end, 0)


def _reduced(brackets: bytes) -> bytes:
    """Without the pairs, from the innermost outwards; one by one where they nest too deep for that to be quick."""
    for _ in range(_DEEP):
        fewer = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if len(fewer) == len(brackets):
            return brackets
        brackets = fewer
    return _reduced_one_by_one(brackets)


def _reduced_one_by_one(brackets: bytes) -> bytes:
    left = bytearray()
    for one in brackets:
        if left and one == left[-1] + _TO_CLOSING:
            left.pop()
        else:
            left.append(one)
    return bytes(left)


class _Row(msgspec.Struct):
    """Any JSON object: what it holds is parsed and forgotten."""


class _Rows:
    """Parses whole rows; the beginning of one waits for the rest."""

    def __init__(self, name: str) -> None:
        self.count = 0
        self._name, self._waiting = name, list[bytes]()
        self._ends, self._begins = b"", b""
        self._parse = msgspec.json.Decoder(list[_Row]).decode

    def add_most(self, chunk: bytes) -> int:
        """Guesses where the last row begins: where it looks as between two rows before. If what stands before it
        parses as whole rows, then it does begin there. Returns how much was added: 0 where the guess was wrong."""
        place = chunk.rfind(self._ends + b"," + self._begins)
        if place < 0 or not self.count or self._waiting or not chunk.startswith(b","):
            return 0
        place += len(self._ends)
        try:
            self.count += len(self._parse(b"[" + chunk[1:place] + b"]"))
        except (msgspec.DecodeError, RecursionError):
            return 0
        return place

    def add(self, chunk: bytes, *, whole: bool) -> None:
        if chunk:
            self._waiting.append(chunk)
        if whole and self._waiting:
            text = self._joined()
            rows = self._parsed(text)
            if not rows:
                raise Malformed(f"after row {self.count:,} of {self._name} something is no JSON object")
            self.count += rows
            end = text[-_MARK:-1]
            self._ends, self._begins = end[len(end.rstrip(b"}]")) :], text[1 : text.find(b":") + 1]

    def _joined(self) -> bytes:
        if self.count:
            if not self._waiting[0].startswith(b","):
                raise Malformed(f"a comma is missing after row {self.count:,} of {self._name}")
            self._waiting[0] = self._waiting[0][1:]
        text = b"".join([b"[", *self._waiting, b"]"])
        self._waiting.clear()
        return text

    def _parsed(self, text: bytes) -> int:
        try:
            return len(self._parse(text))
        except (msgspec.DecodeError, RecursionError):
            # Unpaired surrogates (RFC 8259, 8.2) and any depth are within the grammar; that decoder takes neither.
            return _parsed_slowly(text)


def _parsed_slowly(text: bytes) -> int:
    try:
        check(text)
    except ValueError:
        return 0
    rows = [row.startswith(b"{") for row in parts(text)]
    return len(rows) if all(rows) else 0
