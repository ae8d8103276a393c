"""The bell: wakes whoever is idle, loses nothing, holds nothing up. The same in one process and on Redis."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.jobs.local import LocalBell
from app.jobs.port import Bell, BellSilent, Piece
from app.jobs.redis import RedisBell
from app.kit.errors import Misconfigured
from tests.servers import Valkey, free_port, running

on_both = pytest.mark.parametrize("kind", ["local", "redis"])


class Pieces:
    """Work that is counted, and takes as long as it is told to."""

    def __init__(self, left: int = 0, seconds: float = 0.0) -> None:
        self.left, self.seconds = left, seconds
        self.done = self.running = self.most = self.cancelled = 0

    async def __call__(self) -> bool:
        if not self.left:
            return False
        self.left -= 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        self.done += 1
        return True

    async def until(self, done: int, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while self.done < done:
                await asyncio.sleep(0.01)


@pytest.fixture
def bell(request: pytest.FixtureRequest, kind: str) -> Bell:
    if kind == "local":
        return LocalBell()
    server: Valkey = request.getfixturevalue("valkey")
    server.ask("FLUSHALL")
    return RedisBell(server.url)


@asynccontextmanager
async def answered(bell: Bell, work: Piece, at_once: int = 1) -> AsyncIterator[asyncio.Task[None]]:
    answering = asyncio.create_task(bell.answer(work, at_once))
    await asyncio.sleep(0.3)
    try:
        yield answering
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


@on_both
async def test_a_ring_wakes_at_once(bell: Bell) -> None:
    pieces = Pieces()
    async with answered(bell, pieces):
        for number in (1, 2, 3):
            pieces.left = 1
            await bell.ring()
            await pieces.until(number, seconds=1)
    await bell.close()


@on_both
async def test_work_without_a_ring_is_found_within_seconds(bell: Bell) -> None:
    pieces = Pieces()
    async with answered(bell, pieces):
        pieces.left = 1
        await pieces.until(1, seconds=4)
    await bell.close()


@on_both
async def test_no_more_run_at_once_than_was_said_however_often_it_rings(bell: Bell) -> None:
    pieces = Pieces(left=9, seconds=0.05)
    for _ in range(50):
        await bell.ring()
    async with answered(bell, pieces, at_once=3):
        for _ in range(50):
            await bell.ring()
        await pieces.until(9, seconds=3)
    assert pieces.most == 3
    await bell.close()


@on_both
async def test_what_runs_may_end_when_it_stops_and_nothing_new_begins(bell: Bell) -> None:
    pieces = Pieces(left=5, seconds=0.5)
    async with answered(bell, pieces, at_once=2):
        pass
    assert (pieces.done, pieces.left, pieces.cancelled) == (2, 3, 0)
    await bell.close()


@on_both
async def test_what_does_not_end_in_time_is_cancelled(bell: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.jobs.takers._GRACE_SECONDS", 0.2)
    pieces = Pieces(left=5, seconds=60)
    async with answered(bell, pieces, at_once=2):
        pass
    assert (pieces.done, pieces.left, pieces.cancelled) == (0, 3, 2)
    await bell.close()


@on_both
async def test_an_attempt_that_stumbles_does_not_stop_the_next(bell: Bell) -> None:
    pieces, stumbled = Pieces(), False

    async def work() -> bool:
        nonlocal stumbled
        if pieces.left and not stumbled:
            stumbled = True
            raise LookupError
        return await pieces()

    async with answered(bell, work):
        pieces.left = 1
        await bell.ring()
        await asyncio.sleep(0.2)
        await bell.ring()
        await pieces.until(1, seconds=1)
    await bell.close()


async def test_a_busy_process_leaves_the_ring_to_an_idle_one(valkey: Valkey) -> None:
    valkey.ask("FLUSHALL")
    busy, idle = RedisBell(valkey.url), RedisBell(valkey.url)
    long, short = Pieces(left=1, seconds=3), Pieces()
    async with answered(busy, long), answered(idle, short):
        for number in range(1, 6):
            short.left = 1
            await busy.ring()
            await short.until(number, seconds=1)
    await busy.close()
    await idle.close()


async def test_redis_holds_random_ids_of_rings_and_nothing_else(valkey: Valkey) -> None:
    valkey.ask("FLUSHALL")
    bell = RedisBell(valkey.url)
    for _ in range(3):
        await bell.ring()
    keys = re.findall(rb"[a-z]\S+", valkey.ask("KEYS", "*"))
    assert len(keys) == 4
    for key in keys:
        assert re.fullmatch(rb"dossier:bell|arq:job:[0-9a-f]{32}", key)
        if key.startswith(b"arq:job:"):
            held = valkey.ask("GET", key.decode()).split(b"\r\n")[1]
            assert re.fullmatch(rb'\{"t": null, "f": "ring", "a": \[\], "k": \{\}, "et": \d+\}', held)
    pieces = Pieces()
    async with answered(bell, pieces):
        await asyncio.sleep(0.5)
    left = re.findall(rb"[a-z]\S+", valkey.ask("KEYS", "*"))
    assert left == [b"dossier:bell:health-check"]
    await bell.close()


async def test_without_redis_nobody_waits_and_the_work_is_done() -> None:
    bell, pieces = RedisBell(f"redis://127.0.0.1:{free_port()}"), Pieces()
    with pytest.raises(BellSilent):
        await bell.check()
    async with answered(bell, pieces):
        pieces.left = 1
        async with asyncio.timeout(1.5):
            await bell.ring()
        await pieces.until(1, seconds=5)
    await bell.close()


async def test_a_frozen_redis_holds_nobody_up_and_an_emptied_one_is_heard_again() -> None:
    with running(Valkey) as server:
        bell, pieces = RedisBell(server.url), Pieces()
        async with answered(bell, pieces):
            process = server._process
            assert process
            os.kill(process.pid, signal.SIGSTOP)
            pieces.left = 1
            async with asyncio.timeout(1.5):
                await bell.ring()
            await pieces.until(1, seconds=5)
            server.stop()
            server.start()
            async with asyncio.timeout(20):
                while pieces.done < 2:
                    pieces.left = 1
                    await bell.ring()
                    await asyncio.sleep(0.5)
            await bell.check()
        await bell.close()


@pytest.mark.parametrize("url", ["http://somewhere", "nonsense"])
def test_what_cannot_be_a_redis_address_is_told_at_once(url: str) -> None:
    with pytest.raises(Misconfigured):
        RedisBell(url)


class Dead(BaseException):
    """What no taker survives."""


@on_both
async def test_a_taker_that_dies_is_told_of_and_the_others_end_too(bell: Bell) -> None:
    pieces, deaths = Pieces(), iter([True])

    async def piece() -> bool:
        if next(deaths, False):
            raise Dead
        return await pieces()

    with pytest.raises(Dead):
        await bell.answer(piece, 2)
    assert not [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith(("taker", "listening"))]
    await bell.close()
