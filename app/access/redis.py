"""Counts for all processes together, in Redis: one exchange asks for room, takes it, and says what is left."""

import asyncio
from collections.abc import Sequence

from pyrate_limiter import RateItem, RedisBucket
from pyrate_limiter.buckets.redis_bucket import LuaScript
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from app.access.counter import MOST_DIFFERENT, CounterAway, Taken, Window, milliseconds
from app.kit.clock import Clock
from app.kit.errors import Misconfigured

_PREFIX = "dossier:limits:"
_MOST_SECONDS = 1.0
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
        self._exchanges = _Exchanges(self._redis)

    async def take(self, key: str, windows: Sequence[Window]) -> Taken:
        now, rates = milliseconds(self._clock()), [one.rate() for one in windows]
        trip = _Trip(self._exchanges)
        bucket = RedisBucket(rates, trip, _PREFIX + key, "")  # type: ignore[arg-type]  # it calls `evalsha` alone
        decision = await bucket.put_decision(RateItem("", now))  # type: ignore[misc]
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
        await self._exchanges.close()
        await self._redis.aclose(close_connection_pool=True)


class _Trip:
    """What the library asks of Redis, and what is told beside."""

    def __init__(self, exchanges: "_Exchanges") -> None:
        self._exchanges = exchanges
        # For each window how many there are, and when the oldest was.
        self.counts: list[tuple[int, int]] = []

    async def evalsha(self, _script: str, _keys: int, *arguments: str | int) -> list[int]:
        failing, blocking, *told = await self._exchanges.ask(arguments)
        self.counts = list(zip(told[::2], told[1::2], strict=True))
        return [failing, blocking]


Arguments = tuple[str | int, ...]
_Waiting = tuple[Arguments, "asyncio.Future[list[int]]"]


class _Exchanges:
    """What many requests ask at the same moment goes to Redis together: an exchange costs more than what is asked in
    it, and requests that go on together share their next step too. While one is under way the next gathers."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._script = redis, redis.register_script(TAKE)
        self._waiting: list[_Waiting] = []
        self._sender: asyncio.Task[None] | None = None

    async def ask(self, arguments: Arguments) -> list[int]:
        """Raises CounterAway."""
        answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._waiting.append((arguments, answer))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all(), name="asking Redis")
        return await answer

    async def close(self) -> None:
        if self._sender:
            self._sender.cancel()
            await asyncio.wait((self._sender,))

    async def _send_all(self) -> None:
        batch: list[_Waiting] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._send(batch)
        finally:
            # There is somebody left only where this was cancelled or failed; they must not wait for ever.
            left, self._waiting, self._sender = [*batch, *self._waiting], [], None
            _give_up(left, CounterAway())

    async def _send(self, batch: list[_Waiting]) -> None:
        try:
            async with asyncio.timeout(_MOST_SECONDS), self._redis.pipeline(transaction=False) as trip:
                for arguments, _ in batch:
                    trip.evalsha(self._script.sha, 1, *arguments)  # type: ignore[arg-type]  # numbers are fine
                told = await trip.execute(raise_on_error=False)
                # A Redis that was started anew does not know the script, and has done nothing.
                if any(isinstance(one, NoScriptError) for one in told):
                    await self._redis.script_load(TAKE)
        except (RedisError, OSError) as error:
            _give_up(batch, CounterAway(type(error).__name__))
            return
        again = [one for one, answer in zip(batch, told, strict=True) if not _settled(one, answer)]
        if again:
            await self._send(again)


def _settled(one: _Waiting, told: list[int] | Exception) -> bool:
    if isinstance(told, NoScriptError):
        return False
    if isinstance(told, Exception):
        _give_up([one], CounterAway(type(told).__name__))
    elif not one[1].done():
        one[1].set_result(told)
    return True


def _give_up(batch: list[_Waiting], error: CounterAway) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(error)
