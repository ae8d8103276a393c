"""The work of an unfinished export: claimed under a lease, retried with back-off, gone when the export ends.

Whoever changes an export's job and its history entry in one transaction takes the job first: two that took them in
different orders would wait for each other. Whoever takes many jobs passes over those that somebody else has.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.history.entry import Progress
from app.history.tables import HISTORY_ENTRIES, JOBS

LEASE = timedelta(seconds=30)
KEPT_AFTER_FAILURE = timedelta(hours=24)
_FRESH = {"attempts": 0, "lost_leases": 0, **asdict(Progress())}


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job: only whoever holds the lease may end it."""

    entry_id: UUID
    data_center: str
    sealed_choice: str
    lease: UUID
    attempts: int


@dataclass(frozen=True, slots=True)
class LostLease:
    entry_id: UUID
    data_center: str
    lost_leases: int


async def add_job(connection: AsyncConnection, entry_id: UUID, data_center: str, sealed: str, now: datetime) -> None:
    row = {"entry_id": entry_id, "data_center": data_center, "sealed_choice": sealed, "due_at": now, **_FRESH}
    await connection.execute(insert(JOBS), row)


async def claim(
    connection: AsyncConnection, lease: UUID, now: datetime, busy: Sequence[tuple[str, str]] = ()
) -> Job | None:
    """The next due job: of the data center with the fewest running and the longest wait, then by due time. Passes over
    the jobs of `busy` sources (data center and source)."""
    served = select(func.max(HISTORY_ENTRIES.c.started_at)).where(HISTORY_ENTRIES.c.data_center == JOBS.c.data_center)
    # Grouped, so that it is counted once for each data center and not once for each job that waits.
    load = select(
        JOBS.c.data_center, func.count(JOBS.c.lease).label("running"), served.scalar_subquery().label("served")
    ).group_by(JOBS.c.data_center)
    center = load.subquery()
    next_due = (
        select(JOBS.c.entry_id)
        .join(center, center.c.data_center == JOBS.c.data_center)
        .where(JOBS.c.lease.is_(None), JOBS.c.due_at <= now, *_not_of(busy))
        .order_by(center.c.running, center.c.served.nulls_first(), JOBS.c.due_at, JOBS.c.entry_id)
        .limit(1)
        .with_for_update(skip_locked=True, of=JOBS)
    )
    entry_id = (await connection.execute(next_due)).scalar_one_or_none()
    free = (JOBS.c.entry_id == entry_id, JOBS.c.lease.is_(None))
    taken = update(JOBS).where(*free).values(lease=lease, lease_until=now + LEASE, **asdict(Progress()))
    row = (await connection.execute(taken.returning(JOBS))).one_or_none()
    return _job(row) if row else None


async def hold(connection: AsyncConnection, entry_id: UUID) -> None:
    """Waits for whoever is changing the job, and keeps others from it until the transaction ends."""
    await connection.execute(select(JOBS.c.entry_id).where(JOBS.c.entry_id == entry_id).with_for_update())


async def beat(connection: AsyncConnection, job: Job, progress: Progress, until: datetime) -> bool:
    """Writes the progress and holds the lease until then; False where the job is no longer this worker's."""
    done = await connection.execute(update(JOBS).where(*_mine(job)).values(lease_until=until, **asdict(progress)))
    return done.rowcount == 1


async def finish(connection: AsyncConnection, job: Job) -> bool:
    done = await connection.execute(delete(JOBS).where(*_mine(job)))
    return done.rowcount == 1


async def put_back(connection: AsyncConnection, job: Job, due_at: datetime, attempts: int) -> bool:
    released = {"lease": None, "lease_until": None, "due_at": due_at, "attempts": attempts}
    done = await connection.execute(update(JOBS).where(*_mine(job)).values(**released))
    return done.rowcount == 1


async def set_aside(connection: AsyncConnection, entry_id: UUID, lease: UUID | None, until: datetime) -> bool:
    """Keeps a failed export's job for a retry, out of the claim's sight."""
    aside = {"lease": None, "lease_until": None, "due_at": None, "keep_until": until}
    mine = (JOBS.c.entry_id == entry_id, JOBS.c.lease.is_(None) if lease is None else JOBS.c.lease == lease)
    done = await connection.execute(update(JOBS).where(*mine).values(**aside))
    return done.rowcount == 1


async def take_up(connection: AsyncConnection, entry_id: UUID, now: datetime) -> bool:
    """A set-aside job is due again, as if new; False where there is none."""
    kept = (JOBS.c.entry_id == entry_id, JOBS.c.keep_until > now)
    done = await connection.execute(update(JOBS).where(*kept).values(due_at=now, keep_until=None, **_FRESH))
    return done.rowcount == 1


async def drop(connection: AsyncConnection, entry_id: UUID) -> None:
    await connection.execute(delete(JOBS).where(JOBS.c.entry_id == entry_id))


async def dead_leases(connection: AsyncConnection, now: datetime) -> list[LostLease]:
    """Takes back every lease that was not held on to; each counts as lost once."""
    dead = update(JOBS).where(JOBS.c.entry_id.in_(_free(JOBS.c.lease_until < now)))
    freed = dead.values(lease=None, lease_until=None, due_at=now, lost_leases=JOBS.c.lost_leases + 1)
    rows = await connection.execute(freed.returning(JOBS.c.entry_id, JOBS.c.data_center, JOBS.c.lost_leases))
    return [LostLease(*row) for row in rows]


async def void_leases(connection: AsyncConnection, now: datetime) -> None:
    """Ends every lease: right after the start of the only process that can hold one."""
    long_ago = now - LEASE
    held = update(JOBS).where(JOBS.c.entry_id.in_(_free(JOBS.c.lease.is_not(None))))
    await connection.execute(held.values(lease_until=long_ago))


async def forget(connection: AsyncConnection, now: datetime) -> None:
    """Deletes the jobs of failed exports whose time for a retry is over."""
    await connection.execute(delete(JOBS).where(JOBS.c.entry_id.in_(_free(JOBS.c.keep_until <= now))))


async def any_due(connection: AsyncConnection, now: datetime) -> bool:
    due = select(JOBS.c.entry_id).where(JOBS.c.lease.is_(None), JOBS.c.due_at <= now).limit(1)
    return (await connection.execute(due)).first() is not None


def _free(condition: ColumnElement[bool]) -> Select[tuple[UUID]]:
    """The jobs that nobody else changes at this moment; the tick comes again for the others."""
    return select(JOBS.c.entry_id).where(condition).with_for_update(skip_locked=True)


def _not_of(busy: Sequence[tuple[str, str]]) -> list[ColumnElement[bool]]:
    source = select(HISTORY_ENTRIES.c.source_id).where(HISTORY_ENTRIES.c.id == JOBS.c.entry_id).scalar_subquery()
    return [or_(JOBS.c.data_center != center, source != name) for center, name in busy]


def _mine(job: Job) -> tuple[Any, ...]:
    return JOBS.c.entry_id == job.entry_id, JOBS.c.lease == job.lease


def _job(row: Row[Any]) -> Job:
    return Job(row.entry_id, row.data_center, row.sealed_choice, row.lease, row.attempts)
