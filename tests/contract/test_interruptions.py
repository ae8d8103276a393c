"""Whoever stops reading stops nobody else: an interrupt reaches its own statement, or nothing."""

import asyncio
import random
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg

from app.sources.port import DataSource
from tests.small import HERE, TABLES, Small, found, section

READS = 300
CANCELLED = 100
# The last place is a search's.
PLACES = 4
COUNT = f"SELECT count(*) AS number FROM events WHERE {HERE}"
SECTIONS = (section("events", estimate=COUNT), section("again", estimate=COUNT))
MORE = """
INSERT INTO events WITH RECURSIVE numbers (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000)
SELECT n, 1, 'iPhone', 'Safari', 'iOS', '2026-01-06T03:04:05Z', 'one of many', 1 FROM numbers;
"""


async def read(source: DataSource) -> int:
    """How many rows both sections have."""
    count = 0
    async with source.read(1, "iPhone", "Safari") as reading:
        for name in ("events", "again"):
            # An iterator that blocks, so it is consumed in a thread, as an export does it.
            rows: Any = reading.rows(name)
            count += sum(len(batch.rows) for batch in await asyncio.to_thread(list, rows))
    return count


async def searches(source: DataSource, until: asyncio.Event) -> int:
    """One after the other on the same pool, as often as time allows; each finds who is there."""
    count = 0
    while not until.is_set():
        assert len((await found(source, "183")).visitors) == 1
        count += 1
    return count


async def beside_searches(source: DataSource, work: Callable[[], Awaitable[None]]) -> None:
    done = asyncio.Event()
    searching = asyncio.create_task(searches(source, done))
    try:
        await work()
    finally:
        done.set()
    assert await searching > 0


async def test_no_estimate_of_a_read_disturbs_what_its_connection_runs_next(small: Small) -> None:
    small.run(TABLES)

    async def reader(source: DataSource) -> None:
        for _ in range(READS // (PLACES - 1)):
            assert await read(source) == 4

    async with small.source(*SECTIONS, connections=PLACES) as source:
        await beside_searches(source, lambda: _all(reader(source) for _ in range(PLACES - 1)))


async def test_reads_that_are_cancelled_at_any_moment_cancel_no_query_of_another_on_postgresql(
    postgresql: Small,
) -> None:
    postgresql.run(TABLES + MORE)
    async with postgresql.source(*SECTIONS, connections=PLACES) as source:
        with foreign_queries(postgresql):
            await beside_searches(source, lambda: cancelled_reads(source))
        async with asyncio.timeout(5):
            while transactions(postgresql):
                await asyncio.sleep(0.05)
        assert await read(source) > 4


async def test_reads_that_are_cancelled_at_any_moment_keep_no_writer_waiting_on_sqlite(sqlite: Small) -> None:
    """With a rollback journal one forgotten reader is enough to lock every writer out."""
    with closing(sqlite3.connect(sqlite.folder / "small.db")) as database:
        assert database.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    sqlite.run(TABLES + MORE)
    async with sqlite.source(*SECTIONS, connections=PLACES) as source:
        await beside_searches(source, lambda: cancelled_reads(source))
        with closing(sqlite3.connect(sqlite.folder / "small.db", timeout=0.5)) as database, database:
            database.execute("UPDATE people SET cookie = 'new' WHERE id = 3")
        assert await read(source) > 4


async def cancelled_reads(source: DataSource) -> None:
    """Each is let go on for some time between nothing and a little more than a whole read takes."""
    randomly = random.Random(7)
    begun = asyncio.get_running_loop().time()
    await read(source)
    most = 1.2 * (asyncio.get_running_loop().time() - begun)
    for _ in range(CANCELLED):
        reading = asyncio.create_task(read(source))
        await asyncio.sleep(randomly.uniform(0, most))
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


@contextmanager
def foreign_queries(server: Small) -> Iterator[None]:
    """Another client's queries beside the block: none of them may fail."""
    over, failures, done = threading.Event(), list[psycopg.Error](), list[int]()

    def ask() -> None:
        try:
            with psycopg.connect(server.url, autocommit=True) as connection:
                while not over.is_set():
                    connection.execute("SELECT pg_sleep(0.01)")
                    done.append(1)
        except psycopg.Error as error:
            failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
    assert not failures
    assert done


def transactions(server: Small) -> int:
    """What is open on this database, by others than whoever asks."""
    ((count,),) = server.run(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND state IN ('active', 'idle in transaction', 'idle in transaction (aborted)')"
    )
    return int(count)


async def _all(work: Iterator[Awaitable[None]]) -> None:
    await asyncio.gather(*work)
