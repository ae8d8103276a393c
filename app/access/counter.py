"""Counts what somebody does: how much still fits into a minute or a day, and how many different things it was."""

import asyncio
import math
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Protocol, TypeVar

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from app.kit.clock import Clock
from app.kit.logs import log, whereabouts

# Of different things so many are remembered, the newest.
MOST_DIFFERENT = 1_000
_MOST_SECONDS = 0.25
_AGAIN_SECONDS = 3.0
Found = TypeVar("Found")
_by_timestamp = attrgetter("timestamp")


@dataclass(frozen=True, slots=True)
class Window:
    """At most so many within so many seconds, however these are laid."""

    name: str
    limit: int
    seconds: int

    def standing(self, count: int, oldest_ms: int, now_ms: int) -> "Standing":
        return Standing(self, max(0, self.limit - count), math.ceil((oldest_ms - now_ms + 1) / 1000 + self.seconds))

    def rate(self) -> Rate:
        return Rate(self.limit, self.seconds * 1000)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a window, and in how many seconds it is more."""

    window: Window
    left: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether there was room in all windows: if so, it is taken; if not, nothing was counted."""

    allowed: bool
    standings: tuple[Standing, ...]


class CounterAway(Exception):
    """What counts for all processes does not answer."""


class Counter(Protocol):
    """Windows come with the shortest first, and a longer one has the higher limit."""

    async def take(self, key: str, windows: Sequence[Window]) -> Taken: ...

    async def different(self, key: str, one: str, seconds: int) -> int:
        """How many different ones there were within the last seconds, this one among them."""

    async def close(self) -> None: ...


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


class OwnCounter:
    """Implements Counter for one process, in memory: bounded, because nothing beyond a limit is remembered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, InMemoryBucket] = {}
        self._different: dict[str, dict[str, int]] = {}

    async def take(self, key: str, windows: Sequence[Window]) -> Taken:
        if key not in self._buckets:
            self._buckets[key] = InMemoryBucket([one.rate() for one in windows])
        bucket, now = self._buckets[key], milliseconds(self._clock())
        bucket.leak(now)
        allowed = bucket.put(RateItem("", now))
        return Taken(allowed, tuple(_standing(one, bucket.items, now) for one in windows))

    async def different(self, key: str, one: str, seconds: int) -> int:
        now = milliseconds(self._clock())
        seen = {other: at for other, at in self._different.get(key, {}).items() if at > now - seconds * 1000}
        seen.pop(one, None)
        self._different[key] = dict([*seen.items(), (one, now)][-MOST_DIFFERENT:])
        return len(self._different[key])

    async def close(self) -> None:
        """Nothing is open."""


def _standing(window: Window, items: Sequence[RateItem], now: int) -> Standing:
    first = bisect_left(items, now - window.seconds * 1000, key=_by_timestamp)
    oldest = items[first].timestamp if first < len(items) else now
    return window.standing(len(items) - first, oldest, now)


class SharedCounter:
    """Implements Counter: the shared one counts; while it is away, this process by itself, from nothing."""

    def __init__(self, shared: Counter, own: Counter) -> None:
        self._shared, self._own = shared, own
        self._away, self._again_at = False, 0.0

    async def take(self, key: str, windows: Sequence[Window]) -> Taken:
        return await self._ask(lambda counter: counter.take(key, windows))

    async def different(self, key: str, one: str, seconds: int) -> int:
        return await self._ask(lambda counter: counter.different(key, one, seconds))

    async def close(self) -> None:
        await self._shared.close()

    async def _ask(self, question: Callable[[Counter], Awaitable[Found]]) -> Found:
        if time.monotonic() < self._again_at:
            return await question(self._own)
        if self._away:
            # One request tries whether it is back; the others do not wait for that.
            self._again_at = time.monotonic() + _AGAIN_SECONDS
        try:
            async with asyncio.timeout(_MOST_SECONDS):
                found = await question(self._shared)
        except (CounterAway, TimeoutError) as error:
            self._lose(error)
            return await question(self._own)
        if self._away:
            self._away, self._again_at = False, 0.0
            log.warning("limits are counted for all processes together again")
        return found

    def _lose(self, error: Exception) -> None:
        self._again_at = time.monotonic() + _AGAIN_SECONDS
        if not self._away:
            self._away = True
            log.warning("Redis does not answer; each process counts limits by itself: %s", whereabouts(error))
