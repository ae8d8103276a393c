"""Reading from a replica that ends a reading rather than lag behind its primary: the export is tried again."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from app.sources.port import DataSource, SourceUnavailable
from tests.builders import BASE, archive, candidates, document, running
from tests.contract.conftest import emptied
from tests.servers import Postgres, Standby
from tests.servers import running as server
from tests.small import HERE, TABLES, Small, found, mapping, rows, section, toml, write_mappings

MOST_SECONDS = 25
# How long a reading takes is a row, so that whoever changes the rows lets the next one through.
SLOW = f"SELECT id, what FROM events, pace, pg_sleep(pace.seconds) WHERE {HERE} ORDER BY id"
PACE = "CREATE TABLE pace (seconds float8); INSERT INTO pace VALUES (60)"
VACUUM = ("UPDATE pace SET seconds = 0", "DELETE FROM events WHERE visitor_id = 2", "VACUUM events")
CANCELLED = "SELECT confl_snapshot FROM pg_stat_database_conflicts WHERE datname = 'small'"


@pytest.fixture(scope="module")
def standby(postgres_18: str) -> Iterator[Postgres]:
    with server(Standby, "18", postgres_18) as replica:
        yield replica


@pytest.fixture
def primary(postgres_18: str, tmp_path: Path) -> Small:
    small = Small("postgresql", emptied(postgres_18), tmp_path)
    small.run(TABLES + PACE)
    return small


@pytest.fixture
def replica(primary: Small, standby: Postgres) -> Small:
    """The same database on the standby, once all of it is there."""
    small = replace(primary, url=standby.url.rpartition("/")[0] + "/small")
    caught_up(primary, standby)
    return small


def caught_up(primary: Small, standby: Postgres) -> None:
    ((written,),) = primary.run("SELECT pg_current_wal_insert_lsn()")
    begun = time.monotonic()
    with psycopg.connect(standby.url, autocommit=True) as connection:
        while connection.execute("SELECT pg_last_wal_replay_lsn() >= %s", (written,)).fetchone() != (True,):
            assert time.monotonic() - begun < MOST_SECONDS
            time.sleep(0.02)


def vacuumed(primary: Small) -> None:
    for order in VACUUM:
        primary.run(order)


async def vacuumed_while_read(primary: Small, replica: Small) -> None:
    """Waits for the reading, and then removes rows that it could still see."""
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    while replica.run(sleeping) == [(0,)]:
        await asyncio.sleep(0.02)
    vacuumed(primary)


async def test_a_replica_passes_the_check(primary: Small, replica: Small) -> None:
    async with replica.source() as source:
        assert [one.text for one in await source.check() if not one.warning] == []


async def test_a_reading_that_the_replica_cancels_is_unavailable(primary: Small, replica: Small) -> None:
    async with asyncio.timeout(MOST_SECONDS), replica.source(section(sql=SLOW)) as source:
        reading = asyncio.create_task(rows(source))
        await vacuumed_while_read(primary, replica)
        with pytest.raises(SourceUnavailable, match="section 'events': SerializationFailure"):
            await reading
    assert replica.run(CANCELLED) != [(0,)]


async def halted(source: DataSource, meanwhile: Callable[[], None], batches: int) -> None:
    """Reads so many batches, and the rest after what happens meanwhile."""
    async with source.read(1, "iPhone", "Safari") as reading:
        some = reading.rows("events")
        await asyncio.to_thread(list, islice(some, batches))
        await asyncio.to_thread(meanwhile)
        await asyncio.to_thread(list, some)


async def test_a_reading_that_the_replica_ends_before_a_section_is_unavailable(
    primary: Small, replica: Small, standby: Postgres
) -> None:
    def meanwhile() -> None:
        vacuumed(primary)
        caught_up(primary, standby)

    async with asyncio.timeout(MOST_SECONDS), replica.source() as source:
        assert len((await found(source, "183")).visitors) == 1
        with pytest.raises(SourceUnavailable):
            await halted(source, meanwhile, 0)
        assert len((await found(source, "183")).visitors) == 1


async def test_a_reading_that_the_replica_cancels_among_its_rows_is_unavailable(
    primary: Small, replica: Small, standby: Postgres
) -> None:
    """The reader stands still, and the server waits until it takes more."""

    def meanwhile() -> None:
        vacuumed(primary)
        time.sleep(0.5)

    many = "INSERT INTO events SELECT n, 1, 'iPhone', 'Safari', NULL, NULL, repeat('x', 1000), 1"
    primary.run(f"{many} FROM generate_series(100, 30000) AS n")
    caught_up(primary, standby)
    async with asyncio.timeout(MOST_SECONDS), replica.source() as source:
        with pytest.raises(SourceUnavailable, match="section 'events': SerializationFailure"):
            await halted(source, meanwhile, 1)


async def test_an_export_that_the_replica_cancels_is_ready_by_a_later_attempt(
    primary: Small, replica: Small, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    centers = write_mappings(tmp_path, toml(mapping(section(sql=SLOW))))
    async with (
        asyncio.timeout(MOST_SECONDS),
        running(tmp_path, mappings=centers, environ={"WEBSITE_URL": replica.url}) as service,
        await service.client() as client,
        await service.client("paula", "auditor") as auditor,
    ):
        (chosen,) = [one["candidate"] for one in await candidates(client, "183") if one["device"] == "iPhone"]
        requested = await client.post(f"{BASE}/exports", json={"candidate": chosen})
        address = requested.headers["location"]
        await vacuumed_while_read(primary, replica)
        whole = document(await archive(client, address))
        trail = (await auditor.get(f"{BASE}/audit")).json()["items"]
    assert [row["what"] for row in whole["sections"]["events"]] == ["first", "second"]
    told = [one["action"] for one in reversed(trail) if one["action"].startswith("exports:")]
    assert told[:4] == ["exports:request", "exports:start", "exports:start", "exports:ready"]
    assert "attempt 1: source-unavailable: section 'events': SerializationFailure" in caplog.text
