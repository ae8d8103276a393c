"""Jobs that time has passed: whose worker vanished, which nobody retried, and which nobody has heard of yet."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.jobs.job import LEASE
from app.jobs.tables import JOBS


@dataclass(frozen=True, slots=True)
class LostLease:
    """A job whose worker vanished without a word, for the how manieth time."""

    entry_id: UUID
    data_center: str
    lost_leases: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Jobs that are due and wait for a worker, those that run, and for how many seconds the oldest has waited."""

    waiting: int
    running: int
    oldest_seconds: float


async def take_back_leases(connection: AsyncConnection, now: datetime) -> list[LostLease]:
    """Ends every lease that was not extended in time, and makes its job due; each counts as lost once."""
    dead = update(JOBS).where(JOBS.c.entry_id.in_(_untouched(JOBS.c.lease_until < now)))
    freed = dead.values(lease=None, lease_until=None, due_at=now, lost_leases=JOBS.c.lost_leases + 1)
    columns = [JOBS.c[name] for name in LostLease.__slots__]
    return [LostLease(*row) for row in await connection.execute(freed.returning(*columns))]


async def end_leases(connection: AsyncConnection, now: datetime) -> None:
    """Lets every lease run out: right after the start of the only process that can hold one."""
    held = update(JOBS).where(JOBS.c.entry_id.in_(_untouched(JOBS.c.lease.is_not(None))))
    await connection.execute(held.values(lease_until=now - LEASE))


async def delete_kept(connection: AsyncConnection, now: datetime) -> None:
    """Deletes the jobs of failed work whose time for a retry is over."""
    await connection.execute(delete(JOBS).where(JOBS.c.entry_id.in_(_untouched(JOBS.c.keep_until <= now))))


async def count_jobs(connection: AsyncConnection, now: datetime) -> Backlog:
    waiting = JOBS.c.lease.is_(None) & (JOBS.c.due_at <= now)
    counted = select(
        func.count().filter(waiting), func.count(JOBS.c.lease), func.min(JOBS.c.due_at).filter(waiting)
    ).select_from(JOBS)
    due, running, oldest = (await connection.execute(counted)).one()
    return Backlog(due, running, (now - oldest).total_seconds() if oldest else 0.0)


async def any_due(connection: AsyncConnection, now: datetime) -> bool:
    due = select(JOBS.c.entry_id).where(JOBS.c.lease.is_(None), JOBS.c.due_at <= now).limit(1)
    return (await connection.execute(due)).first() is not None


def _untouched(condition: ColumnElement[bool]) -> Select[tuple[UUID]]:
    """The jobs that nobody else changes at this moment; the tick comes again for the others."""
    return select(JOBS.c.entry_id).where(condition).with_for_update(skip_locked=True)
