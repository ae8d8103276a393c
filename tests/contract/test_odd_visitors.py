"""Visitors whose devices, labels and keys no form was made for: exported all the same, or offered with the reason."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.builders import BASE, archive, candidates, document, manifest, running, write_shop, write_website
from tests.servers import new_database

LONG = "x" * 45_000
ODD: Sequence[tuple[object, str]] = [("i\0Phone", "i\0Phone"), (b"\x01\xff", "\\x01ff"), (1.5, "1.5"), (LONG, LONG)]


def write_odd(folder: Path) -> None:
    write_website(folder / "website.db")
    write_shop(folder / "shop.db")
    with closing(sqlite3.connect(folder / "website.db")) as database, database:
        database.execute("UPDATE people SET email = ? WHERE id = 3", ("\0\0somebody\0",))
        rows = [(device, "b\0", shown[:9]) for device, shown in ODD]
        database.executemany("INSERT INTO events (visitor_id, device, browser, what) VALUES (3, ?, ?, ?)", rows)


@pytest.mark.parametrize("own", ["sqlite", "postgres_18"])
async def test_each_is_exported_or_offered_without_a_candidate(
    request: pytest.FixtureRequest, own: str, tmp_path: Path
) -> None:
    write_odd(tmp_path)
    url = None if own == "sqlite" else new_database(request.getfixturevalue(own))
    async with running(tmp_path, database_url=url) as service, await service.client() as client:
        offered = {one["device"]: one for one in await candidates(client, "cookie-only")}
        assert set(offered) == {shown for _, shown in ODD}
        assert offered[LONG]["candidate"] is None
        assert offered[LONG]["warnings"] == ["not-exportable"]
        for shown in set(offered) - {LONG}:
            answer = await client.post(f"{BASE}/exports", json={"candidate": offered[shown]["candidate"]})
            assert answer.status_code == 202, answer.text
            assert answer.json()["visitor"]["label"] == "␀␀•••y␀"
            opened = await archive(client, answer.headers["location"])
            assert manifest(opened)["export"]["device"] == shown
            (row,) = events(document(opened))
            assert row["what"] == shown


def events(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["sections"]["events"]
    return found
