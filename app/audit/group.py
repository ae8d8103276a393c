"""Writes the audit events of many requests in few transactions; each is committed before its request goes on."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from app.audit.event import AuditEvent
from app.audit.trail import Trail
from app.kit.db import Database, DatabaseUnavailable

_MOST_AT_ONCE = 100
_CLOSE_SECONDS = 0.5
# A transaction costs ten times what an event in it does, so it waits a moment for those that are about to come.
_LINGER_SECONDS = 0.002
# One that is under way for longer waits for a source that sleeps, and nobody else should wait for it.
_SOON_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class _Waiting:
    row: Mapping[str, Any]
    written: asyncio.Future[None]


class GroupedTrail:
    """While one batch of events is being written, the next gathers; who is alone is written at once.

    For actions that change nothing else in the database. What does, writes its event in its own transaction.
    """

    def __init__(self, database: Database, trail: Trail) -> None:
        self._database, self._trail = database, trail
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._coming: set[object] = set()
        self._nobody_comes = asyncio.Event()

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Around what ends with an event to append, usually soon."""
        one = object()
        self._coming.add(one)
        late = asyncio.get_running_loop().call_later(_SOON_SECONDS, self._came, one)
        try:
            yield
        finally:
            late.cancel()
            self._came(one)

    async def append(self, event: AuditEvent) -> None:
        """Returns once the event is committed. Raises what kept this one from being written, and no other."""
        one = _Waiting(self._trail.row(event), asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        # Who is cancelled here gives up waiting; the event is still written, for the search was made.
        await one.written

    async def close(self) -> None:
        """Nobody waits for what cannot be written in time: its request fails."""
        writer = self._writer
        if writer is not None:
            writer.cancel()
            # A driver may take its time to give up; the process does not wait for that.
            await asyncio.wait((writer,), timeout=_CLOSE_SECONDS)

    async def _write_all(self) -> None:
        batch: list[_Waiting] = []
        try:
            while self._waiting:
                await self._linger()
                batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
                await self._write(batch)
        finally:
            # Cut short, it leaves nobody waiting; else there is nobody left.
            left, self._waiting, self._writer = [*batch, *self._waiting], [], None
            _settle(left, DatabaseUnavailable())

    def _came(self, one: object) -> None:
        self._coming.discard(one)
        if not self._coming:
            self._nobody_comes.set()

    async def _linger(self) -> None:
        if self._coming:
            self._nobody_comes.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_SECONDS):
                    await self._nobody_comes.wait()

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        try:
            async with self._database.writing() as connection:
                await self._trail.append_rows(connection, [one.row for one in batch])
        except DatabaseUnavailable as error:
            _settle(batch, error)
        except Exception as error:  # noqa: BLE001  of any kind: it belongs to the event that caused it, and is raised there
            if len(batch) == 1:
                _settle(batch, error)
            else:
                for one in batch:
                    await self._write([one])
        else:
            _settle(batch)


def _settle(batch: Sequence[_Waiting], error: Exception | None = None) -> None:
    for one in batch:
        if one.written.done():
            continue
        if error is None:
            one.written.set_result(None)
        else:
            one.written.set_exception(error)
