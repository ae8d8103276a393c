"""How the sections of an archive look in a terminal."""

import json
from collections.abc import Iterator

from app.client.ended import Json
from app.client.screen import Fitting, count, day


def sections(manifest: Json) -> Iterator[str | Fitting]:
    """What the archive holds, and the reasons for what it does not."""
    told = manifest["sections"]
    rows = [(one["name"], count(one["rows"]), day(one["first_at"]), day(one["last_at"]), one["status"]) for one in told]
    yield Fitting(("Section", "Rows", "First", "Last", "Status"), rows, ("Rows",), "  {0}: {1}\n    {2} – {3}, {4}")
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
