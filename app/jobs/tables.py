"""The table of unfinished work; a row is there only while there is something to do."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, String, Table, Text, Uuid

from app.kit.db import METADATA, UtcDateTime

JOBS = Table(
    "jobs",
    METADATA,
    Column("entry_id", Uuid, ForeignKey("history_entries.id"), primary_key=True),
    Column("data_center", String(64), nullable=False, index=True),
    Column("sealed_choice", Text, key="sealed", nullable=False),
    Column("due_at", UtcDateTime),
    Column("lease", Uuid),
    Column("lease_until", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("lost_leases", Integer, nullable=False),
    Column("sections_done", Integer, key="parts_done", nullable=False),
    Column("sections_total", Integer, key="parts_total", nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("rows_estimated", BigInteger),
    Column("bytes", BigInteger, nullable=False),
    Column("keep_until", UtcDateTime),
    CheckConstraint("(lease IS NULL) = (lease_until IS NULL)", name="lease"),
)
