"""How candidates and sections look in a terminal."""

import json
from collections.abc import Iterator
from typing import Any

from rich import box
from rich.table import Table


def candidates(source: dict[str, Any]) -> Iterator[str | Table]:
    """The heading of a data source, and a table for each of its visitors."""
    yield f"\n[bold]{source['title']}[/bold]{': ' + source['status'] if source['problem'] else ''}"
    if not source["visitors"]:
        yield f"  {source['problem'] or 'nobody matches'}"
    for visitor in source["visitors"]:
        yield f"  visitor {visitor['label']} ({visitor['handle']})"
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
        for name in ("Device", "Browser", "First seen", "Last seen", "Count", "Warnings"):
            table.add_column(name, justify="right" if name == "Count" else "left")
        for one in visitor["combinations"]:
            seen = [(one[key] or "–")[:10] for key in ("first_seen", "last_seen")]
            count = "–" if one["interactions"] is None else f"{one['interactions']:,}"
            table.add_row(said(one["device"]), said(one["browser"]), *seen, count, ", ".join(one["warnings"]))
        yield table


def sections(manifest: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    for name in ("Section", "Rows", "First", "Last", "Status"):
        table.add_column(name, justify="right" if name == "Rows" else "left")
    for one in manifest["sections"]:
        rows = "–" if one["rows"] is None else f"{one['rows']:,}"
        status = one["status"] + (f": {one['reason']}" if one["reason"] else "")
        table.add_row(one["name"], rows, (one["first_at"] or "–")[:10], (one["last_at"] or "–")[:10], status)
    return table


def first_rows(beginning: str) -> list[str]:
    """The first two rows of the document, read from its beginning alone."""
    rows, decoder = [], json.JSONDecoder()
    place = beginning.index("[{", beginning.index('"sections":{')) + 1
    for _ in range(2):
        row, place = decoder.raw_decode(beginning, place)
        rows.append(json.dumps(row, ensure_ascii=False))
        if beginning[place] != ",":
            break
        place += 1
    return rows


def said(value: str | None) -> str:
    return value or "Unknown"
