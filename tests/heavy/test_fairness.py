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
    with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
        people = [(100 + number, f"cookie-{number}") for number in range(MANY)]
        database.executemany("INSERT INTO people (id, cookie) VALUES (?, ?)", people)
        database.executemany(
            "INSERT INTO events (visitor_id, device, browser, what) VALUES (?, 'iPhone', 'Safari', ?)", people
        )
    environ = environ_of(tmp_path) | {"DOSSIER_DATA_CENTERS": str(MAPPINGS)}
    with standing(tmp_path / "stack", environ, workers=0) as stack:
        async with in_turn(stack, stack.key("maria", "acme", "globex")) as client:
            for first in range(0, MANY, 50):
                await asyncio.gather(*(wanted(client, f"cookie-{first + number}") for number in range(50)))
            (token,) = await offered(client, "globex", "shop", "jane@example.com")
            begun = time.monotonic()
            address = await requested(client, "globex", token)
            for _ in range(2):
                stack.add_worker()
            export = await finished(client, address)
            took = time.monotonic() - begun
            waiting = await queued(client)
            print(f"{MANY} were queued; the other's was ready {took:.1f} s after its request, {waiting} still waited")
            assert export["status"] == "ready"
            assert waiting > MANY * 0.9
            assert took < 15


async def queued(client: httpx.AsyncClient) -> int:
    count, token = 0, ""
    while token is not None:
        page = (await client.get(f"/v1/data-centers/acme/history?status=queued&page_size=200{token}")).json()
        count += len(page["items"])
        token = page["next_page_token"] and f"&page_token={page['next_page_token']}"
    return count


async def wanted(client: httpx.AsyncClient, cookie: str) -> str:
    (token,) = await offered(client, "acme", "website", cookie)
    return await requested(client, "acme", token)


async def offered(client: httpx.AsyncClient, center: str, source: str, identifier: str) -> list[str]:
    """The candidates that one data source has for an identifier."""
    answer = await client.post(f"/v1/data-centers/{center}/visitors/search", json={"identifier": identifier})
    (found,) = [one for one in answer.json()["data_sources"] if one["id"] == source]
    return [one["candidate"] for visitor in found["visitors"] for one in visitor["combinations"]]


async def requested(client: httpx.AsyncClient, center: str, token: str) -> str:
    answer = await client.post(f"/v1/data-centers/{center}/exports", json={"candidate": token})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])
