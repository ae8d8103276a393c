"""How candidates and sections look in a terminal."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table

_ANY_WIDTH = 1000


class Fitting:
    """A table where it fits into the terminal, and a list where it would be cut."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]], number: str, line: str) -> None:
        """`number` names the column that stands on the right; `line` is a row of the list, its places numbered."""
        self._table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
        for name in columns:
            self._table.add_column(name, justify="right" if name == number else "left", no_wrap=True)
        for row in rows:
            self._table.add_row(*row)
        self._lines = [line.format(*row).rstrip(" ,:") for row in rows]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        wanted = Measurement.get(console, options.update(max_width=_ANY_WIDTH), self._table).maximum
        yield self._table if wanted <= options.max_width else "\n".join(self._lines)


def candidates(source: dict[str, Any]) -> Iterator[str | Fitting]:
    """The heading of a data source, and a table for each of its visitors."""
    yield f"\n[bold]{source['title']}[/bold]{': ' + source['status'] if source['problem'] else ''}"
    if not source["visitors"]:
        yield f"  {source['problem'] or 'nobody matches'}"
    for visitor in source["visitors"]:
        yield f"  visitor {visitor['label']} ({visitor['handle']})"
        rows = [
            (said(one["device"]), said(one["browser"]), _day(one["first_seen"]), _day(one["last_seen"]),
             _count(one["interactions"]), ", ".join(one["warnings"]))
            for one in visitor["combinations"]
        ]  # fmt: skip
        columns = ("Device", "Browser", "First seen", "Last seen", "Count", "Warnings")
        yield Fitting(columns, rows, "Count", "    {0} · {1}\n      {4}, {2} – {3}, {5}")


def sections(manifest: dict[str, Any]) -> Iterator[str | Fitting]:
    """What the archive holds, and the reasons for what it does not."""
    told = manifest["sections"]
    rows = [
        (one["name"], _count(one["rows"]), _day(one["first_at"]), _day(one["last_at"]), one["status"]) for one in told
    ]
    yield Fitting(("Section", "Rows", "First", "Last", "Status"), rows, "Rows", "  {0}: {1}\n    {2} – {3}, {4}")
    for one in told:
        if one["reason"]:
            yield f"  {one['name']} is {one['status']}: {one['reason']}."


def first_rows(beginning: str) -> list[str]:
    """The first two rows of the document, read from its beginning alone."""
    rows, decoder = [], json.JSONDecoder()
    at = beginning.index("[{", beginning.index('"sections":{')) + 1
    for _ in range(2):
        row, at = decoder.raw_decode(beginning, at)
        rows.append(json.dumps(row, ensure_ascii=False))
        if beginning[at] != ",":
            break
        at += 1
    return rows


def _day(moment: str | None) -> str:
    return (moment or "–")[:10]


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def said(value: str | None) -> str:
    return value or "Unknown"
