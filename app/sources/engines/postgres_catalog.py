"""What PostgreSQL says of itself: its tables, who may write them, and what its planner makes of NULL."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg

from app.sources.engine import Query, Row, Scan, Table
from app.sources.sql import Statement

TABLES = Query(
    "the list of tables",
    Statement.parse(
        """
SELECT here.relname AS name, space.nspname AS schema,
       has_table_privilege(here.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writable,
       (SELECT json_agg(attname) FROM pg_attribute WHERE attrelid = here.oid AND attnum > 0 AND NOT attisdropped)
           AS columns,
       (SELECT json_agg(other.relname) FROM pg_constraint AS key JOIN pg_class AS other ON other.oid = key.confrelid
        WHERE key.conrelid = here.oid AND key.contype = 'f') AS refers_to,
       (SELECT json_agg(view.relname) FROM pg_depend AS uses JOIN pg_rewrite AS rule ON rule.oid = uses.objid
        JOIN pg_class AS view ON view.oid = rule.ev_class
        WHERE uses.refobjid = here.oid AND uses.classid = 'pg_rewrite'::regclass) AS views
FROM pg_class AS here JOIN pg_namespace AS space ON space.oid = here.relnamespace
WHERE here.relkind IN ('r', 'p', 'f') AND NOT here.relispartition
  AND space.nspname <> 'information_schema' AND space.nspname NOT LIKE 'pg~_%' ESCAPE '~'
ORDER BY space.nspname, here.relname""",
        "postgresql",
    ),
)


def table(row: Row) -> Table:
    columns, refers_to, views = (_names(row[name]) for name in ("columns", "refers_to", "views"))
    return Table(str(row["name"]), str(row["schema"]), columns, refers_to, views, writable=bool(row["writable"]))


def excludes_null(connection: psycopg.Connection[Any], statement: Statement, parameter: str) -> bool:
    """Whether the plan ends in `One-Time Filter: false` only once NULL is written for the parameter."""
    nulled = statement.written(parameter, "NULL")
    return _is_empty(connection, nulled) and not _is_empty(connection, statement)


def scanned(connection: psycopg.Connection[Any], statement: Statement) -> list[Scan]:
    """With sequential scans made dear, so that a small table is read whole only where no index would do."""
    ((plan,),) = _planned(connection, statement, "FORMAT JSON", "enable_seqscan = off")
    return list(_whole(json.loads(plan)[0]["Plan"]))


def _whole(node: dict[str, Any]) -> Iterator[Scan]:
    if "Relation Name" in node and "Index Cond" not in node and node["Node Type"] != "Bitmap Heap Scan":
        yield Scan(node["Alias"].lower(), node.get("Filter", ""))
    for inner in node.get("Plans", []):
        yield from _whole(inner)


def _is_empty(connection: psycopg.Connection[Any], statement: Statement) -> bool:
    plan = _planned(connection, statement, "COSTS OFF")
    return any("One-Time Filter: false" in line for (line,) in plan)


def _planned(
    connection: psycopg.Connection[Any], statement: Statement, form: str, *settings: str
) -> list[tuple[Any, ...]]:
    """By a generic plan, in which the other parameters stay open: they have no value yet."""
    text, unknown = statement.bind(dict.fromkeys(statement.names), lambda number: f"${number}")
    values = f"({', '.join(['NULL'] * len(unknown))})" if unknown else ""
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        for setting in ("plan_cache_mode = force_generic_plan", *settings):
            cursor.execute(f"SET LOCAL {setting}".encode())
        cursor.execute(f"PREPARE dossier_plan AS {text}".encode())
        try:
            return cursor.execute(f"EXPLAIN ({form}) EXECUTE dossier_plan{values}".encode()).fetchall()
        finally:
            cursor.execute("DEALLOCATE dossier_plan")


def _names(aggregated: object) -> frozenset[str]:
    return frozenset(json.loads(str(aggregated)) if aggregated else ())
