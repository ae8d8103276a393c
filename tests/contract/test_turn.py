"""Whose turn it is: the data center with the fewest running and the longest wait, then the oldest job."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.history.entry import NewEntry, add_entry, move
from app.history.turn import WorkInTurn
from app.jobs.job import Lane, add_job, claim, delete_unwanted
from app.kit.db import Database, database_url
from app.kit.identity import uuid7
from app.sources.registry import Registry
from tests.engines import EACH
from tests.servers import new_database

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ORDER = WorkInTurn(Registry({}), {}).order


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'own.db'}"
    return new_database(request.getfixturevalue(request.param))


@asynccontextmanager
async def migrated(url: str) -> AsyncIterator[Database]:
    database = Database(database_url(url))
    await database.migrate()
    try:
        yield database
    finally:
        await database.close()


async def waiting(
    database: Database, center: str, minutes: int, begun: int | None = None, source: str = "website"
) -> UUID:  # fmt: skip
    """A job that has been due for so many minutes; where `begun` is said, one that runs since then instead."""
    due = NOW - timedelta(minutes=minutes)
    entry_id = uuid7(due)
    new = NewEntry(
        id=entry_id, data_center=center, source_id=source, source_title="Website", label="j•••",
        handle=entry_id.hex, subject=entry_id.hex, identifier_hash=entry_id.hex,
        key_id="12345678", device=None, browser=None, case_reference=None, requested_by="maria", requested_at=due,
    )  # fmt: skip
    async with database.writing() as connection:
        await add_entry(connection, new)
        await add_job(connection, entry_id, center, "sealed", due)
    if begun is not None:
        async with database.writing() as connection:
            taken = await claim(connection, uuid4(), due, ORDER)
            assert taken is not None
            assert taken.entry_id == entry_id
            await move(connection, entry_id, ("queued",), "compiling", started_at=NOW - timedelta(minutes=begun))
    return entry_id


async def turns(database: Database, *busy: Lane) -> list[UUID]:
    found = []
    async with database.writing() as connection:
        while job := await claim(connection, uuid4(), NOW, ORDER, busy):
            found.append(job.entry_id)
            await delete_unwanted(connection, job.entry_id)
    return found


@pytest.mark.parametrize("url", EACH, indirect=True)
async def test_who_runs_less_comes_first_though_the_other_has_waited_longer(url: str) -> None:
    async with migrated(url) as database:
        await waiting(database, "busy", 120, begun=60)
        first = await waiting(database, "busy", 30)
        ended = await waiting(database, "idle", 20, begun=1)
        async with database.writing() as connection:
            await delete_unwanted(connection, ended)
        second = await waiting(database, "idle", 10)
        assert await turns(database) == [second, first]


@pytest.mark.parametrize("url", EACH, indirect=True)
async def test_of_two_who_run_as_many_comes_first_whose_last_one_began_longer_ago(url: str) -> None:
    async with migrated(url) as database:
        for center, begun in (("lately", 1), ("long ago", 50)):
            await waiting(database, center, 100, begun=begun)
        lately, long_ago = await waiting(database, "lately", 30), await waiting(database, "long ago", 10)
        never = await waiting(database, "never", 5)
        assert await turns(database) == [never, long_ago, lately]


@pytest.mark.parametrize("url", EACH, indirect=True)
async def test_within_a_data_center_the_oldest_comes_first_and_what_is_not_due_waits(url: str) -> None:
    async with migrated(url) as database:
        await waiting(database, "acme", -5)
        young, old = await waiting(database, "acme", 1), await waiting(database, "acme", 9)
        assert await turns(database) == [old, young]


@pytest.mark.parametrize("url", EACH, indirect=True)
async def test_jobs_of_busy_data_sources_are_passed_over_and_no_others(url: str) -> None:
    async with migrated(url) as database:
        await waiting(database, "acme", 9)
        free = {await waiting(database, "acme", 8, source="shop"), await waiting(database, "globex", 7)}
        assert set(await turns(database, ("acme", "website"))) == free
