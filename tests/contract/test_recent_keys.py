"""What is known of a key may be a second old, and no older; nobody waits for its being read again."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from app.access.keys import KeyOrder, Keys
from app.access.port import Administrator
from app.access.recent import LiveKey, RecentKeys
from app.kit.db import DatabaseUnavailable
from tests.builders import running
from tests.contract.test_database import engines, on
from tests.servers import new_database

ORDER = KeyOrder("maria", ("acme",), "administrator", None)
LIVE = LiveKey("hash", None, Administrator("maria", "0a1b", {}))


class Counted:
    """A reading that takes its time, and counts how often it was asked."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.asked, self.fails = seconds, 0, False

    async def __call__(self, key_id: str) -> LiveKey | None:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise DatabaseUnavailable
        return LIVE if key_id.startswith("known") else None


@engines
async def test_another_process_revokes_a_key_within_a_second_and_this_one_at_once(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        here = service.services.keys
        there = Keys(service.services.ledger, service.clock)
        first = await here.create(ORDER)
        assert await here.authenticate(first)
        assert await there.revoke(first.split("_")[1])
        await asyncio.sleep(1)
        assert await here.authenticate(first) is None
        second = await here.create(ORDER)
        assert await here.authenticate(second)
        assert await here.revoke(second.split("_")[1])
        assert await here.authenticate(second) is None


async def test_a_key_that_is_known_still_expires_to_the_moment_and_needs_its_secret(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service:
        keys = service.services.keys
        token = await keys.create(KeyOrder("short", ("acme",), "administrator", timedelta(hours=1)))
        assert await keys.authenticate(token)
        assert await keys.authenticate(token[:-1] + "x") is None
        service.clock.ahead = timedelta(hours=1)
        assert await keys.authenticate(token) is None


async def test_many_who_come_at_once_are_one_reading_and_those_after_them_none() -> None:
    read = Counted(0.05)
    keys = RecentKeys(read)
    found = await asyncio.gather(*(keys.find("known") for _ in range(50)))
    assert (found, read.asked) == ([LIVE] * 50, 1)
    assert await keys.find("known") is LIVE
    assert read.asked == 1


async def test_a_key_in_use_is_read_again_before_anybody_must_wait_for_it() -> None:
    read = Counted(0.1)
    keys = RecentKeys(read)
    await keys.find("known")
    waits, begun = [], time.monotonic()
    while time.monotonic() - begun < 2.5:
        before = time.monotonic()
        await keys.find("known")
        waits.append(time.monotonic() - before)
        await asyncio.sleep(0.02)
    assert max(waits) < 0.09
    assert 3 <= read.asked <= 5


async def test_keys_that_do_not_exist_are_asked_for_each_time_and_few_are_kept() -> None:
    read = Counted()
    keys = RecentKeys(read)
    assert [await keys.find("unknown") for _ in range(3)] == [None] * 3
    assert read.asked == 3
    for number in range(1_500):
        await keys.find(f"known {number}")
    assert len(keys._kept) == 1_000
    assert keys._readings == {}


async def test_a_database_that_fails_is_an_answer_after_a_second_at_most() -> None:
    read = Counted()
    keys = RecentKeys(read)
    await keys.find("known")
    read.fails = True
    await asyncio.sleep(0.8)
    assert await keys.find("known") is LIVE
    await asyncio.sleep(0.2)
    with pytest.raises(DatabaseUnavailable):
        await keys.find("known")
    read.fails = False
    assert await keys.find("known") is LIVE


async def test_what_was_being_read_when_a_key_was_forgotten_does_not_count() -> None:
    read = Counted(0.1)
    keys = RecentKeys(read)
    first = asyncio.create_task(keys.find("known"))
    await asyncio.sleep(0.05)
    keys.forget("known")
    begun = time.monotonic()
    assert await first is LIVE
    assert time.monotonic() - begun > 0.09
    assert read.asked == 2


async def test_who_goes_away_does_not_take_the_reading_from_the_others() -> None:
    read = Counted(0.1)
    keys = RecentKeys(read)
    first, second = (asyncio.create_task(keys.find("known")) for _ in range(2))
    await asyncio.sleep(0.05)
    first.cancel()
    assert await second is LIVE
    assert read.asked == 1


async def test_a_database_that_hangs_is_an_answer_after_seconds_too(tmp_path: Path, postgres_18: str) -> None:
    url = new_database(postgres_18)
    async with running(tmp_path, work=False, database_url=url) as service, await service.client() as client:
        assert (await client.get("/v1/me")).status_code == 200
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE api_keys")
            await asyncio.sleep(1)
            begun = time.monotonic()
            answer = await client.get("/v1/me")
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/database-unavailable")
            assert time.monotonic() - begun < 7
        assert (await client.get("/v1/me")).status_code == 200
