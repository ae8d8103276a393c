"""How long 1,000 searches take at rest, and while a worker compiles 1 GB and the API hands 1 GB over."""

import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import quantiles

import httpx

from tests.builders import BASE, MAPPINGS, environ_of, finished, write_shop, write_website
from tests.stack import Stack, in_turn, standing

SEARCHES, AT_ONCE = 1_000, 4
# Random hexadecimal digits halve in a ZIP; what is moved is counted there.
ROWS, ROW_BYTES = 140_000, 8_000
GIGABYTE = 1_000_000_000


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
        folder = Path(name)
        write_website(folder / "website.db")
        write_shop(folder / "shop.db")
        write_much(folder / "website.db")
        environ = environ_of(folder) | {"DOSSIER_DATA_CENTERS": str(MAPPINGS)}
        with standing(folder / "stack", environ, apis=1, workers=1) as stack:
            asyncio.run(measure(stack))
    return 0


def write_much(path: Path) -> None:
    rows = ((random.randbytes(ROW_BYTES).hex(),) for _ in range(ROWS))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA journal_mode = OFF")
        database.executemany(
            "INSERT INTO events (visitor_id, device, browser, at, what)"
            " VALUES (1, 'Big screen', 'Firefox', '2026-01-01T00:00:00Z', ?)", rows,
        )  # fmt: skip


async def measure(stack: Stack) -> None:
    async with in_turn(stack, stack.key("maria", "acme")) as client:
        token = await candidate(client)
        rest = await searches(client)
        address = (await client.post(f"{BASE}/exports", json={"candidate": token})).headers["location"]
        export = await finished(client, address, seconds=600)
        assert export["status"] == "ready", export
        print(f"an archive of {export['size']:,} bytes")
        again = await client.post(f"{BASE}/exports", json={"candidate": await candidate(client)})
        moving = asyncio.create_task(download(client, address))
        busy, rounds = [], 0
        while rounds == 0 or not moving.done():
            busy += await searches(client)
            rounds += 1
        status = (await client.get(again.headers["location"])).json()["status"]
        print(f"{await moving:,} bytes handed over meanwhile; the other export was {status} at the end")
        report("at rest", rest)
        report("beside both", busy)


async def candidate(client: httpx.AsyncClient) -> str:
    found = (await client.post(f"{BASE}/visitors/search", json={"identifier": "183"}, timeout=120)).json()
    combinations = [
        one for source in found["data_sources"] for visitor in source["visitors"] for one in visitor["combinations"]
    ]
    return next(str(one["candidate"]) for one in combinations if one["device"] == "Big screen")


async def download(client: httpx.AsyncClient, address: str) -> int:
    """Twice, one after the other: so much that it lasts."""
    taken = 0
    while taken < GIGABYTE:
        async with client.stream("GET", f"{address}/archive") as answer:
            async for chunk in answer.aiter_raw():
                taken += len(chunk)
    return taken


async def searches(client: httpx.AsyncClient) -> list[float]:
    """Seconds of each, a few at a time; for somebody with a single visit, whom the source's index finds at once."""

    async def some() -> list[float]:
        times = []
        for _ in range(SEARCHES // AT_ONCE):
            begun = time.perf_counter()
            answer = await client.post(f"{BASE}/visitors/search", json={"identifier": "9f3"})
            answer.raise_for_status()
            times.append(time.perf_counter() - begun)
        return times

    return [one for group in await asyncio.gather(*(some() for _ in range(AT_ONCE))) for one in group]


def report(when: str, times: list[float]) -> None:
    cut = quantiles(times, n=100)
    worst = max(times)
    said = [f"{1000 * one:7.1f} ms" for one in (cut[49], cut[94], cut[98], worst)]
    print(f"{when:12} {len(times):6,} searches   p50 {said[0]}   p95 {said[1]}   p99 {said[2]}   worst {said[3]}")


if __name__ == "__main__":
    sys.exit(main())
