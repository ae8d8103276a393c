"""Counts for all processes together, in Redis: one exchange asks for room, takes it, and says what is left."""

from collections.abc import Sequence
from typing import Any

from pyrate_limiter import Rate, RateItem, RedisBucket
from pyrate_limiter.buckets.redis_bucket import LuaScript
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.access.counter import MOST_DIFFERENT, CounterAway, Taken, Window, milliseconds
from app.kit.clock import Clock
from app.kit.errors import Misconfigured

_PREFIX = "dossier:limits:"
# The library does not count what bears a later time than the request at hand. Another process, or the same one at the
# next request, may have been a millisecond ahead and yet have come first: then one too many would pass.
TAKE = LuaScript.PUT_ITEM.replace("window_start, now)", "window_start, '+inf')")


class RedisCounter:
    """Implements Counter. Raises CounterAway; connects at the first use."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Raises Misconfigured."""
        self._clock = clock
        try:
            self._redis = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
        except ValueError as error:
            raise Misconfigured("DOSSIER_REDIS_URL must be a redis://, rediss:// or unix:// address.") from error

    async def take(self, key: str, windows: Sequence[Window]) -> Taken:
        now, rates = milliseconds(self._clock()), [one.rate() for one in windows]
        trip = _Trip(self._redis, _PREFIX + key, rates, now)
        bucket = RedisBucket(rates, trip, _PREFIX + key, "")  # type: ignore[arg-type]  # it calls `evalsha` alone
        try:
            decision = await bucket.put_decision(RateItem("", now))  # type: ignore[misc]
        except (RedisError, OSError) as error:
            raise CounterAway from error
        seen = zip(windows, trip.counts, strict=True)
        return Taken(decision.allowed, tuple(window.standing(*counted, now) for window, counted in seen))

    async def different(self, key: str, one: str, seconds: int) -> int:
        now, mine = milliseconds(self._clock()), _PREFIX + key
        try:
            async with self._redis.pipeline(transaction=False) as trip:
                trip.zadd(mine, {one: now})
                trip.zremrangebyscore(mine, 0, now - seconds * 1000)
                trip.zremrangebyrank(mine, 0, -MOST_DIFFERENT - 1)
                trip.zcard(mine)
                trip.expire(mine, seconds)
                return int((await trip.execute())[3])
        except (RedisError, OSError) as error:
            raise CounterAway from error

    async def close(self) -> None:
        await self._redis.aclose(close_connection_pool=True)


class _Trip:
    """What the library asks of Redis, and what is told beside, in one exchange. The script itself is sent each time: it
    is short, and a Redis that was started anew does not know it."""

    def __init__(self, redis: Redis, key: str, rates: Sequence[Rate], now: int) -> None:
        self._redis, self._key, self._rates, self._now = redis, key, rates, now
        # For each rate how many there are, and when the oldest was.
        self.counts: list[tuple[int, int | None]] = []

    async def evalsha(self, _script: str, _keys: int, *arguments: str) -> list[int]:
        longest = max(rate.interval for rate in self._rates)
        async with self._redis.pipeline(transaction=False) as trip:
            trip.zremrangebyscore(self._key, 0, self._now - longest - 1)
            trip.eval(TAKE, 1, *arguments)
            for rate in self._rates:
                trip.zcount(self._key, self._now - rate.interval, "+inf")
                trip.zrangebyscore(self._key, self._now - rate.interval, "+inf", 0, 1, withscores=True)
            trip.pexpire(self._key, longest)
            _, taken, *told, _ = await trip.execute()
        self.counts = [(count, _moment(first)) for count, first in zip(told[::2], told[1::2], strict=True)]
        return [int(one) for one in taken]


def _moment(found: Sequence[Any]) -> int | None:
    return int(found[0][1]) if found else None
