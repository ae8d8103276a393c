"""Erasures: more states of an entry, the steps and the receipt of each, and a quick way to a visitor's entries."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
# As the first migration, which named it twice, has it in every database.
_STATUS = "ck_history_entries_ck_history_entries_status"
_OLD = "('queued', 'compiling', 'ready', 'failed', 'cancelled', 'revoked')"
_NEW = "('requested', 'queued', 'compiling', 'erasing', 'ready', 'done', 'failed', 'cancelled', 'revoked')"
_OLD_MOVES = (
    "('queued>compiling', 'queued>cancelled', 'compiling>queued', 'compiling>ready', 'compiling>failed',"
    " 'compiling>cancelled', 'ready>revoked', 'failed>queued')"
)
_NEW_MOVES = (
    f"{_OLD_MOVES[:-1]}, 'requested>queued', 'requested>cancelled', 'queued>erasing', 'erasing>queued',"
    " 'erasing>done', 'erasing>failed')"
)


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("entry_id", sa.Uuid, sa.ForeignKey("history_entries.id"), primary_key=True),
        sa.Column("plan_id", sa.String(32), nullable=False, unique=True),
        sa.Column("scope", sa.String(12), nullable=False),
        sa.Column("mapping_sha256", sa.String(64), nullable=False),
        sa.Column("steps", sa.JSON, nullable=False),
        sa.Column("revokes_exports", sa.Boolean, nullable=False),
        sa.Column("approved_by", sa.String(64)),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("erased_at", sa.DateTime(timezone=True)),
        sa.Column("backups_until", sa.DateTime(timezone=True)),
        sa.Column("receipt", sa.Text),
    )
    op.create_index("ix_history_entries_handle", "history_entries", ["data_center", "handle"])
    _change(_NEW, "('requested', 'queued', 'compiling', 'erasing')", _NEW_MOVES)


def downgrade() -> None:
    """The version before knows no erasures: the history and the jobs of those go with their receipts."""
    erasures = "(SELECT id FROM history_entries WHERE kind = 'erasure')"
    op.execute(f"DELETE FROM jobs WHERE entry_id IN {erasures}")  # noqa: S608
    op.drop_table("erasures")
    op.execute("DELETE FROM history_entries WHERE kind = 'erasure'")
    op.drop_index("ix_history_entries_handle", "history_entries")
    _change(_OLD, "('queued', 'compiling')", _OLD_MOVES)


def _change(states: str, unfinished: str, moves: str) -> None:
    op.drop_index("uq_history_entries_unfinished", "history_entries")
    dialect = op.get_bind().dialect.name
    for statement in _WITHOUT_GUARD[dialect]:
        op.execute(statement)
    _let(states)
    where = sa.text(f"status IN {unfinished}")
    op.create_index(
        "uq_history_entries_unfinished", "history_entries", ["subject"],
        unique=True, sqlite_where=where, postgresql_where=where,
    )  # fmt: skip
    illegal = f"OLD.status <> NEW.status AND OLD.status || '>' || NEW.status NOT IN {moves}"
    op.execute(_GUARD[dialect].format(illegal=illegal))


def _let(states: str) -> None:
    """SQLite cannot change a constraint, and other tables refer to this one, so that it cannot be made anew either.
    What its constraint says is changed where it is written: https://www.sqlite.org/lang_altertable.html, 7."""
    said = f"status IN {states}"
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f(_STATUS), "history_entries", type_="check")
        op.create_check_constraint(op.f(_STATUS), "history_entries", said)
        return
    version = op.get_bind().exec_driver_sql("PRAGMA schema_version").scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    replaced = sa.text(
        "UPDATE sqlite_schema SET sql = replace(replace(sql, :old, :new), :other, :new)"
        " WHERE type = 'table' AND name = 'history_entries'"
    )
    op.get_bind().execute(replaced, {"old": f"status IN {_OLD}", "other": f"status IN {_NEW}", "new": said})
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")


_WITHOUT_GUARD = {
    "sqlite": ["DROP TRIGGER history_entries_transitions"],
    "postgresql": ["DROP TRIGGER history_entries_transitions ON history_entries"],
}
_GUARD = {
    "sqlite": (
        "CREATE TRIGGER history_entries_transitions BEFORE UPDATE OF status ON history_entries WHEN {illegal}"
        " BEGIN SELECT RAISE(ABORT, 'illegal change of status'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER history_entries_transitions BEFORE UPDATE OF status ON history_entries"
        " FOR EACH ROW WHEN ({illegal}) EXECUTE FUNCTION refuse_transition()"
    ),
}
