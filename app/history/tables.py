"""The tables of the history: entries, and what erasures did, live for years without raw identifiers, links for minutes,
idempotency keys for a day."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
)

from app.kit.db import METADATA, UtcDateTime

HISTORY_ENTRIES = Table(
    "history_entries",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("status", String(10), nullable=False),
    Column("data_center", String(64), nullable=False),
    Column("source_id", String(64), nullable=False),
    Column("source_title", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("handle", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("identifier_hash", String(64), nullable=False),
    Column("key_id", String(8), nullable=False),
    Column("device", Text),
    Column("browser", Text),
    Column("case_reference", Text),
    Column("requested_by", String(64), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("compiled_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("archive_key", Text),
    Column("size", BigInteger),
    Column("sha256", String(64)),
    Column("downloads", Integer, nullable=False),
    Column("last_downloaded_at", UtcDateTime),
    Column("problem", String(40)),
    CheckConstraint("kind IN ('export', 'erasure')", name="kind"),
    CheckConstraint(
        "status IN ('requested', 'queued', 'compiling', 'erasing', 'ready', 'done', 'failed', 'cancelled', 'revoked')",
        name="status",
    ),
    CheckConstraint("(status = 'failed') = (problem IS NOT NULL)", name="problem"),
    CheckConstraint(
        "(status IN ('ready', 'revoked')) = (compiled_at IS NOT NULL AND expires_at IS NOT NULL"
        " AND size IS NOT NULL AND sha256 IS NOT NULL)",
        name="compiled",
    ),
)
_UNFINISHED = HISTORY_ENTRIES.c.status.in_(("requested", "queued", "compiling", "erasing"))
Index(
    "uq_history_entries_unfinished", HISTORY_ENTRIES.c.subject,
    unique=True, sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED,
)  # fmt: skip
Index(
    "ix_history_entries_newest",
    HISTORY_ENTRIES.c.data_center, HISTORY_ENTRIES.c.requested_at, HISTORY_ENTRIES.c.id,
)  # fmt: skip
Index(
    "ix_history_entries_identified",
    HISTORY_ENTRIES.c.data_center, HISTORY_ENTRIES.c.identifier_hash, HISTORY_ENTRIES.c.requested_at,
)  # fmt: skip
Index("ix_history_entries_handle", HISTORY_ENTRIES.c.data_center, HISTORY_ENTRIES.c.handle)
Index("ix_history_entries_started", HISTORY_ENTRIES.c.data_center, HISTORY_ENTRIES.c.started_at)
_STORED = HISTORY_ENTRIES.c.archive_key.is_not(None)
Index(
    "ix_history_entries_stored", HISTORY_ENTRIES.c.expires_at,
    sqlite_where=_STORED, postgresql_where=_STORED,
)  # fmt: skip

ERASURES = Table(
    "erasures",
    METADATA,
    Column("entry_id", Uuid, ForeignKey("history_entries.id"), primary_key=True),
    Column("plan_id", String(32), nullable=False, unique=True),
    Column("scope", String(12), nullable=False),
    Column("mapping_sha256", String(64), nullable=False),
    Column("steps", JSON, nullable=False),
    Column("revokes_exports", Boolean, nullable=False),
    Column("approved_by", String(64)),
    Column("approved_at", UtcDateTime),
    Column("erased_at", UtcDateTime),
    Column("backups_until", UtcDateTime),
    Column("receipt", Text),
)

DOWNLOAD_LINKS = Table(
    "download_links",
    METADATA,
    Column("token_hash", String(64), primary_key=True),
    Column("entry_id", Uuid, ForeignKey("history_entries.id"), nullable=False),
    Column("data_center", String(64), nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("key_id", String(16)),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

IDEMPOTENCY_KEYS = Table(
    "idempotency_keys",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("body", String(64), nullable=False),
    Column("taken_at", UtcDateTime, nullable=False, index=True),
    Column("answer", JSON(none_as_null=True)),
)
