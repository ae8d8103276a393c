"""Hashes of audit events in the order of their trees, and signed heads; the database keeps both from being changed."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
_TABLES = ("audit_leaves", "audit_heads")


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "audit_leaves",
        sa.Column("tree", sa.String(64), primary_key=True),
        sa.Column("position", number, primary_key=True, autoincrement=False),
        sa.Column("event_id", number, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_audit_leaves_event_id", "audit_leaves", ["event_id"], unique=True)
    op.create_table(
        "audit_heads",
        sa.Column("tree", sa.String(64), primary_key=True),
        sa.Column("size", number, primary_key=True, autoincrement=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("edge", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("signature", sa.String(86), nullable=False),
    )
    for table in _TABLES:
        for statement in _GUARDS[op.get_bind().dialect.name]:
            op.execute(statement.format(table=table))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)


_GUARDS = {
    "sqlite": [
        "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}"
        " BEGIN SELECT RAISE(ABORT, 'seals are append-only'); END",
        "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}"
        " BEGIN SELECT RAISE(ABORT, 'seals are append-only'); END",
    ],
    "postgresql": [
        "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    ],
}
