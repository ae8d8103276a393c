"""One job: the work that is left of a history entry, taken up under a lease by one worker at a time.

Whoever changes a job and its history entry in one transaction takes the job first: two that took them in different
orders would wait for each other. Whoever takes many jobs passes over those that somebody else has.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.jobs.tables import JOBS

LEASE = timedelta(seconds=30)
# A data center, and one of its data sources.
Lane = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt is: parts and rows done, bytes written."""

    parts_done: int = 0
    parts_total: int = 0
    rows: int = 0
    rows_estimated: int | None = None
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A job that was taken up: only who holds its lease may end it. `sealed` is for the room whose work it is."""

    entry_id: UUID
    data_center: str
    sealed: str
    lease: UUID
    attempts: int


@dataclass(frozen=True, slots=True)
class Order:
    """What decides whose turn it is beyond a job's own row, as SQL over `JOBS`: the room whose work it is knows it."""

    # When work for the job's data center was last begun.
    last_begun: ColumnElement[datetime]
    # The data source that the job keeps busy.
    source_id: ColumnElement[str]


async def add_job(
    connection: AsyncConnection, entry_id: UUID, data_center: str, sealed: str, due_at: datetime | None
) -> None:  # fmt: skip
    """Without a moment, nobody takes it up before `make_due`."""
    row = {"entry_id": entry_id, "data_center": data_center, "sealed": sealed, "due_at": due_at}
    await connection.execute(insert(JOBS), row | _FRESH)


async def make_due(connection: AsyncConnection, entry_id: UUID, now: datetime) -> None:
    await connection.execute(update(JOBS).where(JOBS.c.entry_id == entry_id).values(due_at=now))


async def sealed_of(connection: AsyncConnection, entry_id: UUID) -> str | None:
    """What the room whose work it is has sealed; None where there is no job any more."""
    found = await connection.execute(select(JOBS.c.sealed).where(JOBS.c.entry_id == entry_id))
    return found.scalar_one_or_none()


async def claim(
    connection: AsyncConnection, lease: UUID, now: datetime, order: Order, busy: Sequence[Lane] = ()
) -> Job | None:
    """Takes up the next due job: of the data center with the fewest running and the longest wait, then by due time.
    Passes over the jobs of `busy` data sources."""
    # Grouped, so that it is counted once for each data center and not once for each job that waits.
    load = select(
        JOBS.c.data_center, func.count(JOBS.c.lease).label("running"), order.last_begun.label("last_begun")
    ).group_by(JOBS.c.data_center)
    center = load.subquery()
    next_due = (
        select(JOBS.c.entry_id)
        .join(center, center.c.data_center == JOBS.c.data_center)
        .where(JOBS.c.lease.is_(None), JOBS.c.due_at <= now, *_outside(busy, order))
        .order_by(center.c.running, center.c.last_begun.nulls_first(), JOBS.c.due_at, JOBS.c.entry_id)
        .limit(1)
        .with_for_update(skip_locked=True, of=JOBS)
    )
    entry_id = (await connection.execute(next_due)).scalar_one_or_none()
    free = (JOBS.c.entry_id == entry_id, JOBS.c.lease.is_(None))
    taken = update(JOBS).where(*free).values(lease=lease, lease_until=now + LEASE, **asdict(Progress()))
    columns = [JOBS.c[name] for name in Job.__slots__]
    row = (await connection.execute(taken.returning(*columns))).one_or_none()
    return Job(*row) if row else None


async def lock_job(connection: AsyncConnection, entry_id: UUID) -> None:
    """Waits for whoever is changing the job, and keeps others from it until the transaction ends."""
    await connection.execute(select(JOBS.c.entry_id).where(JOBS.c.entry_id == entry_id).with_for_update())


async def write_heartbeat(connection: AsyncConnection, job: Job, progress: Progress, until: datetime) -> bool:
    """Writes the progress and extends the lease until then; False where the job is no longer this worker's."""
    done = await connection.execute(update(JOBS).where(*_held(job)).values(lease_until=until, **asdict(progress)))
    return done.rowcount == 1


async def put_back(connection: AsyncConnection, job: Job, due_at: datetime, attempts: int) -> bool:
    """Gives the lease up before the work is done; False where the job is no longer this worker's."""
    released = {"lease": None, "lease_until": None, "due_at": due_at, "attempts": attempts}
    done = await connection.execute(update(JOBS).where(*_held(job)).values(**released))
    return done.rowcount == 1


async def delete_done(connection: AsyncConnection, job: Job) -> bool:
    """Deletes the job, because its work is done; False where it is no longer this worker's."""
    done = await connection.execute(delete(JOBS).where(*_held(job)))
    return done.rowcount == 1


async def delete_unwanted(connection: AsyncConnection, entry_id: UUID) -> None:
    """Deletes the job whoever holds it, because nobody wants its work any more. Its worker sees that at the next
    heartbeat."""
    await connection.execute(delete(JOBS).where(JOBS.c.entry_id == entry_id))


async def set_aside(connection: AsyncConnection, entry_id: UUID, lease: UUID | None, until: datetime) -> bool:
    """Keeps the job of failed work for a retry, out of the claim's sight; False where another holds it."""
    aside = {"lease": None, "lease_until": None, "due_at": None, "keep_until": until}
    mine = (JOBS.c.entry_id == entry_id, JOBS.c.lease.is_(None) if lease is None else JOBS.c.lease == lease)
    done = await connection.execute(update(JOBS).where(*mine).values(**aside))
    return done.rowcount == 1


async def queue_again(connection: AsyncConnection, entry_id: UUID, now: datetime) -> bool:
    """Makes a job that was set aside due, as if new; False where there is none."""
    kept = (JOBS.c.entry_id == entry_id, JOBS.c.keep_until > now)
    done = await connection.execute(update(JOBS).where(*kept).values(due_at=now, keep_until=None, **_FRESH))
    return done.rowcount == 1


_FRESH = {"attempts": 0, "lost_leases": 0, **asdict(Progress())}


def _outside(busy: Sequence[Lane], order: Order) -> list[ColumnElement[bool]]:
    return [or_(JOBS.c.data_center != center, order.source_id != source) for center, source in busy]


def _held(job: Job) -> tuple[Any, ...]:
    return JOBS.c.entry_id == job.entry_id, JOBS.c.lease == job.lease
