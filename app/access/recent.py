"""What was read of a key within the last second, so that not every request asks the database for it again."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from app.access.port import Administrator

# After the first, what was read does not count any more: a revoke by another process is obeyed. After the second it is
# read again while it still counts, so that a key in steady use never makes a request wait.
_MOST_AGE_SECONDS, _REFRESH_AGE_SECONDS = 1.0, 0.7
_MOST_KEYS = 1_000
# A driver may take its time to give up a reading; the process does not wait for that.
_CLOSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A key that was not revoked when it was read; whether it has expired is for the clock to say."""

    secret_hash: str
    expires_at: datetime | None
    administrator: Administrator


@dataclass(frozen=True, slots=True)
class _Kept:
    key: LiveKey
    as_of: float


@dataclass(frozen=True, slots=True)
class _Reading:
    task: asyncio.Task[LiveKey | None]
    begun: float


Read = Callable[[str], Coroutine[Any, Any, LiveKey | None]]


class RecentKeys:
    """Keys by id, as they were at most a second ago.

    However many requests come with a key, one task reads it and all wait for that. What it found counts as of the
    moment when it began to read: a key that was revoked while it read must not be kept for a second more.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._kept: dict[str, _Kept] = {}
        self._readings: dict[str, _Reading] = {}

    async def find(self, key_id: str) -> LiveKey | None:
        """The key, or None if there is no live one. Raises DatabaseUnavailable."""
        kept = self._kept.get(key_id)
        if kept is None or _age(kept.as_of) >= _MOST_AGE_SECONDS:
            return await self._awaited(key_id, self._refresh(key_id))
        if _age(kept.as_of) >= _REFRESH_AGE_SECONDS:
            self._refresh(key_id)
        return kept.key

    def forget(self, key_id: str) -> None:
        """As if it had never been read; what is being read now does not count either."""
        self._kept.pop(key_id, None)
        reading = self._readings.pop(key_id, None)
        if reading is not None:
            reading.task.cancel()

    async def close(self) -> None:
        running = [one.task for one in self._readings.values()]
        for key_id in list(self._readings):
            self.forget(key_id)
        if running:
            await asyncio.wait(running, timeout=_CLOSE_SECONDS)

    def _refresh(self, key_id: str) -> _Reading:
        reading = self._readings.get(key_id)
        # A reading that began over a second ago may miss a revoke. Those who wait for it already get what it finds; who
        # comes now gets a new one.
        if reading is None or _age(reading.begun) >= _MOST_AGE_SECONDS:
            task = asyncio.create_task(self._read(key_id), name="reading a key")
            reading = _Reading(task, time.monotonic())
            self._readings[key_id] = reading
            reading.task.add_done_callback(partial(self._keep, key_id, reading.begun))
        return reading

    async def _awaited(self, key_id: str, reading: _Reading) -> LiveKey | None:
        # Not awaited itself: a client that goes away is cancelled here, and awaiting would cancel the reading with it.
        await asyncio.wait((reading.task,))
        # `forget` cancels a reading, because the key was revoked meanwhile; then it is read anew.
        return await self.find(key_id) if reading.task.cancelled() else reading.task.result()

    def _keep(self, key_id: str, begun: float, done: asyncio.Task[LiveKey | None]) -> None:
        # Asked even where it is not used: asyncio prints an error that nobody asked for.
        failed = done.cancelled() or done.exception() is not None
        reading = self._readings.get(key_id)
        if reading is None or reading.task is not done:
            return
        del self._readings[key_id]
        if failed:
            return
        self._kept.pop(key_id, None)
        if (found := done.result()) is not None:
            self._kept[key_id] = _Kept(found, begun)
            if len(self._kept) > _MOST_KEYS:
                del self._kept[next(iter(self._kept))]


def _age(moment: float) -> float:
    return time.monotonic() - moment
