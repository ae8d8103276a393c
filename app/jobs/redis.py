"""The bell on Redis, through arq: a ring is an arq job without content, and one process that has room hears it.

Redis only wakes. The work itself is in the database, where the takers ask for it; so a ring that is lost, late or heard
twice changes nothing but the moment at which somebody asks.
"""

import asyncio
import json
from typing import Any

from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from app.jobs.port import BellSilent, Piece
from app.jobs.takers import Takers
from app.kit.crew import first_to_end
from app.kit.errors import Misconfigured
from app.kit.logs import log, whereabouts

_QUEUE, _RING = "dossier:bell", "ring"
_MOST_SECONDS_TO_RING = 1.0
_POLL_SECONDS = 0.05
_LISTEN_AGAIN_SECONDS = 3.0
# A ring that no process had room for by then is dropped by Redis. Nothing is missed: every process that gets room asks
# the database by itself, and the tick rings again while work is due.
_RING_LIVES_SECONDS = 60


class RedisBell:
    """Implements Bell. A Redis that is away, slow or empty delays work by the few seconds after which takers ask the
    database anyway."""

    def __init__(self, url: str) -> None:
        """Raises Misconfigured; connects at the first use."""
        self._takers = Takers()
        try:
            pool: ConnectionPool = ConnectionPool.from_url(
                url, socket_connect_timeout=_MOST_SECONDS_TO_RING, socket_timeout=5
            )
        except ValueError as error:
            raise Misconfigured("DOSSIER_REDIS_URL must be a redis://, rediss:// or unix:// address.") from error
        self._redis = ArqRedis(pool, _encode, json.loads, default_queue_name=_QUEUE)

    async def ring(self) -> None:
        try:
            async with asyncio.timeout(_MOST_SECONDS_TO_RING):
                await self._redis.enqueue_job(_RING, _expires=_RING_LIVES_SECONDS)
        except (RedisError, OSError) as error:
            log.warning("the bell was not rung; work begins seconds later: %s", whereabouts(error))

    async def answer(self, piece: Piece, at_once: int) -> None:
        listening = asyncio.create_task(self._listen(), name="listening to Redis")
        answering = asyncio.create_task(self._takers.answer(piece, at_once), name="answering the bell")
        try:
            await first_to_end([listening, answering])
        finally:
            answering.cancel()
            await asyncio.wait([answering])
            # Redis' client now and then catches the cancellation inside its own clean-up, and the task goes on as if
            # nothing had been said. So it is said again until the task has ended.
            while not listening.done():
                listening.cancel()
                await asyncio.wait({listening}, timeout=0.1)

    async def check(self) -> None:
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            raise BellSilent from error

    async def close(self) -> None:
        await self._redis.aclose(close_connection_pool=True)

    async def _listen(self) -> None:
        while True:
            ear = _Ear(self._redis, self._takers)
            try:
                await ear.async_run()
            except (RedisError, OSError, ValueError) as error:
                log.warning("the bell is not heard; work is asked for every few seconds: %s", whereabouts(error))
                await asyncio.gather(*ear.tasks.values(), return_exceptions=True)
            await asyncio.sleep(_LISTEN_AGAIN_SECONDS)


class _Ear(Worker):
    """arq's worker, used for one thing: to hear rings and wake the takers. The work is not an arq job, because arq
    forgets a queued job after a day and gives one up for good when it times out."""

    def __init__(self, redis: ArqRedis, takers: Takers) -> None:
        async def ring(_context: dict[str, object]) -> None:
            takers.wake()

        super().__init__(
            [func(ring, name=_RING, keep_result=0, max_tries=1, timeout=5)],  # type: ignore[arg-type]  # no arguments
            queue_name=_QUEUE, redis_pool=redis, handle_signals=False, poll_delay=_POLL_SECONDS, max_jobs=100,
            keep_result=0, log_results=False, job_serializer=_encode, job_deserializer=json.loads,
        )  # fmt: skip
        self._takers = takers

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """arq calls this with what it found in Redis. Not taking it leaves the ring for a process that has room."""
        if self._takers.idle:
            await super().start_jobs(job_ids)


def _encode(ring: dict[str, Any]) -> bytes:
    return json.dumps(ring).encode()
