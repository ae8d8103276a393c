"""Data sources in PostgreSQL: the server itself makes the JSON, so that every type keeps its own exact form."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager, closing, contextmanager, suppress
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import IsolationLevel, errors, sql
from psycopg.rows import dict_row
from psycopg.types.string import ByteaBinaryLoader
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.sources.engine import Encoding, NoSuchValue, Places, Query, Row, Session, Values
from app.sources.port import Batch, SchemaLacks, SourceMisconfigured, SourceUnavailable, ValueNotEncodable
from app.sources.sql import Statement
from app.sources.thread import SessionThread
from app.sources.values import in_batches, moment

# The driver holds so many rows before it hands over the first: few, because a row may have megabytes.
_ROWS_AT_ONCE = 50
_CANCEL_SECONDS = 5.0
_Raw = psycopg.Connection[Any]
# The types' numbers in pg_type: timestamps without and with time zone.
_TIMESTAMP, _TIMESTAMPTZ = 1114, 1184
_SETTINGS = (
    "SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'iso_8601';"
    "SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1;"
    # One visitor's rows in parallel would take a core more of a database that serves others.
    "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL statement_timeout = {}"
)


class PostgresEngine:
    """Implements Engine over a small pool of connections, each used by one session and its thread at a time."""

    def __init__(self, url: URL, connections: int) -> None:
        arguments = {"client_encoding": "utf8", "connect_timeout": 5, "autocommit": False}
        address = url.set(drivername="postgresql+psycopg")
        self._pool = create_engine(
            address, pool_size=connections, max_overflow=0, pool_pre_ping=True, connect_args=arguments,
            hide_parameters=True,
        )  # fmt: skip
        self._places = Places(connections)

    @asynccontextmanager
    async def session(self, seconds: float, *, long: bool) -> AsyncIterator[Session]:
        async with self._places.take(long=long):
            thread = SessionThread()
            try:
                pooled, raw = await thread.run(lambda: self._begun(seconds))
                try:
                    yield _PostgresSession(raw, thread)
                finally:
                    await thread.run(lambda: _give_back(pooled, raw))
            finally:
                thread.end()

    async def close(self) -> None:
        self._pool.dispose()

    def _begun(self, seconds: float) -> tuple[Connection, _Raw]:
        with _named_errors("the connection"), ExitStack() as undo:
            pooled = self._pool.connect()
            undo.callback(pooled.close)
            raw: _Raw = pooled.connection.driver_connection  # type: ignore[assignment]  # the driver's own
            _begin(raw, seconds)
            undo.pop_all()
        return pooled, raw


class _PostgresSession:
    """Implements Session: one repeatable-read, read-only transaction."""

    def __init__(self, connection: _Raw, thread: SessionThread) -> None:
        self._connection, self._thread = connection, thread

    async def rows(self, query: Query, values: Values) -> AsyncGenerator[Row]:
        async with aclosing(self._thread.each(self._found(query, values), self._interrupt)) as found:
            async for rows in found:
                for row in rows:
                    yield row

    async def columns(self, query: Query, values: Values) -> list[str]:
        return [column.name for column in await self._thread.run(lambda: self._described(query, values))]

    async def encoded(self, query: Query, values: Values, encoding: Encoding) -> AsyncGenerator[Batch]:
        async with aclosing(self._thread.each(self._encoded(query, values, encoding), self._interrupt)) as batches:
            async for batch in batches:
                yield batch

    def _interrupt(self) -> None:
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=_CANCEL_SECONDS)

    def _found(self, query: Query, values: Values) -> Generator[Sequence[Row]]:
        text, bound = _bind(query.statement, values)
        cursor = psycopg.RawCursor(self._connection, row_factory=dict_row)
        found = cursor.stream(text, bound, size=_ROWS_AT_ONCE)
        with _named_errors(query.place, searching=True), cursor, closing(found) as rows:  # type: ignore[type-var]  # it is a generator
            while some := list(islice(rows, _ROWS_AT_ONCE)):
                yield some

    def _encoded(self, query: Query, values: Values, encoding: Encoding) -> Generator[Batch]:
        columns = self._described(query, values)
        text, bound = _bind(_as_json(query.statement, columns, encoding), values)
        nested = ", ".join(encoding.json) or "unknown"
        cursor = psycopg.RawCursor(self._connection)
        # Text in its binary form is the bytes themselves, and this loader of the driver's hands them on untouched.
        cursor.adapters.register_loader("text", ByteaBinaryLoader)
        stream = cursor.stream(text, bound, binary=True, size=_ROWS_AT_ONCE)
        with _named_errors(query.place, nested=nested), cursor, closing(stream) as rows:  # type: ignore[type-var]  # it is a generator
            yield from in_batches(rows, partial(_moments, encoding.zone) if encoding.time else None)

    def _described(self, query: Query, values: Values) -> Sequence[psycopg.Column]:
        text, bound = _bind(query.statement.inside("SELECT * FROM (", ") AS described LIMIT 0"), values)
        # A missing table must not end the transaction that the other sections are read in.
        with _named_errors(query.place), self._connection.transaction(), psycopg.RawCursor(self._connection) as cursor:
            cursor.execute(text, bound)
            return cursor.description or ()


def _moments(zone: ZoneInfo | None, times: list[bytes | datetime | None]) -> list[datetime | None]:
    return [moment(one.decode(), zone) if isinstance(one, bytes) else one for one in times]


def _give_back(pooled: Connection, raw: _Raw) -> None:
    if raw.closed or raw.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
        pooled.invalidate()
    pooled.close()


def _as_json(statement: Statement, columns: Sequence[psycopg.Column], encoding: Encoding) -> Statement:
    """The statement within one that returns each row as JSON text, and the row's time as text."""
    forms = [_form(column, encoding) for column in columns]
    inner = sql.SQL("SELECT {} FROM (").format(sql.SQL(", ").join(forms)).as_string()
    time = next((_time(column, encoding) for column in columns if column.name == encoding.time), sql.SQL("NULL::text"))
    outer = sql.SQL("SELECT row_to_json(dossier_row)::text, {} FROM (").format(time).as_string()
    return statement.inside(inner, ") AS dossier_raw").inside(outer, ") AS dossier_row")


def _time(column: psycopg.Column, encoding: Encoding) -> sql.Composable:
    """As a moment where the server has one that this calendar knows, else as text for others to read."""
    zoned = column.type_code == _TIMESTAMPTZ or (column.type_code == _TIMESTAMP and encoding.zone)
    form = (
        "CASE WHEN dossier_row.{0} >= '0001-01-02Z' AND dossier_row.{0} < '9999-12-31Z' THEN dossier_row.{0} END"
        if zoned
        else "dossier_row.{0}::text"
    )
    return sql.SQL(form).format(sql.Identifier(column.name))


def _form(column: psycopg.Column, encoding: Encoding) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.name in encoding.json:
        return sql.SQL("{0}::json AS {0}").format(name)
    if column.type_code == _TIMESTAMP and encoding.zone:
        return sql.SQL("{0} AT TIME ZONE {1} AS {0}").format(name, sql.Literal(encoding.zone.key))
    return name


def _bind(statement: Statement, values: Values) -> tuple[Any, list[Any]]:
    return statement.bind(values, lambda place: f"${place}")


def _begin(connection: _Raw, seconds: float) -> None:
    connection.rollback()
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute(_SETTINGS.format(int(seconds * 1000)).encode())


@contextmanager
def _named_errors(place: str, *, searching: bool = False, nested: str = "") -> Iterator[None]:
    """Turns the driver's errors into ours. Only messages about the schema are repeated: others quote values."""
    try:
        yield
    except DBAPIError as error:
        # From connecting alone: it names host, port, user and reason.
        raise SourceUnavailable(f"{place}: {' '.join(str(error.orig).split())}") from error
    except (PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError, errors.SerializationFailure) as error:
        raise SourceUnavailable(f"{place}: {type(error).__name__}") from error
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
        raise SchemaLacks(f"{place}: {error.diag.message_primary}") from error
    except psycopg.DataError as error:
        if searching and "$" in (error.diag.context or ""):
            raise NoSuchValue from error
        if nested:
            raise ValueNotEncodable(place, nested) from error
        raise SourceMisconfigured(f"{place}: {type(error).__name__}") from error
    except psycopg.Error as error:
        words = error.diag.message_primary if (error.sqlstate or "").startswith("42") else None
        raise SourceMisconfigured(f"{place}: {words or type(error).__name__}") from error
