"""Data sources in SQLite files: opened read-only, read by the standard library's driver in a thread."""

import re
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from app.sources.engine import Encoding, Places, Query, Row, Session, Values
from app.sources.port import Batch, SchemaLacks, SourceMisconfigured, SourceUnavailable, ValueNotEncodable
from app.sources.thread import SessionThread
from app.sources.values import RowEncoder, Unencodable, in_batches, moment

_ROWS_AT_ONCE = 1000
# What may be otherwise next time, or on another day: https://www.sqlite.org/rescode.html
_PASSING = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_FULL,
}  # fmt: skip


_UNDECODABLE = re.compile(r"Could not decode to UTF-8 column '(.*?)' with text")
_ABOUT_SQL = ("near ", "no such function", "ambiguous column", "wrong number of arguments", "You can only execute one")


class SqliteEngine:
    """Implements Engine over one database file, which is never created and never written."""

    def __init__(self, path: Path, connections: int) -> None:
        self._path, self._places = path, Places(connections)

    @asynccontextmanager
    async def session(self, seconds: float, *, long: bool) -> AsyncIterator[Session]:
        async with self._places.take(long=long):
            thread = SessionThread()
            try:
                connection = await thread.run(lambda: _opened(self._path, seconds))
                try:
                    yield _SqliteSession(connection, thread)
                finally:
                    connection.interrupt()
                    await thread.run(connection.close)
            finally:
                thread.end()

    async def close(self) -> None:
        """Nothing stays open between sessions."""


class _SqliteSession:
    """Implements Session: one deferred transaction, whose first read fixes the snapshot."""

    def __init__(self, connection: sqlite3.Connection, thread: SessionThread) -> None:
        self._connection, self._thread = connection, thread

    async def rows(self, query: Query, values: Values) -> AsyncGenerator[Row]:
        cursor = await self._thread.run(lambda: self._executed(query, values))
        names = [column[0] for column in cursor.description]
        while rows := await self._thread.run(lambda: _fetched(cursor, query)):
            for row in rows:
                yield dict(zip(names, row, strict=True))

    async def columns(self, query: Query, values: Values) -> list[str]:
        described = Query(query.place, query.statement.inside("SELECT * FROM (", ") LIMIT 0"))
        cursor = await self._thread.run(lambda: self._executed(described, values))
        return _given_names([column[0] for column in cursor.description])

    async def encoded(self, query: Query, values: Values, encoding: Encoding) -> AsyncGenerator[Batch]:
        batches = self._thread.each(self._encoded(query, values, encoding), self._connection.interrupt)
        async with aclosing(batches):
            async for batch in batches:
                yield batch

    def _encoded(self, query: Query, values: Values, encoding: Encoding) -> Generator[Batch]:
        cursor = self._executed(query, values, encoding=True)
        names = [column[0] for column in cursor.description]
        encode, time = RowEncoder(names, encoding.json).encode, names.index(encoding.time) if encoding.time else None
        rows = ((encode(row), row[time] if time is not None else None) for row in cursor)
        try:
            with _named_errors(query.place, encoding=True):
                yield from in_batches(rows, None if time is None else partial(_moments, encoding.zone))
        except Unencodable as error:
            raise ValueNotEncodable(query.place, str(error)) from error

    def _executed(self, query: Query, values: Values, *, encoding: bool = False) -> sqlite3.Cursor:
        text, bound = query.statement.bind(values, lambda _: "?")
        with _named_errors(query.place, encoding=encoding):
            cursor = self._connection.execute(text, bound)
        if cursor.description is None:
            raise SourceMisconfigured(f"{query.place} is no SELECT.")
        return cursor


def _opened(path: Path, seconds: float) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode=ro"
    with _named_errors(f"the file {path.name}"), ExitStack() as undo:
        connection = sqlite3.connect(address, timeout=seconds, uri=True, check_same_thread=False, isolation_level=None)
        undo.callback(connection.close)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1")
        undo.pop_all()
    return connection


def _moments(zone: ZoneInfo | None, times: list[object]) -> list[datetime | None]:
    return [moment(one, zone) for one in times]


def _fetched(cursor: sqlite3.Cursor, query: Query) -> list[Any]:
    with _named_errors(query.place):
        return cursor.fetchmany(_ROWS_AT_ONCE)


def _given_names(names: list[str]) -> list[str]:
    """In a subquery SQLite calls the second column `a` `a:1`; here it is called `a` again."""
    bare = [re.sub(r":\d+$", "", name) for name in names]
    return [stem if stem in names else name for stem, name in zip(bare, names, strict=True)]


@contextmanager
def _named_errors(place: str, *, encoding: bool = False) -> Iterator[None]:
    """Turns the driver's errors into ours. Only messages about the schema are repeated: others may quote values."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _PASSING:
            raise SourceUnavailable(f"{place}: {error.sqlite_errorname}") from error
        if undecodable := _UNDECODABLE.match(str(error)):
            if encoding:
                raise ValueNotEncodable(place, undecodable[1]) from error
            raise SourceMisconfigured(f"{place}: the column {undecodable[1]!r} is not UTF-8.") from error
        lacking = str(error).startswith(("no such table", "no such column"))
        said = str(error) if lacking or str(error).startswith(_ABOUT_SQL) else "the statement failed"
        raise (SchemaLacks if lacking else SourceMisconfigured)(f"{place}: {said}") from error
