"""Reads what was sent to receivers: messages with every attempt, and how each receiver stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.webhooks.delivery import TAKEN, Attempt
from app.webhooks.tables import ATTEMPTS, DELIVERIES, STOPPED


@dataclass(frozen=True, slots=True)
class Sent:
    """A message; without `due_at` nothing more comes."""

    id: UUID
    at: datetime
    data_center: str
    receiver: str
    event: str
    entry_id: UUID
    due_at: datetime | None
    attempts: Sequence[Attempt]

    @property
    def taken(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].outcome == TAKEN


@dataclass(frozen=True, slots=True)
class ReceiverState:
    waiting: int
    stopped_at: datetime | None


async def read_log(
    connection: AsyncConnection, data_center: str | None, receiver: str | None, entry_id: UUID | None, most: int
) -> list[Sent]:
    """The newest messages first, each with its attempts in order."""
    column = DELIVERIES.c
    wanted = {column.data_center: data_center, column.receiver: receiver, column.entry_id: entry_id}
    named = [column[name] for name in Sent.__slots__ if name != "attempts"]
    newest = (
        select(*named)
        .where(*(one == value for one, value in wanted.items() if value is not None))
        .order_by(column.at.desc(), column.id.desc())
        .limit(most)
    )
    found = (await connection.execute(newest)).all()
    attempts = await _attempts(connection, [row.id for row in found])
    return [Sent(*(*row, attempts.get(row.id, []))) for row in found]


async def read_receivers(connection: AsyncConnection) -> dict[tuple[str, str], ReceiverState]:
    """By data center and name; those of whom there is nothing to say are not in it."""
    column = DELIVERIES.c
    here = (column.data_center, column.receiver)
    due = select(*here, func.count()).where(column.due_at.is_not(None)).group_by(*here)
    waiting = {(row[0], row[1]): row[2] for row in await connection.execute(due)}
    stopped = {(row[0], row[1]): row[2] for row in await connection.execute(select(STOPPED))}
    return {key: ReceiverState(waiting.get(key, 0), stopped.get(key)) for key in waiting.keys() | stopped.keys()}


async def _attempts(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, list[Attempt]]:
    column = ATTEMPTS.c
    logged = select(column.delivery_id, column.at, column.ms, column.outcome)
    found: dict[UUID, list[Attempt]] = {}
    for delivery_id, *attempt in await connection.execute(
        logged.where(column.delivery_id.in_(ids)).order_by(column.id)
    ):
        found.setdefault(delivery_id, []).append(Attempt(*attempt))
    return found
