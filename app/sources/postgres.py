"""Data sources in PostgreSQL: the server itself makes the JSON, so that every type keeps its own exact form."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg import IsolationLevel, errors, sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import dict_row
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from app.sources.engine import Encoding, NoSuchValue, Places, Query, Row, Session, Values
from app.sources.port import Batch, SchemaLacks, SourceMisconfigured, SourceUnavailable, ValueNotEncodable
from app.sources.sql import Statement
from app.sources.values import moment

_ROWS, _BYTES = 1000, 1 << 18
_TIMESTAMP = 1114  # the type's number in pg_type: a timestamp without time zone
_SETTINGS = (
    "SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'iso_8601';"
    "SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1;"
    # One visitor's rows in parallel would take a core more of a database that serves others.
    "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL statement_timeout = {}"
)


class PostgresEngine:
    """Implements Engine over a small pool of connections."""

    def __init__(self, url: URL, connections: int) -> None:
        arguments = {"client_encoding": "utf8", "connect_timeout": 5, "autocommit": False}
        address = url.set(drivername="postgresql+psycopg")
        self._pool = create_async_engine(
            address, pool_size=connections, max_overflow=0, pool_pre_ping=True, connect_args=arguments,
            hide_parameters=True,
        )  # fmt: skip
        self._places = Places(connections)

    @asynccontextmanager
    async def session(self, seconds: float, *, long: bool) -> AsyncIterator[Session]:
        async with self._places.take(long=long):
            with _named_errors("the connection"):
                pooled = await self._pool.connect()
            try:
                raw: psycopg.AsyncConnection[Any] = (await pooled.get_raw_connection()).driver_connection  # type: ignore[assignment]
                with _named_errors("the connection"):
                    await _begin(raw, seconds)
                yield _PostgresSession(raw)
            finally:
                if raw.closed or raw.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                    await pooled.invalidate()
                await pooled.close()

    async def close(self) -> None:
        await self._pool.dispose()


class _PostgresSession:
    """Implements Session: one repeatable-read, read-only transaction."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def rows(self, query: Query, values: Values) -> AsyncGenerator[Row]:
        text, bound = _bind(query.statement, values)
        cursor = psycopg.AsyncRawCursor(self._connection, row_factory=dict_row)
        with _named_errors(query.place, searching=True):
            async with cursor, aclosing(cursor.stream(text, bound, size=_ROWS)) as rows:  # type: ignore[type-var]  # it is a generator
                async for row in rows:
                    yield row

    async def columns(self, query: Query, values: Values) -> list[str]:
        return [column.name for column in await self._described(query, values)]

    async def encoded(self, query: Query, values: Values, encoding: Encoding) -> AsyncGenerator[Batch]:
        columns = await self._described(query, values)
        statement = _as_json(query.statement, columns, encoding)
        text, bound = _bind(statement, values)
        cursor = psycopg.AsyncRawCursor(self._connection)
        cursor.adapters.register_loader("text", _Utf8)
        nested = ", ".join(encoding.json) or "unknown"
        with _named_errors(query.place, nested=nested):
            async with cursor, aclosing(cursor.stream(text, bound, size=_ROWS)) as rows:  # type: ignore[type-var]  # it is a generator
                async for batch in _batches(rows, encoding):
                    yield batch

    async def _described(self, query: Query, values: Values) -> Sequence[psycopg.Column]:
        text, bound = _bind(query.statement.inside("SELECT * FROM (", ") AS described LIMIT 0"), values)
        with _named_errors(query.place):
            # A missing table must not end the transaction that the other sections are read in.
            async with self._connection.transaction(), psycopg.AsyncRawCursor(self._connection) as cursor:
                await cursor.execute(text, bound)
                return cursor.description or ()


class _Utf8(Loader):
    """Leaves text as the bytes that came: nobody here looks into them."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


async def _batches(rows: AsyncIterator[tuple[bytes, bytes | None]], encoding: Encoding) -> AsyncGenerator[Batch]:
    held, times, size = list[bytes](), list[bytes | None](), 0
    async for row, time in rows:
        held.append(row)
        times.append(time)
        size += len(row)
        if len(held) == _ROWS or size >= _BYTES:
            yield _batch(held, times, encoding)
            held, times, size = [], [], 0
    if held:
        yield _batch(held, times, encoding)


def _batch(rows: list[bytes], times: list[bytes | None], encoding: Encoding) -> Batch:
    if encoding.time is None:
        return Batch(rows, None)
    return Batch(rows, [moment(one.decode(), encoding.zone) if one else None for one in times])


def _as_json(statement: Statement, columns: Sequence[psycopg.Column], encoding: Encoding) -> Statement:
    """The statement within one that returns each row as JSON text, and the row's time as text."""
    forms = [_form(column, encoding) for column in columns]
    inner = sql.SQL("SELECT {} FROM (").format(sql.SQL(", ").join(forms)).as_string()
    time = (
        sql.SQL("dossier_row.{}::text").format(sql.Identifier(encoding.time))
        if encoding.time
        else sql.SQL("NULL::text")
    )
    outer = sql.SQL("SELECT row_to_json(dossier_row)::text, {} FROM (").format(time).as_string()
    return statement.inside(inner, ") AS dossier_raw").inside(outer, ") AS dossier_row")


def _form(column: psycopg.Column, encoding: Encoding) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.name in encoding.json:
        return sql.SQL("{0}::json AS {0}").format(name)
    if column.type_code == _TIMESTAMP and encoding.zone:
        return sql.SQL("{0} AT TIME ZONE {1} AS {0}").format(name, sql.Literal(encoding.zone.key))
    return name


def _bind(statement: Statement, values: Values) -> tuple[Any, list[Any]]:
    return statement.bind(values, lambda place: f"${place}")


async def _begin(connection: psycopg.AsyncConnection[Any], seconds: float) -> None:
    await connection.rollback()
    await connection.set_autocommit(False)
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    await connection.execute(_SETTINGS.format(int(seconds * 1000)).encode())


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
