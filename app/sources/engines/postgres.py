"""Data sources in PostgreSQL: the server itself makes the JSON, so that every type keeps its own exact form."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, LiteralString, TypeVar
from zoneinfo import ZoneInfo

import psycopg
from psycopg import pq, sql
from psycopg.abc import AdaptContext, Transformer
from psycopg.types.string import ByteaBinaryLoader
from sqlalchemy import URL

from app.kit.driver import connect
from app.kit.threads import Threads
from app.sources.engine import Encoding, Isolation, Limits, LookUp, Query, Result, Row, Scan, Table, Values
from app.sources.engines.postgres_catalog import TABLES, excludes_null, scanned, table
from app.sources.engines.postgres_search import KeptConnections
from app.sources.engines.postgres_wire import (
    address_of,
    bound,
    dumped,
    loaded,
    named_errors,
    prepare_connection,
    received,
    rows_of,
    sent,
)
from app.sources.engines.session import BlockingSession, Cable, ThreadedEngine
from app.sources.port import Batch, ValueNotEncodable
from app.sources.sql import Statement
from app.sources.values import in_batches, moments

Rows = TypeVar("Rows")
Load = Callable[[pq.abc.PGresult, Transformer], Rows]
_INTERRUPT_SECONDS, _ANSWER_SECONDS = 0.4, 4
_CULPRIT_SECONDS = 10
_BEGIN: dict[Isolation, LiteralString] = {
    "reading": "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "repeatable": "BEGIN ISOLATION LEVEL REPEATABLE READ",
    "committed": "BEGIN ISOLATION LEVEL READ COMMITTED",
}
# The types' numbers in pg_type: timestamps without and with time zone; integers, reals and decimals.
_TIMESTAMP, _TIMESTAMPTZ = 1114, 1184
_NUMBERS = {20, 21, 23, 700, 701, 1700}


class PostgresEngine(ThreadedEngine):
    """Implements Engine: searches on connections that are kept, without a thread; an export on one of its own."""

    def __init__(self, url: URL, limits: Limits, threads: Threads) -> None:
        super().__init__(limits, threads)
        self._address = partial(address_of, url, limits)
        self._kept = KeptConnections(self._address(limits.search_seconds))

    def new(self, seconds: float) -> "PostgresSession":
        return PostgresSession(self._address(seconds), writes=self.limits.writes)

    async def find(self, look_up: Callable[[], LookUp[Result]]) -> Result:
        async with self.places.take(long=False):
            return await self._kept.find(look_up)

    async def close(self) -> None:
        await self._kept.close()


class PostgresSession(BlockingSession):
    """One repeatable-read, read-only transaction on a connection of its own; or several, where it may write."""

    def __init__(self, address: str, *, writes: bool = False) -> None:
        self._address, self._writes = address, writes
        self._connection: psycopg.Connection[Any] | None = None

    def open(self) -> None:
        with named_errors("the connection", connecting=True):
            self._connection = connect(self._address, autocommit=True)
            self.cable = Cable(self._connection.fileno())
            prepare_connection(self._connection)
            if not self._writes:
                self._connection.execute(_BEGIN["reading"])

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        if self.cable:
            self.cable.close()

    def interrupt(self) -> None:
        with suppress(psycopg.Error):
            if self._connection:
                self._connection.cancel_safe(timeout=_INTERRUPT_SECONDS)

    def server_answers(self) -> bool:
        """A refusal is an answer, too."""
        try:
            connect(self._address, connect_timeout=_ANSWER_SECONDS).close()
        except psycopg.errors.ConnectionTimeout:
            return False
        except psycopg.Error:
            return True
        return True

    def select(self, query: Query, values: Values) -> Iterator[Sequence[Row]]:
        with named_errors(query.name, searching=True):
            yield from self._loaded(self._open, bound(query.statement, values), pq.Format.TEXT, rows_of)

    def columns(self, query: Query, values: Values) -> list[str]:
        return [column.name for column in self._described(query, values)]

    def tables(self) -> list[Table]:
        return [table(row) for rows in self.select(TABLES, {}) for row in rows]

    def excludes_null(self, query: Query, parameter: str) -> bool:
        with named_errors(query.name):
            return excludes_null(self._open, query.statement, parameter)

    def scanned(self, query: Query) -> list[Scan]:
        with named_errors(query.name):
            return scanned(self._open, query.statement)

    def encoded(self, query: Query, values: Values, encoding: Encoding) -> Generator[Batch]:
        columns = self._described(query, values)
        cursor = psycopg.RawCursor(self._open)
        # Text in its binary form is the bytes themselves, and this loader of the driver's hands them on untouched.
        cursor.adapters.register_loader("text", ByteaBinaryLoader)
        nested = ", ".join(encoding.json) or "unknown"
        try:
            with named_errors(query.name, nested=nested):
                statement = _as_json(query.statement, columns, encoding)
                pieces = self._loaded(cursor, bound(statement, values), pq.Format.BINARY, _columns)
                yield from in_batches(pieces, partial(_moments, encoding.zone) if encoding.time else None)
        except ValueNotEncodable as error:
            if not isinstance(error.__cause__, psycopg.DataError):
                raise
            alone = ((one.name, _as_json(query.statement, [one], encoding)) for one in columns)
            raise ValueNotEncodable(query.name, self._culprit(alone, values) or nested) from error

    @contextmanager
    def transaction(self, isolation: Isolation) -> Iterator[None]:
        with named_errors("the transaction"):
            self._open.execute(_BEGIN[isolation])
            try:
                yield
            except BaseException:
                with suppress(psycopg.Error):
                    self._open.execute("ROLLBACK")
                raise
            self._open.execute("COMMIT")

    def changed(self, query: Query, values: Values) -> int:
        text, given = bound(query.statement, values)
        with named_errors(query.name), psycopg.RawCursor(self._open) as cursor:
            return cursor.execute(text, given).rowcount

    @property
    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            raise psycopg.InterfaceError("not open")
        return self._connection

    def _loaded(
        self, context: AdaptContext, query: tuple[bytes, list[Any]], form: pq.Format, load: Load[Rows]
    ) -> Iterator[Rows]:
        """To be read to the end; whoever stops before it must close the session."""
        wait, wire, (text, given) = self._open.wait, self._open.pgconn, query
        forms, values = dumped(context, given)
        wire.send_query_params(text, values, forms.types, forms.formats, form)
        wait(sent(wire))
        while result := wait(received(wire)):
            rows, some, result = load(result, forms), result.ntuples, None
            # By now the driver's copy of the rows is gone, which may have megabytes.
            if some:
                yield rows

    def _culprit(self, columns: Iterable[tuple[str, Statement]], values: Values) -> str | None:
        """The column that cannot be encoded, by each one alone, within the server: its error names none. What was read
        is lost by then, so nobody waits long for it."""
        until = monotonic() + _CULPRIT_SECONDS
        with suppress(psycopg.OperationalError), psycopg.RawCursor(self._open) as cursor:
            self._open.rollback()
            cursor.execute(f"SET statement_timeout = '{_CULPRIT_SECONDS}s'".encode())
            for name, statement in columns:
                counted = statement.inside("SELECT count(convert_to(row_to_json, 'UTF8')) FROM (", ") AS made")
                try:
                    cursor.execute(*bound(counted, values))
                except psycopg.DataError:
                    return name
                if monotonic() > until:
                    break
        return None

    def _described(self, query: Query, values: Values) -> Sequence[psycopg.Column]:
        text, given = bound(query.statement.inside("SELECT * FROM (", ") AS described LIMIT 0"), values)
        # A missing table must not end the transaction that the other sections are read in.
        with named_errors(query.name), self._open.transaction(), psycopg.RawCursor(self._open) as cursor:
            cursor.execute(text, given)
            return cursor.description or ()


def _columns(result: pq.abc.PGresult, forms: Transformer) -> tuple[Sequence[bytes], Sequence[Any]]:
    """JSON texts, and what dates them."""
    rows = loaded(result, forms)
    return [row[0] for row in rows], [row[1] for row in rows]


def _moments(zone: ZoneInfo | None, times: list[Any]) -> list[datetime | None]:
    if all(one is None or isinstance(one, datetime) for one in times):
        return times
    return moments([one.decode() if isinstance(one, bytes) else one for one in times], zone)


def _as_json(statement: Statement, columns: Sequence[psycopg.Column], encoding: Encoding) -> Statement:
    """The statement within one that returns each row as JSON text, and the row's time as text."""
    forms = [_form(column, encoding) for column in columns]
    inner = sql.SQL("SELECT {} FROM (").format(sql.SQL(", ").join(forms)).as_string()
    row = _row_name([column.name for column in columns])
    time = next((_time(row, one, encoding) for one in columns if one.name == encoding.time), sql.SQL("NULL::text"))
    outer = sql.SQL("SELECT row_to_json({})::text, {} FROM (").format(row, time).as_string()
    return statement.inside(inner, ") AS dossier_raw").inside(outer, f") AS {row.as_string()}")


def _row_name(columns: Sequence[str]) -> sql.Identifier:
    """A name for the row that no column bears: it would stand for the column instead."""
    name = "dossier_row"
    while name in columns:
        name += "_"
    return sql.Identifier(name)


def _time(row: sql.Identifier, column: psycopg.Column, encoding: Encoding) -> sql.Composable:
    """A moment where the server has one that this calendar knows, a number as it is, else text for others to read."""
    zoned = column.type_code == _TIMESTAMPTZ or (column.type_code == _TIMESTAMP and encoding.zone)
    form = "{0}.{1}" if column.type_code in _NUMBERS else "{0}.{1}::text"
    if zoned:
        form = "CASE WHEN {0}.{1} >= '0001-01-02Z' AND {0}.{1} < '9999-12-31Z' THEN {0}.{1} END"
    return sql.SQL(form).format(row, sql.Identifier(column.name))


def _form(column: psycopg.Column, encoding: Encoding) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.name in encoding.json:
        return sql.SQL("{0}::json AS {0}").format(name)
    if column.type_code == _TIMESTAMP and encoding.zone:
        return sql.SQL("{0} AT TIME ZONE {1} AS {0}").format(name, sql.Literal(encoding.zone.key))
    return name
