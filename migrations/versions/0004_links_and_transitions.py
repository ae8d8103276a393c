"""Short-lived links, and a guard in the database itself over how an entry's status may change."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

LEGAL = (
    "('queued>compiling', 'queued>cancelled', 'compiling>queued', 'compiling>ready', 'compiling>failed',"
    " 'compiling>cancelled', 'ready>revoked', 'failed>queued')"
)
ILLEGAL = f"OLD.status <> NEW.status AND OLD.status || '>' || NEW.status NOT IN {LEGAL}"


def upgrade() -> None:
    op.create_table(
        "download_links",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("entry_id", sa.Uuid, sa.ForeignKey("history_entries.id"), nullable=False),
        sa.Column("data_center", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_download_links_expires_at", "download_links", ["expires_at"])
    for statement in _GUARDS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER history_entries_transitions ON history_entries")
        op.execute("DROP FUNCTION refuse_transition()")
    else:
        op.execute("DROP TRIGGER history_entries_transitions")
    op.drop_table("download_links")


_GUARDS = {
    "sqlite": [
        f"CREATE TRIGGER history_entries_transitions BEFORE UPDATE OF status ON history_entries WHEN {ILLEGAL}"
        " BEGIN SELECT RAISE(ABORT, 'illegal change of status'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION refuse_transition() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'illegal change of status' USING ERRCODE = 'check_violation'; END $$",
        "CREATE TRIGGER history_entries_transitions BEFORE UPDATE OF status ON history_entries"
        f" FOR EACH ROW WHEN ({ILLEGAL}) EXECUTE FUNCTION refuse_transition()",
    ],
}
