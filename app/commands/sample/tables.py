"""The shape of a sample table, and the SQL that makes it on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Dialect = Literal["sqlite", "postgresql"]
Row = tuple[object, ...]
Rows = Callable[[], Iterator[Row]]

TYPES: dict[Dialect, dict[str, str]] = {
    # `time` and `json` are texts on SQLite, which has neither; `json` and not `jsonb` on PostgreSQL, because it
    # keeps the text as it was written: digits of long numbers, order of keys.
    "sqlite": {
        "text": "TEXT", "integer": "INTEGER", "real": "REAL", "time": "TEXT", "json": "TEXT", "bytes": "BLOB",
    },
    "postgresql": {
        "text": "text", "integer": "bigint", "real": "double precision", "time": "timestamptz", "json": "json",
        "bytes": "bytea",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `kind` is a key of TYPES."""

    name: str
    kind: str
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table and where its rows come from; each of `indexes` names columns, separated by commas."""

    name: str
    columns: tuple[Column, ...]
    rows: Rows
    indexes: tuple[str, ...]


def columns(spec: str) -> tuple[Column, ...]:
    """The columns of a text such as `wish_id integer primary, sku text`."""
    parts = [part.split() for part in spec.split(",")]
    return tuple(Column(name, kind, primary=bool(rest)) for name, kind, *rest in parts)


def ddl(table: Table, dialect: Dialect) -> list[str]:
    """CREATE TABLE, then one CREATE INDEX for each index, so that rows can go in between the two."""
    types = TYPES[dialect]
    declared = ", ".join(
        f"{column.name} {types[column.kind]}{' PRIMARY KEY' if column.primary else ''}" for column in table.columns
    )
    names = [f"{table.name}_by_{place}" for place in range(1, len(table.indexes) + 1)]
    return [
        f"CREATE TABLE {table.name} ({declared})",
        *(f"CREATE INDEX {name} ON {table.name} ({on})" for name, on in zip(names, table.indexes, strict=True)),
    ]


def lookup(name: str, code: str, labels: dict[str, str] | dict[int, str]) -> Table:
    """A small table that says in words what a code means."""
    kind = "integer" if all(isinstance(key, int) for key in labels) else "text"
    return Table(name, columns(f"{code} {kind} primary, label text"), lambda: iter(labels.items()), ())
