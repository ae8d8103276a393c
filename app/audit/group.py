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
# A transaction costs ten times what an event in it does. So the writer waits this long for the events of searches that
# are under way, which saves most transactions under load and is not felt.
_LINGER_SECONDS = 0.002
# A search that is under way for longer waits for a slow source, and the writer does not wait for it.
_SOON_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class _Waiting:
    row: Mapping[str, Any]
    written: asyncio.Future[None]


class GroupedTrail:
    """While one batch of events is being written, the next gathers; an event that comes alone is written at once.

    For actions that change nothing else in the database. Others write their event in their own transaction (Ledger).
    One task writes for all; it ends when nobody waits any more, and the next event starts it again.
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
            self._writer = asyncio.create_task(self._write_all(), name="writing audit events")
        # A client that goes away is cancelled here, and its event is written all the same: the search was made.
        await one.written

    async def close(self) -> None:
        """Nobody waits for what cannot be written in time: its request fails."""
        writer = self._writer
        if writer is not None:
            writer.cancel()
            # Cancelled, the driver may still wait for its server; the process does not wait with it.
            await asyncio.wait((writer,), timeout=_CLOSE_SECONDS)

    async def _write_all(self) -> None:
        batch: list[_Waiting] = []
        try:
            while self._waiting:
                await self._linger()
                batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
                await self._write(batch)
        finally:
            # There is somebody left only if the writer was cancelled or failed; they must not wait for ever.
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
