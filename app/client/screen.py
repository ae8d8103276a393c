"""How things look in a terminal, from 50 columns on and without colour."""

import json
import sys
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from app.client.ended import Code, Ended, Json
from app.kit.text import visible

_ANY_WIDTH, _NARROWEST = 1000, 20
_KILO = 1000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


class Screen:
    """With `as_json` standard output belongs to the API's own objects, and all that is said goes to standard error."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = Console(stderr=as_json, highlight=False, markup=False, emoji=False)
        self._errors = Console(stderr=True, highlight=False, markup=False, emoji=False)

    def say(self, *parts: RenderableType) -> None:
        for part in parts:
            self.console.print(part)

    def line(self, text: str) -> None:
        """In one piece however long, because somebody may copy it."""
        self.console.print(Text(text), soft_wrap=True)

    def warn(self, sentence: str) -> None:
        self._errors.print(f"dossier: {sentence}", soft_wrap=not self._errors.is_terminal)

    def result(self, document: Json) -> None:
        """JSON is UTF-8, whatever the terminal is (RFC 8259, 8.1)."""
        if self.as_json:
            sys.stdout.buffer.write(json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n")
            sys.stdout.buffer.flush()

    def document(self, text: bytes) -> None:
        """Byte for byte, but where it would steer a terminal."""
        if sys.stdout.isatty():
            text = visible(text.decode("utf-8", "replace"), "\n").encode()
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()

    def error(self, ended: Ended) -> None:
        if self.as_json:
            print(json.dumps(ended.document(), ensure_ascii=True), file=sys.stderr)
        else:
            self.warn(ended.sentence)
            if ended.then:
                self._errors.print(f"  {ended.then}", soft_wrap=True)

    @property
    def can_ask(self) -> bool:
        return sys.stdin.isatty() and self.console.is_terminal

    def ask(self, question: str) -> str:
        """What was typed; empty at the end of the input, too."""
        self.console.print(Text(question + " "), end="")
        return sys.stdin.readline().strip()


class Fitting:
    """A table where it fits into the terminal, and a list where it would be cut."""

    def __init__(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str], line: str
    ) -> None:
        """`numbers` names the columns that stand on the right; `line` is a row of the list, its places numbered."""
        self._table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
        for name in columns:
            self._table.add_column(name, justify="right" if name in numbers else "left", no_wrap=True)
        for row in rows:
            self._table.add_row(*map(Text, row))
        self._lines = [one.rstrip(" ,:") for row in rows for one in line.format(*row).split("\n")]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        table = Padding(self._table, (0, 0, 0, 2), expand=False)
        wanted = Measurement.get(console, options.update(max_width=_ANY_WIDTH), table).maximum
        if wanted <= options.max_width:
            yield from ("", table)
        else:
            for line in filter(None, self._lines):
                yield Indented(line.strip(), len(line) - len(line.lstrip()))


class Indented:
    """A sentence whose every line begins below the first one's beginning, without spaces at their ends."""

    def __init__(self, text: str, by: int = 2) -> None:
        self._text, self._by = text, by

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for line in Text(self._text).wrap(console, max(_NARROWEST, options.max_width - self._by)):
            yield Text(" " * self._by + line.plain.rstrip())


def require_yes(screen: Screen, question: str, unasked: str, nothing: str) -> None:
    """Raises Ended unless somebody says yes; `unasked` says what to do where nobody is there."""
    if not screen.can_ask:
        raise Ended(Code.MISUSED, f"Nobody is there to be asked; {unasked} {nothing}")
    try:
        answer = screen.ask(f"{question}? yes or no:")
    except KeyboardInterrupt:
        raise interrupted(nothing) from None
    if answer.casefold() not in ("y", "yes"):
        raise Ended(Code.DOES_NOT_HOLD, nothing)


def said(value: str | None) -> str:
    """A device or browser; nothing that it holds steers the terminal."""
    return visible(value) if value else "Unknown"


def day(moment: str | None) -> str:
    return (moment or "–")[:10]


def minute(moment: str | None) -> str:
    return (moment or "–")[:16].replace("T", " ")


def count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def size(number: float | None) -> str:
    """In the largest unit of which there is one, as in 12.3 MB."""
    if number is None:
        return "–"
    unit = 0
    while number >= _KILO and unit < len(_UNITS) - 1:
        number, unit = number / _KILO, unit + 1
    return f"{number:,.1f} {_UNITS[unit]}" if unit else f"{number:,.0f} bytes"


def number_of(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < len(str(_ANY_WIDTH**3)) else None


def interrupted(sentence: str, then: str = "") -> Ended:
    return Ended(Code.INTERRUPTED, f"Interrupted. {sentence}", then=then)
