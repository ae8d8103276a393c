"""How soon who waits hears that an export is ready: one client for each export, beside 1,000 clients in all."""

import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import quantiles

import httpx
import psutil  # type: ignore[import-untyped]
import psycopg

from tests.builders import BASE, MAPPINGS, environ_of, write_shop, write_website
from tests.stack import Stack, in_turn, standing

EXPORTS, CLIENTS, ROWS = 40, 1_000, 40_000
_LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Seen:
    """What the APIs took meanwhile: bytes of memory, and connections of all processes to the own database."""

    memory: list[int] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
        folder = Path(name)
        write_website(folder / "website.db")
        write_shop(folder / "shop.db")
        write_devices(folder / "website.db")
        environ = environ_of(folder) | {"DOSSIER_DATA_CENTERS": str(MAPPINGS)}
        with standing(folder / "stack", environ, workers=0) as stack:
            asyncio.run(measure(stack))
    return 0


def write_devices(path: Path) -> None:
    rows = ((f"device {device:02}", f"visit {row} of {device}") for device in range(EXPORTS) for row in range(ROWS))
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "INSERT INTO events (visitor_id, device, browser, at, what)"
            " VALUES (1, ?, 'Firefox', '2026-01-01T00:00:00Z', ?)", rows,
        )  # fmt: skip


async def measure(stack: Stack) -> None:
    key = stack.key("maria", "acme")
    async with in_turn(stack, key) as client:
        for clients in (EXPORTS, CLIENTS):
            paths = [await requested(client, token) for token in await candidates(client)]
            seen, watching = Seen(), asyncio.Event()
            looking = asyncio.create_task(look(stack, seen, watching))
            here = asyncio.Barrier(clients + 1)
            asked = [
                asyncio.create_task(notice(stack, paths[number % EXPORTS], key, number, here))
                for number in range(clients)
            ]
            await here.wait()
            # Everybody waits by now, and only then is anything compiled.
            workers = [stack.add_worker() for _ in range(2)]
            times = await asyncio.gather(*asked)
            watching.set()
            await looking
            report(clients, times, seen)
            for worker in workers:
                worker.stop()


async def candidates(client: httpx.AsyncClient) -> list[str]:
    found = (await client.post(f"{BASE}/visitors/search", json={"identifier": "183"}, timeout=120)).json()
    every = [one for source in found["data_sources"] for who in source["visitors"] for one in who["combinations"]]
    return [str(one["candidate"]) for one in every if (one["device"] or "").startswith("device ")]


async def requested(client: httpx.AsyncClient, token: str) -> str:
    return str((await client.post(f"{BASE}/exports", json={"candidate": token})).headers["location"])


async def notice(stack: Stack, path: str, key: str, number: int, here: asyncio.Barrier) -> float:
    """Seconds from the archive's last byte to the moment at which this client knows of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.ports[number % len(stack.ports)])
    etag, export = "", {"status": "queued", "compiled_at": ""}
    while export["status"] in ("queued", "compiling"):
        writer.write(
            f"GET {path}?wait=30 HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
            f"If-None-Match: {etag}\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        told = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines())}
        if " 200 " in head.splitlines()[0]:
            first, etag = not etag, told["etag"]
            export = json.loads(await reader.readexactly(int(told["content-length"])))
            if first:
                await here.wait()
    heard = time.time()
    writer.close()
    assert export["status"] == "ready", export
    return heard - datetime.fromisoformat(export["compiled_at"]).timestamp()


async def look(stack: Stack, seen: Seen, enough: asyncio.Event) -> None:
    apis = [psutil.Process(one.running.pid) for one in stack.apis if one.running]
    with psycopg.connect(stack.postgres.url, autocommit=True) as database:
        while not enough.is_set():
            seen.memory.append(max(one.memory_info().rss for one in apis))
            row = database.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dossier'"
            ).fetchone()
            seen.connections.append(row[0] if row else 0)
            await asyncio.sleep(_LOOK_SECONDS)


def report(clients: int, times: Sequence[float], seen: Seen) -> None:
    cut = quantiles(times, n=100)
    said = "   ".join(f"{name} {1000 * cut[at]:6.0f} ms" for name, at in (("p50", 49), ("p99", 98)))
    memory = f"an API's memory {seen.memory[0] / 1e6:.0f} → {max(seen.memory) / 1e6:.0f} MB"
    print(f"{clients:5,} clients   {said}   worst {1000 * max(times):6.0f} ms   {memory}", end="   ")
    print(f"connections {seen.connections[0]} → at most {max(seen.connections)}")


if __name__ == "__main__":
    sys.exit(main())
