"""How long one visitor's millions of rows take to go, and how long others who write to the same table wait meanwhile:
this service in batches, the same batches in a bare loop, and one DELETE for all."""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import quantiles

import psycopg

from tests.servers import Postgres, new_database, running
from tests.small import erasable, opened, step

WRITERS, BATCH = 20, 5000
TABLES = """
CREATE TABLE people (id bigint PRIMARY KEY, email text, cookie text);
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, visitor_id bigint, device text, browser text,
    os text, at timestamptz DEFAULT now(), what text, people bigint);
INSERT INTO people VALUES (1, 'jane@example.com', '183');
"""
FILL = """
INSERT INTO events (visitor_id, device, browser, os, what, people)
SELECT CASE WHEN n %% 6 < 5 THEN 1 ELSE 1000 + n %% 100003 END, 'iPhone', 'Safari', 'iOS',
       'https://www.example.com/page/' || md5(n::text), 1
FROM generate_series(1, %s) AS n
"""
SQL = "DELETE FROM events WHERE ctid = ANY (ARRAY(SELECT ctid FROM events WHERE visitor_id = {} LIMIT {}))"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="of the visitor")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as folder, running(Postgres, "18") as server:
        found = {
            "nobody erases, for 10 s": measured(server.url, given.rows, lambda _: time.sleep(10)),
            "Dossier, batches of 5,000": measured(server.url, given.rows, lambda url: erase(Path(folder), url)),
            "the same batches, a bare loop": measured(server.url, given.rows, bare),
            "one DELETE": measured(server.url, given.rows, at_once),
        }
    floor = found["the same batches, a bare loop"][0]
    print(f"{given.rows:,} rows of one visitor, {WRITERS} writers who insert a row and update another")
    for name, (seconds, waits) in found.items():
        p50, p99 = quantiles(waits, n=100)[49], quantiles(waits, n=100)[98]
        told = f"{seconds:7.1f} s ({seconds / floor:.2f})  {len(waits) / seconds:7.0f} writes/s"
        print(f"{name:30} {told}  p50 {p50:.1f} ms  p99 {p99:.1f} ms  longest {max(waits):.0f} ms", flush=True)
    return 0


def measured(server: str, rows: int, work: Callable[[str], object]) -> tuple[float, list[float]]:
    """Seconds of the work, and milliseconds of each write meanwhile. Each on a database of its own."""
    url = new_database(server)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(TABLES.encode())
        database.execute(FILL.encode(), (rows * 6 // 5,))
        database.execute("CREATE INDEX ON events (visitor_id)")
        database.execute("VACUUM ANALYZE events")
        database.execute("CHECKPOINT")
    context = get_context("spawn")
    stop, told = context.Event(), context.Queue()
    writers = context.Process(target=write, args=(url, rows * 6 // 5, stop, told))
    writers.start()
    told.get()
    begun = time.monotonic()
    work(url)
    took = time.monotonic() - begun
    stop.set()
    waits: list[float] = told.get()
    writers.join()
    with psycopg.connect(server, autocommit=True) as database:
        database.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)".encode())
    return took, waits


def write(url: str, rows: int, stop: Event, told: "Queue[object]") -> None:
    """In a process of its own, so that what waits is the database."""
    with ThreadPoolExecutor(WRITERS) as pool:
        told.put("ready")
        told.put(
            [wait for waits in pool.map(lambda seed: wrote(url, rows, stop, seed), range(WRITERS)) for wait in waits]
        )


def wrote(url: str, rows: int, stop: Event, seed: int) -> list[float]:
    picked, waits = random.Random(seed), list[float]()
    with psycopg.connect(url, autocommit=True) as database:
        while not stop.is_set():
            begun = time.monotonic()
            database.execute("INSERT INTO events (visitor_id, what) VALUES (%s, 'new')", (2_000_000 + seed,))
            # Of somebody else's: every sixth.
            other = picked.randrange(rows // 6) * 6 + 5
            database.execute("UPDATE events SET os = 'x' WHERE id = %s", (other,))
            waits.append((time.monotonic() - begun) * 1000)
            time.sleep(0.02)
    return waits


def erase(folder: Path, url: str) -> None:
    data = erasable(step("events", sql=SQL.format(":visitor", ":batch"), batch=BATCH), step("people"))

    async def run() -> None:
        async with opened(folder, url, data) as source, source.erase(1, None, None, "visitor") as erasing:
            assert (await erasing.count())[1] == 1
            await erasing.run(lambda _steps, _rows: None)
            assert await erasing.count() == [0, 0]

    asyncio.run(run())


def bare(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        while database.execute(SQL.format(1, BATCH).encode()).rowcount:
            pass


def at_once(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as database, suppress(psycopg.errors.QueryCanceled):
        database.execute("DELETE FROM events WHERE visitor_id = 1")


if __name__ == "__main__":
    raise SystemExit(main())
