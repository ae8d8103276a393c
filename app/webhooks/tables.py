"""The tables of messages to receivers: what is to be sent, every attempt at it, and who does not want any more."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Uuid

from app.kit.db import METADATA, UtcDateTime

DELIVERIES = Table(
    "webhook_deliveries",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("data_center", String(64), nullable=False),
    Column("receiver", String(64), nullable=False),
    Column("event", String(40), nullable=False),
    Column("entry_id", Uuid, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    # No moment: it was taken, or given up.
    Column("due_at", UtcDateTime),
    Column("lease", Uuid),
    Column("lease_until", UtcDateTime),
    Column("attempts", Integer, nullable=False),
)
Index("ix_webhook_deliveries_due", DELIVERIES.c.due_at)
ATTEMPTS = Table(
    "webhook_attempts",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("delivery_id", Uuid, ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("ms", Integer, nullable=False),
    Column("outcome", String(200), nullable=False),
)
STOPPED = Table(
    "webhook_stopped",
    METADATA,
    Column("data_center", String(64), primary_key=True),
    Column("receiver", String(64), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)
