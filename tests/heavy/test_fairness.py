"""One data center's thousand exports do not hold up another's one."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.builders import MAPPINGS, environ_of, finished, write_shop, write_website
from tests.stack import in_turn, standing

MANY = 1_000
pytestmark = pytest.mark.heavy


async def test_one_export_is_ready_within_seconds_behind_a_thousand_of_another_data_center(tmp_path: Path) -> None:
    write_website(tmp_path / "website.db")
    write_shop(tmp_path / "shop.db")
    devices = [(1, f"device {number}", "Safari", f"what {row}") for number in range(MANY) for row in range(2_000)]
    with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
        database.executemany("INSERT INTO events (visitor_id, device, browser, what) VALUES (?, ?, ?, ?)", devices)
    environ = environ_of(tmp_path) | {"DOSSIER_DATA_CENTERS": str(MAPPINGS)}
    with standing(tmp_path / "stack", environ) as stack:
        async with in_turn(stack, stack.key("maria", "acme", "globex")) as client:
            tokens = await offered(client, "acme", "website")
            await asyncio.gather(*(requested(client, "acme", one) for one in tokens[:MANY]))
            (token,) = await offered(client, "globex", "shop")
            begun = time.monotonic()
            export = await finished(client, await requested(client, "globex", token))
            took = time.monotonic() - begun
            waiting = (await client.get("/v1/data-centers/acme/history?status=queued&page_size=200")).json()["items"]
            print(f"ready after {took:.1f} s, while at least {len(waiting)} exports of the other one were queued")
            assert (export["status"], len(waiting)) == ("ready", 200)
            assert took < 15


async def offered(client: httpx.AsyncClient, center: str, source: str) -> list[str]:
    """The candidates of everything that Jane's email matches in one data source."""
    answer = await client.post(f"/v1/data-centers/{center}/visitors/search", json={"identifier": "jane@example.com"})
    (found,) = [one for one in answer.json()["data_sources"] if one["id"] == source]
    return [one["candidate"] for visitor in found["visitors"] for one in visitor["combinations"]]


async def requested(client: httpx.AsyncClient, center: str, token: str) -> str:
    answer = await client.post(f"/v1/data-centers/{center}/exports", json={"candidate": token})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])
