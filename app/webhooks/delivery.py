"""One message to one receiver: taken up under a lease by one process at a time, sent again by a plan, logged."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.webhooks.tables import ATTEMPTS, DELIVERIES, STOPPED

# Longer than a receiver may take to answer.
LEASE = timedelta(seconds=40)
# How long after the attempt before each attempt comes, as Standard Webhooks propose it.
PLAN = (
    timedelta(0), timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2),
    timedelta(hours=5), timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
KEPT = timedelta(days=30)
_MOST_JITTER = 0.1
TAKEN = "delivered"


@dataclass(frozen=True, slots=True)
class Delivery:
    """`id` is the message's own: the same at every attempt, so that a receiver knows one that it has."""

    id: UUID
    data_center: str
    receiver: str
    event: str
    entry_id: UUID
    at: datetime
    lease: UUID
    attempts: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went: `delivered`, or what came between, without a word of the receiver's."""

    at: datetime
    ms: int
    outcome: str
    # The receiver said that it wants none of these any more.
    gone: bool = False


async def claim(
    connection: AsyncConnection, lease: UUID, now: datetime, receivers: Sequence[tuple[str, str]]
) -> Delivery | None:
    """Takes up the next due message to one of these (data center, name). One at a time for each receiver, so that one
    that hangs holds up its own messages alone."""
    column, busy = DELIVERIES.c, DELIVERIES.alias("busy")
    theirs = and_(busy.c.data_center == column.data_center, busy.c.receiver == column.receiver)
    next_due = (
        select(column.id)
        .where(column.due_at <= now, tuple_(column.data_center, column.receiver).in_(receivers))
        .where(~exists().where(theirs, busy.c.lease_until > now), ~_stopped(column))
        .order_by(column.due_at, column.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=DELIVERIES)
    )
    found = (await connection.execute(next_due)).scalar_one_or_none()
    taken = update(DELIVERIES).where(column.id == found).values(lease=lease, lease_until=now + LEASE)
    row = (await connection.execute(taken.returning(*(column[name] for name in Delivery.__slots__)))).one_or_none()
    return Delivery(*row) if row else None


async def write_attempt(connection: AsyncConnection, delivery: Delivery, attempt: Attempt) -> None:
    """Logs the attempt, and says when the next one comes, if any."""
    logged = {"delivery_id": delivery.id, "at": attempt.at, "ms": attempt.ms, "outcome": attempt.outcome}
    await connection.execute(insert(ATTEMPTS), logged)
    if attempt.gone and not await is_stopped(connection, delivery.data_center, delivery.receiver):
        await stop(connection, delivery.data_center, delivery.receiver, attempt.at)
    attempts = delivery.attempts + 1
    due_at = None if attempt.outcome == TAKEN or attempt.gone else _next(attempt.at, attempts)
    mine = (DELIVERIES.c.id == delivery.id, DELIVERIES.c.lease == delivery.lease)
    released: dict[str, Any] = {"lease": None, "lease_until": None, "due_at": due_at, "attempts": attempts}
    await connection.execute(update(DELIVERIES).where(*mine).values(**released))


async def send_again(connection: AsyncConnection, delivery_id: UUID, now: datetime) -> bool:
    """Makes a message due, with all attempts before it; False where there is none, or it is being sent."""
    free = (DELIVERIES.c.id == delivery_id, or_(DELIVERIES.c.lease_until.is_(None), DELIVERIES.c.lease_until <= now))
    done = await connection.execute(update(DELIVERIES).where(*free).values(due_at=now, attempts=0))
    return done.rowcount == 1


async def is_stopped(connection: AsyncConnection, data_center: str, receiver: str) -> bool:
    here = select(STOPPED.c.at).where(STOPPED.c.data_center == data_center, STOPPED.c.receiver == receiver)
    return (await connection.execute(here)).first() is not None


async def stop(connection: AsyncConnection, data_center: str, receiver: str, now: datetime) -> None:
    """Keeps messages to the receiver back, until `go_on`."""
    await connection.execute(insert(STOPPED), {"data_center": data_center, "receiver": receiver, "at": now})


async def go_on(connection: AsyncConnection, data_center: str, receiver: str) -> bool:
    here = (STOPPED.c.data_center == data_center, STOPPED.c.receiver == receiver)
    return (await connection.execute(delete(STOPPED).where(*here))).rowcount == 1


async def delete_old(connection: AsyncConnection, now: datetime) -> None:
    await connection.execute(delete(DELIVERIES).where(DELIVERIES.c.at <= now - KEPT))


def _next(now: datetime, attempts: int) -> datetime | None:
    """Jitter spreads what failed together, and only ever lengthens."""
    if attempts >= len(PLAN):
        return None
    return now + PLAN[attempts] * (1 + random.uniform(0, _MOST_JITTER))  # noqa: S311


def _stopped(column: Any) -> ColumnElement[bool]:  # noqa: ANN401  SQLAlchemy's columns of a table have no better type
    return exists().where(STOPPED.c.data_center == column.data_center, STOPPED.c.receiver == column.receiver)
