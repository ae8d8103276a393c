"""Counts for all processes together, in Redis: one exchange asks for room, takes it, and says what is left."""

from collections.abc import Sequence

from pyrate_limiter import RateItem, RedisBucket
from pyrate_limiter.buckets.redis_bucket import LuaScript
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from app.access.counter import MOST_DIFFERENT, CounterAway, Taken, Window, milliseconds
from app.kit.clock import Clock
from app.kit.errors import Misconfigured

_PREFIX = "dossier:limits:"
# The library does not count what bears a later time than the request at hand. Another process, or the same one at the
# next request, may have been a millisecond ahead and yet have come first: then one too many would pass.
_LIBRARYS = LuaScript.PUT_ITEM.replace("window_start, now)", "window_start, '+inf')")
# What the library says, then for each window how many there are and when the oldest was; what is too old is forgotten.
# The library's arguments: the time, 1, a name, how many windows, and of each its begin and two more.
TAKE = f"""
local function taken() {_LIBRARYS} end
local answer, begin = taken(), nil
for i = 1, tonumber(ARGV[4]) do
    begin = ARGV[2 + i * 3]
    answer[#answer + 1] = redis.call('ZCOUNT', KEYS[1], begin, '+inf')
    local oldest = redis.call('ZRANGEBYSCORE', KEYS[1], begin, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    answer[#answer + 1] = tonumber(oldest[2] or ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, '(' .. begin)
redis.call('PEXPIRE', KEYS[1], ARGV[1] - begin)
return answer
"""


class RedisCounter:
    """Implements Counter. Raises CounterAway; connects at the first use."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Raises Misconfigured."""
        self._clock = clock
        try:
            self._redis = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
        except ValueError as error:
            raise Misconfigured("DOSSIER_REDIS_URL must be a redis://, rediss:// or unix:// address.") from error
        # Sent by its hash, and whole to a Redis that does not know it, such as one that was started anew.
        self._take = self._redis.register_script(TAKE)

    async def take(self, key: str, windows: Sequence[Window]) -> Taken:
        now, rates = milliseconds(self._clock()), [one.rate() for one in windows]
        trip = _Trip(self._take)
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
    """What the library asks of Redis, and what is told beside, in one exchange."""

    def __init__(self, take: AsyncScript) -> None:
        self._take = take
        # For each window how many there are, and when the oldest was.
        self.counts: list[tuple[int, int]] = []

    async def evalsha(self, _script: str, _keys: int, key: str, *arguments: str | int) -> list[int]:
        failing, blocking, *told = await self._take((key,), arguments)
        self.counts = list(zip(told[::2], told[1::2], strict=True))
        return [failing, blocking]
