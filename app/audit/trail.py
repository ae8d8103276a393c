"""Appends audit events in the transaction of the action they tell of: both happen, or neither."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Uuid, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.audit.event import AuditEvent
from app.kit.clock import Clock
from app.kit.db import METADATA, UtcDateTime
from app.kit.metrics import Metrics

AUDIT_EVENTS = Table(
    "audit_events",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("action", String(40), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("data_center", String(64)),
    Column("data_source", String(64)),
    Column("entry_id", Uuid, index=True),
    Column("address", String(64)),
    Column("reference", String(36)),
    Column("details", JSON, nullable=False),
)
Index("ix_audit_events_newest", AUDIT_EVENTS.c.data_center, AUDIT_EVENTS.c.id)

# Built once: building costs more than sending it.
_INSERT = insert(AUDIT_EVENTS).inline()
# Many rows as one value: for PostgreSQL's driver each row of an `executemany` is an exchange of its own.
_INSERT_MANY = text(
    "INSERT INTO audit_events"
    " (at, action, outcome, actor, data_center, data_source, entry_id, address, reference, details)"
    " SELECT at, action, outcome, actor, data_center, data_source, entry_id, address, reference, details"
    " FROM json_to_recordset(CAST(:rows AS json)) AS new (at timestamptz, action text, outcome text, actor text,"
    " data_center text, data_source text, entry_id uuid, address text, reference text, details json)"
)
# Details that say how many bytes of an archive were moved.
_MOVED = {"stored": "size", "sent": "bytes"}


class Trail:
    """The one way to write an audit event; the database itself refuses to change or delete one."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock, self._metrics = clock, metrics

    async def append(self, connection: AsyncConnection, event: AuditEvent) -> None:
        await self.append_rows(connection, [self.row(event)])

    async def append_rows(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """All of them or none."""
        if connection.dialect.name == "postgresql" and len(rows) > 1:
            await connection.execute(_INSERT_MANY, {"rows": msgspec.json.encode(rows).decode()})
        else:
            await connection.execute(_INSERT, rows)

    def row(self, event: AuditEvent) -> Mapping[str, Any]:
        """The event as it is stored, as of now. Every event comes through here once, so it is counted here."""
        times = event.details.get("count")
        times = times if isinstance(times, int) else 1
        self._metrics.happened(event.action, event.outcome, event.data_center, times)
        for way, detail in _MOVED.items():
            if isinstance(size := event.details.get(detail), int):
                self._metrics.moved(way, event.data_center, size)
        return {
            "at": self._clock(),
            "action": event.action,
            "outcome": event.outcome,
            "actor": event.by.name,
            "data_center": event.data_center,
            "data_source": event.data_source,
            "entry_id": event.entry_id,
            "address": event.by.address,
            "reference": event.by.reference,
            "details": dict(event.details),
        }
