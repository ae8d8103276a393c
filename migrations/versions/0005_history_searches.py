"""Idempotency keys, and what searches of the history and pages of the audit trail need to be quick."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("body", sa.String(64), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.JSON),
    )
    op.create_index("ix_idempotency_keys_taken_at", "idempotency_keys", ["taken_at"])
    op.create_index(
        "ix_history_entries_identified", "history_entries", ["data_center", "identifier_hash", "requested_at"]
    )
    op.create_index("ix_audit_events_newest", "audit_events", ["data_center", "id"])
    op.drop_index("ix_audit_events_data_center", "audit_events")


def downgrade() -> None:
    op.drop_table("idempotency_keys")
    op.create_index("ix_audit_events_data_center", "audit_events", ["data_center"])
    op.drop_index("ix_audit_events_newest", "audit_events")
    op.drop_index("ix_history_entries_identified", "history_entries")
