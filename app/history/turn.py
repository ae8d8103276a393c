"""Whose turn it is among the jobs, and which kind of work each of them is, as far as the history knows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.history.tables import HISTORY_ENTRIES
from app.jobs.job import Job, Lane, Order
from app.jobs.tables import JOBS
from app.jobs.work import Attempt, Work
from app.kit.errors import Failure, NotFound
from app.sources.registry import Registry

_ORDER = Order(
    last_begun=select(func.max(HISTORY_ENTRIES.c.started_at))
    .where(HISTORY_ENTRIES.c.data_center == JOBS.c.data_center)
    .scalar_subquery(),
    source_id=select(HISTORY_ENTRIES.c.source_id).where(HISTORY_ENTRIES.c.id == JOBS.c.entry_id).scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class WorkInTurn:
    """Implements Agenda: each job goes to the work of its entry's kind."""

    registry: Registry
    works: Mapping[str, Work]
    order: Order = _ORDER

    def is_full(self, lane: Lane, running: int) -> bool:
        try:
            _, source = self.registry.find(*lane)
        except NotFound:
            return False
        return running >= source.facts.exports_at_once

    async def begin(self, connection: AsyncConnection, job: Job, now: datetime) -> Attempt | None:
        return await (await self._work(connection, job.entry_id)).begin(connection, job, now)

    async def write_waiting(self, connection: AsyncConnection, entry_id: UUID) -> None:
        await (await self._work(connection, entry_id)).write_waiting(connection, entry_id)

    async def write_failed(
        self, connection: AsyncConnection, data_center: str, entry_id: UUID, failure: Failure
    ) -> None:
        await (await self._work(connection, entry_id)).write_failed(connection, data_center, entry_id, failure)

    async def _work(self, connection: AsyncConnection, entry_id: UUID) -> Work:
        mine = select(HISTORY_ENTRIES.c.kind).where(HISTORY_ENTRIES.c.id == entry_id)
        return self.works[(await connection.execute(mine)).scalar_one()]
