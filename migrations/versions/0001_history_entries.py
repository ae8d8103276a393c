"""History entries, and the jobs of those that are not finished."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

STATUSES = "('queued', 'compiling', 'ready', 'failed', 'cancelled', 'revoked')"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _history_entries()
    _jobs()


def downgrade() -> None:
    op.drop_table("jobs")
    op.drop_table("history_entries")


def _history_entries() -> None:
    op.create_table(
        "history_entries",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("data_center", sa.String(64), nullable=False),
        sa.Column("source_id", sa.String(64), nullable=False),
        sa.Column("source_title", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("handle", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("identifier_hash", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(8), nullable=False),
        sa.Column("device", sa.Text),
        sa.Column("browser", sa.Text),
        sa.Column("case_reference", sa.Text),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("compiled_at", MOMENT),
        sa.Column("expires_at", MOMENT),
        sa.Column("archive_key", sa.Text),
        sa.Column("size", sa.BigInteger),
        sa.Column("sha256", sa.String(64)),
        sa.Column("downloads", sa.Integer, nullable=False),
        sa.Column("last_downloaded_at", MOMENT),
        sa.Column("problem", sa.String(40)),
        sa.CheckConstraint("kind IN ('export', 'erasure')", name="ck_history_entries_kind"),
        sa.CheckConstraint(f"status IN {STATUSES}", name="ck_history_entries_status"),
        sa.CheckConstraint("(status = 'failed') = (problem IS NOT NULL)", name="ck_history_entries_problem"),
        sa.CheckConstraint(
            "(status IN ('ready', 'revoked')) = (compiled_at IS NOT NULL AND expires_at IS NOT NULL"
            " AND size IS NOT NULL AND sha256 IS NOT NULL)",
            name="ck_history_entries_compiled",
        ),
    )
    _partial_index("uq_history_entries_unfinished", "subject", "status IN ('queued', 'compiling')", unique=True)
    _partial_index("ix_history_entries_stored", "expires_at", "archive_key IS NOT NULL", unique=False)
    op.create_index("ix_history_entries_newest", "history_entries", ["data_center", "requested_at", "id"])
    op.create_index("ix_history_entries_started", "history_entries", ["data_center", "started_at"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("entry_id", sa.Uuid, sa.ForeignKey("history_entries.id"), primary_key=True),
        sa.Column("data_center", sa.String(64), nullable=False),
        sa.Column("sealed_choice", sa.Text, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("lease", sa.Uuid),
        sa.Column("lease_until", MOMENT),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lost_leases", sa.Integer, nullable=False),
        sa.Column("sections_done", sa.Integer, nullable=False),
        sa.Column("sections_total", sa.Integer, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("rows_estimated", sa.BigInteger),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("keep_until", MOMENT),
        sa.CheckConstraint("(lease IS NULL) = (lease_until IS NULL)", name="ck_jobs_lease"),
    )
    op.create_index("ix_jobs_data_center", "jobs", ["data_center"])


def _partial_index(name: str, column: str, where: str, *, unique: bool) -> None:
    condition = sa.text(where)
    op.create_index(
        name, "history_entries", [column], unique=unique, sqlite_where=condition, postgresql_where=condition
    )
