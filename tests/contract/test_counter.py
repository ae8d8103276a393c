"""Both counters alike; the shared one across processes, and what becomes of limits while Redis is away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.access.counter import MOST_DIFFERENT, Counter, CounterAway, OwnCounter, SharedCounter, Window
from app.access.redis import RedisCounter
from tests.builders import MovableClock
from tests.servers import Server, Valkey

WINDOWS = (Window("minute", 3, 60), Window("day", 5, 86_400))
AWAY = "redis://127.0.0.1:1"
Made = Callable[[], Counter]


@pytest.fixture
def clock() -> MovableClock:
    clock = MovableClock()
    clock.frozen = datetime(2026, 11, 1, tzinfo=UTC)
    return clock


@pytest.fixture(params=["own", "redis", "shared", "away"])
def made(request: pytest.FixtureRequest, clock: MovableClock) -> Made:
    """Each as it is chosen; the last one has a Redis that is not there."""
    if request.param == "own":
        return lambda: OwnCounter(clock)
    url = AWAY if request.param == "away" else request.getfixturevalue("valkey").url
    if request.param == "redis":
        return lambda: RedisCounter(url, clock)
    return lambda: SharedCounter(RedisCounter(url, clock), OwnCounter(clock))


@asynccontextmanager
async def closing(counter: Counter) -> AsyncIterator[Counter]:
    try:
        yield counter
    finally:
        await counter.close()


async def taken(counter: Counter, key: str, times: int) -> list[bool]:
    return [(await counter.take(key, WINDOWS)).allowed for _ in range(times)]


async def test_a_window_slides_and_what_is_refused_is_not_counted(made: Made, clock: MovableClock) -> None:
    assert clock.frozen
    key = uuid4().hex
    async with closing(made()) as counter:
        assert await taken(counter, key, 5) == [True, True, True, False, False]
        clock.frozen += timedelta(seconds=60)
        assert await taken(counter, key, 1) == [False]
        clock.frozen += timedelta(milliseconds=1)
        assert await taken(counter, key, 3) == [True, True, False]
        clock.frozen += timedelta(minutes=2)
        assert await taken(counter, key, 1) == [False]
        clock.frozen += timedelta(days=1)
        assert await taken(counter, key, 4) == [True, True, True, False]


async def test_what_is_left_and_when_it_is_more_is_told(made: Made, clock: MovableClock) -> None:
    assert clock.frozen
    key = uuid4().hex
    async with closing(made()) as counter:
        for left in (2, 1, 0):
            found = await counter.take(key, WINDOWS)
            assert [(one.left, one.seconds) for one in found.standings] == [(left, 61 - 10 * (2 - left)), (left + 2, 86_401 - 10 * (2 - left))]  # fmt: skip
            clock.frozen += timedelta(seconds=10)
        refused = await counter.take(key, WINDOWS)
        assert [(one.left, one.seconds) for one in refused.standings] == [(0, 31), (2, 86_371)]


async def test_keys_do_not_know_of_each_other(made: Made) -> None:
    async with closing(made()) as counter:
        one, other = uuid4().hex, uuid4().hex
        assert (await taken(counter, one, 4))[3] is False
        assert await taken(counter, other, 1) == [True]


async def test_different_ones_are_counted_within_their_seconds(made: Made, clock: MovableClock) -> None:
    assert clock.frozen
    key = uuid4().hex
    async with closing(made()) as counter:
        assert [await counter.different(key, one, 60) for one in "aabca"] == [1, 1, 2, 3, 3]
        clock.frozen += timedelta(seconds=30)
        assert await counter.different(key, "a", 60) == 3
        clock.frozen += timedelta(seconds=31)
        assert await counter.different(key, "d", 60) == 2


async def test_of_different_ones_the_newest_are_remembered(made: Made) -> None:
    key = uuid4().hex
    async with closing(made()) as counter:
        counts = [await counter.different(key, str(number), 60) for number in range(MOST_DIFFERENT + 5)]
        assert counts[-6:] == [MOST_DIFFERENT] * 6


async def test_many_at_once_at_two_processes_pass_to_the_one_though_their_clocks_differ(valkey: Server) -> None:
    ahead, behind = MovableClock(), MovableClock()
    behind.ahead = timedelta(milliseconds=-300)
    key, windows = uuid4().hex, (Window("minute", 30, 60), Window("day", 500, 86_400))
    async with closing(RedisCounter(valkey.url, ahead)) as one, closing(RedisCounter(valkey.url, behind)) as other:
        asked = (counter.take(key, windows) for _ in range(100) for counter in (one, other))
        assert sum([found.allowed for found in await asyncio.gather(*asked)]) == 30


async def test_redis_is_told_in_one_exchange_and_forgets_in_time(valkey: Valkey, clock: MovableClock) -> None:
    key = uuid4().hex
    async with closing(RedisCounter(valkey.url, clock)) as counter:
        await counter.take(key, WINDOWS)
        await counter.different(f"{key}-different", "a", 60)
        for name, most in ((key, 86_400), (f"{key}-different", 60)):
            left = int(valkey.ask("TTL", f"dossier:limits:{name}").decode().strip(":\r\n"))
            assert most - 5 <= left <= most


async def test_redis_away_is_told_once_costs_little_and_is_counted_by_oneself(caplog: pytest.LogCaptureFixture) -> None:
    clock, begun = MovableClock(), time.monotonic()
    async with closing(SharedCounter(RedisCounter(AWAY, clock), OwnCounter(clock))) as counter:
        assert await taken(counter, "one", 5) == [True, True, True, False, False]
    assert time.monotonic() - begun < 1
    assert caplog.text.count("Redis does not answer; each process counts limits by itself") == 1
    with pytest.raises(CounterAway):
        await RedisCounter(AWAY, clock).different("one", "a", 60)


async def test_a_redis_that_hangs_delays_one_request_by_a_moment(caplog: pytest.LogCaptureFixture) -> None:
    clock = MovableClock()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with closing(SharedCounter(RedisCounter(url, clock), OwnCounter(clock))) as counter:
        begun = time.monotonic()
        assert await taken(counter, "one", 4) == [True, True, True, False]
        assert time.monotonic() - begun < 0.5
    server.close()
    assert "each process counts limits by itself" in caplog.text


async def test_redis_that_dies_and_is_back_counts_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server, clock = Valkey(tmp_path), MovableClock()
    server.start()
    try:
        async with closing(SharedCounter(RedisCounter(server.url, clock), OwnCounter(clock))) as counter:
            assert await taken(counter, "one", 1) == [True]
            server.stop()
            assert await taken(counter, "one", 4) == [True, True, True, False]
            server.start()
            async with asyncio.timeout(10):
                while "for all processes together again" not in caplog.text:
                    await asyncio.sleep(0.2)
                    await counter.take("two", WINDOWS)
            # It was killed and holds nothing, and does not know the script any more.
            assert (await taken(counter, "one", 4))[3] is False
    finally:
        server.stop()
