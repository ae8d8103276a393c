"""The service's own database, and the trail in it: what is done and the event that tells of it are one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.audit.event import AuditEvent
from app.audit.trail import Trail
from app.kit.db import Database

Listener = Callable[[AsyncConnection, AuditEvent], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a use case reads, writes and records with. All of it raises DatabaseUnavailable."""

    database: Database
    trail: Trail
    # Told of each event in the transaction that it is written in.
    listeners: Sequence[Listener] = ()

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self.database.reading()

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Commits at the end of the block, rolls back if it raises."""
        return self.database.writing()

    async def append(self, connection: AsyncConnection, event: AuditEvent) -> None:
        """In the transaction of what it tells of: both happen, or neither."""
        await self.trail.append(connection, event)
        for listener in self.listeners:
            await listener(connection, event)

    async def record(self, event: AuditEvent) -> None:
        """What changed nothing else in the database."""
        async with self.writing() as connection:
            await self.append(connection, event)
