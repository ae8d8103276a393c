"""A cancel always gets its answer, at whatever moment of an export it comes: every lock is taken in one order."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.builders import WITHOUT_LIMITS, finished, request_export, running
from tests.servers import new_database

DEVICES = ("iPhone", "iPad", None)
RUNS = 20


@pytest.mark.parametrize("own", ["sqlite", "postgres_18"])
async def test_exports_that_are_cancelled_at_random_moments_are_cancelled_or_were_ready(
    request: pytest.FixtureRequest, own: str, tmp_path: Path
) -> None:
    url = None if own == "sqlite" else new_database(request.getfixturevalue(own))
    async with (
        running(tmp_path, database_url=url, settings={"max_exports": 3} | WITHOUT_LIMITS) as service,
        await service.client() as client,
    ):
        started = time.monotonic()
        for address in [await request_export(client, device) for device in DEVICES]:
            await finished(client, address)
        takes = time.monotonic() - started
        told = Counter[tuple[int, str]]()
        for answers in await asyncio.gather(*(ended_often(client, device, takes) for device in DEVICES)):
            told.update(answers)
        assert set(told) <= {(202, "cancelled"), (204, "revoked")}
        assert told.total() == len(DEVICES) * RUNS
        assert min(told[202, "cancelled"], told[204, "revoked"]) > 0


async def ended_often(client: httpx.AsyncClient, device: str | None, takes: float) -> list[tuple[int, str]]:
    """The statuses of the answers, and of the exports when all is over."""
    answers = []
    for _ in range(RUNS):
        address = await request_export(client, device)
        await asyncio.sleep(random.uniform(0, takes))
        answers.append((address, (await client.delete(address)).status_code))
    return [(status, (await finished(client, address))["status"]) for address, status in answers]


async def test_a_cancel_waits_for_a_worker_that_is_about_to_finish(postgres_18: str, tmp_path: Path) -> None:
    """The worker holds the job and takes the entry next; whoever held the entry and waited for the job would never
    come together with it."""
    url = new_database(postgres_18)
    async with running(tmp_path, work=False, database_url=url) as service, await service.client() as client:
        address = await request_export(client)
        with psycopg.connect(url) as worker:
            worker.execute("SELECT 1 FROM jobs FOR UPDATE")
            cancelling = asyncio.create_task(client.delete(address))
            await waited_for(url)
            await asyncio.to_thread(worker.execute, "UPDATE history_entries SET started_at = now()")
        assert (await cancelling).status_code == 202


async def test_two_ticks_take_dead_leases_back_without_waiting_for_each_other(postgres_18: str, tmp_path: Path) -> None:
    url = new_database(postgres_18)
    async with running(tmp_path, work=False, database_url=url) as service, await service.client() as client:
        for device in DEVICES:
            await request_export(client, device)
            assert await service.services.run_job.take_up()
        with psycopg.connect(url) as other:
            other.execute("UPDATE jobs SET lease_until = now() - interval '1 hour'")
            other.commit()
            other.execute("SELECT 1 FROM jobs ORDER BY entry_id DESC LIMIT 1 FOR UPDATE")
            async with asyncio.timeout(3):
                await service.services.tick()
        assert leases(url) == 1


def leases(url: str) -> int:
    with psycopg.connect(url) as connection:
        (count,) = connection.execute("SELECT count(lease) FROM jobs").fetchone() or (None,)
    return int(count or 0)


async def waited_for(url: str) -> None:
    """Until another session waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with psycopg.connect(url, autocommit=True) as connection:
        async with asyncio.timeout(5):
            while connection.execute(waiting).fetchone() == (0,):
                await asyncio.sleep(0.02)
