"""Two APIs, two workers, 200 exports in flight, and everything that can be killed is killed: nothing is lost."""

import asyncio
import hashlib
import io
import json
import random
import sqlite3
import time
import zipfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.builders import BASE, MAPPINGS, environ_of, write_shop
from tests.stack import Process, Stack, in_turn, standing

# How many visitors have how many rows; a row is about 400 bytes that hardly compress, so the last need several parts.
SIZES = {500: 120, 10_000: 50, 60_000: 30}
PEOPLE = sum(SIZES.values())
AWAY_SECONDS = 20
pytestmark = pytest.mark.heavy


def write_many(path: Path) -> None:
    random.seed(7)
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, cookie TEXT);"
            "CREATE TABLE events (id INTEGER PRIMARY KEY, visitor_id INTEGER, device TEXT, browser TEXT, os TEXT,"
            " at TEXT, what TEXT, meta TEXT, people INTEGER);"
        )
        database.executemany(
            "INSERT INTO people VALUES (?, ?, ?)", [(n, f"v{n}@example.com", f"cookie-{n}") for n in range(PEOPLE)]
        )
        columns = "visitor_id, device, browser, os, at, what, meta, people"
        database.executemany(f"INSERT INTO events ({columns}) VALUES (?, ?, ?, ?, ?, ?, NULL, 1)", events())
        database.execute("CREATE INDEX by_visitor ON events (visitor_id, device, browser)")


def events() -> Iterator[tuple[object, ...]]:
    sizes = [rows for rows, people in SIZES.items() for _ in range(people)]
    random.shuffle(sizes)
    for visitor, rows in enumerate(sizes):
        for number in range(rows):
            moment = f"2026-01-02T03:04:{number % 60:02}.{number:06}+00:00"
            yield (visitor, "iPhone", "Safari", "iOS", moment, f"{visitor}:{random.randbytes(150).hex()}")
        yield (visitor, "iPad", "Safari", "iOS", "2026-02-01T00:00:00+00:00", "another combination's")


@dataclass(slots=True)
class Journey:
    """What is known from outside while it runs."""

    stack: Stack
    client: httpx.AsyncClient
    begun: float = field(default_factory=time.monotonic)
    addresses: dict[int, str] = field(default_factory=dict)
    states: dict[int, dict[str, Any]] = field(default_factory=dict)
    refused: Counter[int] = field(default_factory=Counter)
    told: list[tuple[float, str, str]] = field(default_factory=list)
    redis: set[str] = field(default_factory=set)

    def tell(self, what: str) -> None:
        counts = Counter(one["status"] for one in self.states.values())
        said = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
        self.told.append((time.monotonic() - self.begun, what, said))
        print(f"{self.told[-1][0]:7.1f} s  {what:58} {said}", flush=True)

    async def ask(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Until somebody answers: an API may be dead, and its database away."""
        while True:
            try:
                answer = await self.client.request(method, path, **sent)
            except httpx.TransportError:
                self.refused[0] += 1
            else:
                if answer.status_code < 500:
                    return answer
                self.refused[answer.status_code] += 1
            await asyncio.sleep(0.2)

    async def request(self, visitor: int) -> None:
        found = (await self.ask("POST", f"{BASE}/visitors/search", json={"identifier": f"cookie-{visitor}"})).json()
        (website,) = [one for one in found["data_sources"] if one["id"] == "website"]
        (token,) = [one["candidate"] for one in website["visitors"][0]["combinations"] if one["device"] == "iPhone"]
        answer = await self.ask("POST", f"{BASE}/exports", json={"candidate": token})
        assert answer.status_code == 202, answer.text
        self.addresses[visitor] = answer.headers["location"]
        self.states[visitor] = answer.json()

    async def watch(self) -> None:
        """Until every export has ended; looks into Redis on the way."""
        while unfinished := [one for one in self.states if self.states[one]["status"] in ("queued", "compiling")]:
            for visitor in unfinished:
                self.states[visitor] = (await self.ask("GET", self.addresses[visitor])).json()
            self.redis |= self.stack.held_in_redis()
            await asyncio.sleep(1)

    async def archive(self, visitor: int) -> bytes:
        return (await self.ask("GET", f"{self.addresses[visitor]}/archive")).content


async def test_200_exports_survive_every_fault(tmp_path: Path) -> None:
    write_many(tmp_path / "website.db")
    write_shop(tmp_path / "shop.db")
    environ = environ_of(tmp_path) | {"DOSSIER_DATA_CENTERS": str(MAPPINGS)}
    with standing(tmp_path / "stack", environ) as stack:
        async with in_turn(stack, stack.key("maria", "acme")) as client:
            journey = Journey(stack, client)
            await asyncio.gather(*(journey.request(visitor) for visitor in range(PEOPLE)))
            journey.tell(f"{PEOPLE} exports requested")
            watching = asyncio.create_task(journey.watch())
            await faults(journey)
            async with asyncio.timeout(1200):
                await watching
            journey.tell("every export has ended")
            await asyncio.sleep(12)
            await check(journey, tmp_path)


async def faults(journey: Journey) -> None:
    """Workers die all the time; beside that one thing after another is away."""
    killing = asyncio.create_task(kill_workers(journey))
    stack = journey.stack
    plan: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("Valkey killed and started empty", lambda: away(stack.valkey, 0)),
        (f"SeaweedFS killed for {AWAY_SECONDS} s", lambda: away(stack.seaweedfs, AWAY_SECONDS)),
        ("an API killed and started again", lambda: again(stack.apis[0])),
        (f"PostgreSQL stopped for {AWAY_SECONDS} s", lambda: away(stack.postgres, AWAY_SECONDS)),
        ("Valkey killed and started empty, once more", lambda: away(stack.valkey, 0)),
        ("the other API killed and started again", lambda: again(stack.apis[1])),
    ]
    for what, do in plan:
        await asyncio.sleep(6)
        journey.tell(what)
        await do()
    killing.cancel()
    await asyncio.gather(killing, return_exceptions=True)


async def kill_workers(journey: Journey) -> None:
    number = 0
    while True:
        await asyncio.sleep(random.uniform(3, 6))
        worker = journey.stack.workers[number % len(journey.stack.workers)]
        journey.tell(f"worker {number % len(journey.stack.workers)} killed and started again")
        await again(worker)
        number += 1


async def again(process: Process) -> None:
    await asyncio.to_thread(process.kill)
    process.start()


async def away(server: Any, seconds: float) -> None:
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(server.start)


async def check(journey: Journey, folder: Path) -> None:
    ids = [one["id"] for one in journey.states.values()]
    right = [visitor for visitor in journey.states if await is_right(journey, visitor, folder)]
    store = journey.stack.seaweedfs.client()
    objects = list(store.list_objects("dossier", recursive=True))
    uploads = store._list_multipart_uploads("dossier").uploads
    with psycopg.connect(journey.stack.postgres.url) as database:
        jobs = one_number(database, "SELECT count(*) FROM jobs")
        facts = "SELECT entry_id::text, count(*) FROM audit_events WHERE action = %s GROUP BY entry_id"
        ready: dict[str, int] = dict(database.execute(facts, ("exports:ready",)).fetchall())
        starts = sum(count for _, count in database.execute(facts, ("exports:start",)).fetchall())
    leaks = [held for held in journey.redis if any(one in held for one in (*ids, "acme", "website", "cookie-", "@"))]
    results = {
        "exports": len(ids),
        "ready": sum(one["status"] == "ready" for one in journey.states.values()),
        "right archives": len(right),
        "objects in the bucket": len(objects),
        "dangling multipart uploads": len(uploads),
        "rows in jobs": jobs,
        "exports with exactly one ready event": sum(ready.get(one) == 1 for one in ids),
        "exports with more ready events": sum(count > 1 for count in ready.values()),
        "keys and values seen in Redis": len(journey.redis),
        "of them with an id, a name or personal data": len(leaks),
    }
    told = {
        "workers killed": sum("worker" in what and "killed" in what for _, what, _ in journey.told),
        "attempts begun": starts,
        "answers refused meanwhile, by status (0: no connection)": dict(journey.refused),
        "bytes of all archives": sum(one.size or 0 for one in objects),
        "seconds in all": round(time.monotonic() - journey.begun),
    }
    for name, value in (results | told).items():
        print(f"{name:58} {value}", flush=True)
    assert journey.redis
    assert list(results.values())[:8] == [PEOPLE, PEOPLE, PEOPLE, PEOPLE, 0, 0, PEOPLE, 0], journey.stack.said()[-5000:]
    assert not leaks


def one_number(database: psycopg.Connection[Any], query: str) -> int:
    row = database.execute(query.encode()).fetchone()
    assert row
    return int(row[0])


async def is_right(journey: Journey, visitor: int, folder: Path) -> bool:
    """Its bytes are those of the record, and its rows those that an independent reader finds."""
    export = journey.states[visitor]
    if export["status"] != "ready":
        return False
    content = await journey.archive(visitor)
    if hashlib.sha256(content).hexdigest() != export["sha256"]:
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.testzip() is None
        rows = json.loads(opened.read("personal-data.json"))["sections"]["events"]
    with closing(sqlite3.connect(folder / "website.db")) as database:
        query = "SELECT id, what FROM events WHERE visitor_id = ? AND device = 'iPhone' ORDER BY at, id"
        expected = database.execute(query, (visitor,)).fetchall()
    return [(row["id"], row["what"]) for row in rows] == expected
