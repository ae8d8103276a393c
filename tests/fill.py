"""Loads the sample's tables into PostgreSQL, by COPY."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, Protocol, TypeVar

import psycopg
from psycopg import sql


class Named(Protocol):
    @property
    def name(self) -> str: ...


class Loadable(Named, Protocol):
    """A table as the sample describes it: its columns, and a call that gives its rows."""

    @property
    def columns(self) -> Sequence[Named]: ...

    @property
    def rows(self) -> Callable[[], Iterator[tuple[object, ...]]]: ...


T = TypeVar("T", bound=Loadable)


def fill_postgres(
    url: str, tables: Iterable[T], ddl: Callable[[T, Literal["postgresql"]], list[str]], schema: str = "public"
) -> None:
    """Creates and fills every table in a schema, which is made where it is missing."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        for table in tables:
            _fill(connection, table, ddl(table, "postgresql"))
        # As the database would do by itself after a while: plans are those of a database in use.
        connection.execute("VACUUM ANALYZE")


def _fill(connection: psycopg.Connection[tuple[object, ...]], table: Loadable, statements: list[str]) -> None:
    create, *indexes = statements
    connection.execute(create.encode())
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    )
    with connection.cursor() as cursor, cursor.copy(copy) as stream:
        for row in table.rows():
            stream.write_row(row)
    for index in indexes:
        connection.execute(index.encode())
