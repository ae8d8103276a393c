"""Writes down who is to be told of an export's end, in the transaction that ends it: nobody is told of what was undone,
and nothing that was done is forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.audit.event import Action, AuditEvent
from app.kit.clock import Clock
from app.kit.identity import uuid7
from app.sources.receiver import Event, Receiver
from app.webhooks.tables import DELIVERIES

_EVENTS: Mapping[Action, Event] = {
    "exports:ready": "export.ready",
    "exports:fail": "export.failed",
    "exports:expire": "export.expired",
}


@dataclass(frozen=True, slots=True)
class Outbox:
    """What the ledger calls with every event of the audit trail."""

    receivers: Sequence[Receiver]
    clock: Clock

    async def __call__(self, connection: AsyncConnection, event: AuditEvent) -> None:
        told = _EVENTS.get(event.action)
        now = self.clock()
        rows = [
            {
                "id": uuid7(now), "data_center": one.data_center, "receiver": one.name, "event": told,
                "entry_id": event.entry_id, "at": now, "due_at": now, "attempts": 0,
            }
            for one in self.receivers
            if one.data_center == event.data_center and told in one.events
        ]  # fmt: skip
        if rows:
            await connection.execute(insert(DELIVERIES), rows)
