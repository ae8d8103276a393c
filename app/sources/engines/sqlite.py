"""Data sources in SQLite files: opened read-only, read by the standard library's driver in a thread."""

import json
import re
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic
from urllib.parse import quote

from sqlalchemy import URL

from app.kit.threads import Threads
from app.sources.engine import Encoding, Isolation, Limits, Query, Row, Scan, Table, Values
from app.sources.engines.session import BlockingSession, ThreadedEngine
from app.sources.erasing import RowsLocked, RowsReferred
from app.sources.port import Batch, NotConnected, SchemaLacks, SourceMisconfigured, SourceUnavailable, ValueNotEncodable
from app.sources.sql import Statement
from app.sources.values import RowEncoder, Unencodable, in_batches, moments

_ROWS_AT_ONCE = 1000
_ENCODED_AT_ONCE, _ENCODED_BYTES = 200, 1 << 20
# Somebody else may hold the file for the first. It is asked for in short turns of the second, because SQLite's own wait
# cannot be interrupted.
_LOCKED_SECONDS, _TURN_SECONDS = 5.0, 0.1
# Errors after which trying again may help: https://www.sqlite.org/rescode.html
_PASSING = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_FULL,
}  # fmt: skip


# The file is opened read-only, so nothing in it can be written.
_TABLES = Query(
    "the list of tables",
    Statement.parse(
        "SELECT name, (SELECT json_group_array(name) FROM pragma_table_info(here.name)) AS columns,"
        ' (SELECT json_group_array("table") FROM pragma_foreign_key_list(here.name)) AS refers_to,'
        " (SELECT json_group_array(name) FROM sqlite_schema WHERE type = 'view' AND instr(sql, here.name)) AS views"
        " FROM sqlite_schema AS here WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name",
        "sqlite",
    ),
)

# A value or a row that is longer than SQLite allows. Trying again would not help.
_TOO_LARGE = {sqlite3.SQLITE_TOOBIG}
_NUMBERED = re.compile(r":\d+$")
_SCAN = re.compile(r"SCAN (?:TABLE )?(.+?)(?: USING .*)?")
_UNDECODABLE = re.compile(r"Could not decode to UTF-8 column '(.*?)' with text")
_ABOUT_SQL = ("near ", "no such function", "ambiguous column", "wrong number of arguments", "You can only execute one")


class SqliteEngine(ThreadedEngine):
    """Implements Engine over one database file, which is never created, and written by erasing alone. Raises ValueError
    for a URL that names none."""

    def __init__(self, url: URL, limits: Limits, threads: Threads) -> None:
        super().__init__(limits, threads)
        if not url.database:
            raise ValueError("it must name a file, as sqlite:////folder/file.db does (three slashes, and a path)")
        self._path = Path(url.database)

    def new(self, seconds: float) -> "SqliteSession":
        return SqliteSession(self._path, min(seconds, _LOCKED_SECONDS), writes=self.limits.writes)


class SqliteSession(BlockingSession):
    """One deferred transaction, whose first read fixes the snapshot; or several, where it may write."""

    def __init__(self, path: Path, patience: float, *, writes: bool = False) -> None:
        self._path, self._patience, self._writes = path, patience, writes
        self._connection: sqlite3.Connection | None = None
        self._told_to_end = False

    def open(self) -> None:
        name = f"the file {self._path.name}"
        if not self._path.is_file():
            raise NotConnected(f"{name}: there is no such file", "correct the path in {url}")
        with _named_errors(name):
            address = f"file:{quote(str(self._path))}?mode={'rw' if self._writes else 'ro'}"
            self._connection = sqlite3.connect(
                address, timeout=_TURN_SECONDS, uri=True, check_same_thread=False, isolation_level=None
            )
            if self._writes:
                # What is erased is overwritten, and whatever refers to it is seen to, which SQLite does only if told.
                self._connection.executescript("PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON")
                return
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("BEGIN")
            self._wait_for_others("SELECT 1 FROM sqlite_schema LIMIT 1")

    def close(self) -> None:
        if self._connection:
            self._connection.close()

    def interrupt(self) -> None:
        """Ends the statement that runs; one that is about to begin sees the sign."""
        self._told_to_end = True
        with suppress(sqlite3.Error):
            if self._connection:
                self._connection.interrupt()

    def disconnect(self) -> None:
        self.interrupt()

    def select(self, query: Query, values: Values) -> Iterator[Sequence[Row]]:
        cursor = self._executed(query, values)
        names = [column[0] for column in cursor.description]
        with _named_errors(query.name):
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield [dict(zip(names, row, strict=True)) for row in rows]

    def columns(self, query: Query, values: Values) -> list[str]:
        """In a subquery, which reads nothing, SQLite calls the second column `a` `a:1`. What looks like that is asked
        again outside, where it runs up to its first row."""
        described = Query(query.name, query.statement.inside("SELECT * FROM (", ") LIMIT 0"))
        names = [column[0] for column in self._executed(described, values).description]
        if not any(_NUMBERED.search(name) for name in names):
            return names
        return [column[0] for column in self._executed(query, values).description]

    def tables(self) -> list[Table]:
        return [table for rows in self.select(_TABLES, {}) for table in map(_table, rows)]

    def excludes_null(self, query: Query, parameter: str) -> bool:  # noqa: ARG002
        """Its planner looks at no values."""
        return False

    def scanned(self, query: Query) -> list[Scan]:
        """https://www.sqlite.org/eqp.html: `SCAN name`, where an index would be `SEARCH name USING …`."""
        plan = Query(query.name, query.statement.inside("EXPLAIN QUERY PLAN ", ""))
        rows = (row for rows in self.select(plan, dict.fromkeys(query.statement.names)) for row in rows)
        found = (_SCAN.fullmatch(str(row["detail"])) for row in rows)
        return [Scan(one[1].lower()) for one in found if one]

    def encoded(self, query: Query, values: Values, encoding: Encoding) -> Generator[Batch]:
        cursor = self._executed(query, values, encoding=True)
        names = [column[0] for column in cursor.description]
        encode, time = RowEncoder(names, encoding.json).encode, names.index(encoding.time) if encoding.time else None
        try:
            with _named_errors(query.name, encoding=True):
                rows = _encoded(cursor, encode, time)
                yield from in_batches(rows, None if time is None else partial(moments, zone=encoding.zone))
        except Unencodable as error:
            raise ValueNotEncodable(query.name, str(error)) from error

    @contextmanager
    def transaction(self, isolation: Isolation) -> Iterator[None]:
        with _named_errors("the transaction"):
            self._wait_for_others("BEGIN" if isolation == "reading" else "BEGIN IMMEDIATE")
            self._execute("PRAGMA defer_foreign_keys = ON", ())
            try:
                yield
                self._commit()
            except BaseException:
                with suppress(sqlite3.Error, SourceUnavailable):
                    self._execute("ROLLBACK", ())
                raise

    def changed(self, query: Query, values: Values) -> int:
        text, bound = query.statement.bind(values, lambda _: "?")
        with _named_errors(query.name):
            cursor = self._execute(text, bound)
            cursor.fetchall()
        return cursor.rowcount

    def _commit(self) -> None:
        """A table that refers to what is gone is looked for by its name: SQLite's own error has none."""
        try:
            self._wait_for_others("COMMIT")
        except sqlite3.IntegrityError as error:
            table, _, other, _ = self._execute("PRAGMA foreign_key_check", ()).fetchone()
            raise RowsReferred(f"rows of the table {table!r} refer to rows of {other!r} that would go") from error

    def _wait_for_others(self, text: str) -> None:
        until = monotonic() + self._patience
        while True:
            try:
                self._execute(text, ())
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or self._told_to_end:
                    raise
                if monotonic() > until:
                    if self._writes:
                        raise RowsLocked("the file is locked by another process") from error
                    raise
            else:
                return

    def _executed(self, query: Query, values: Values, *, encoding: bool = False) -> sqlite3.Cursor:
        text, bound = query.statement.bind(values, lambda _: "?")
        with _named_errors(query.name, encoding=encoding):
            cursor = self._execute(text, bound)
        if cursor.description is None:
            raise SourceMisconfigured(f"{query.name} is no SELECT.")
        return cursor

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._told_to_end:
            raise SourceUnavailable("The session has ended.")
        return self._connection

    def _execute(self, text: str, bound: Sequence[object]) -> sqlite3.Cursor:
        return self._open.execute(text, bound)


def _table(row: Row) -> Table:
    columns, refers_to, views = (frozenset(json.loads(str(row[name]))) for name in ("columns", "refers_to", "views"))
    return Table(str(row["name"]), None, columns, refers_to, views, writable=False)


def _encoded(
    cursor: sqlite3.Cursor, encode: Callable[[Sequence[Sequence[object]]], list[bytes]], time: int | None
) -> Iterator[tuple[list[bytes], list[object]]]:
    """Rows as JSON, with what dates them. Some at a time, and the fewer the larger they are: they are in memory."""
    most = 1
    while rows := cursor.fetchmany(most):
        encoded = encode(rows)
        yield encoded, [row[time] for row in rows] if time is not None else []
        most = max(1, min(_ENCODED_AT_ONCE, 2 * most, _ENCODED_BYTES // max(map(len, encoded))))


@contextmanager
def _named_errors(query_name: str, *, encoding: bool = False) -> Iterator[None]:
    """Turns the driver's errors into ours. Only messages about the schema are repeated: others may quote values."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_CONSTRAINT:
            # The name of a column or a rule, and never a value.
            raise RowsReferred(f"{query_name}: {error}") from error
        if code == sqlite3.SQLITE_READONLY:
            raise SourceMisconfigured(f"{query_name}: this user may not write the file or its folder") from error
        if code in _PASSING:
            raise SourceUnavailable(f"{query_name}: {error.sqlite_errorname}") from error
        if encoding and code in _TOO_LARGE:
            raise ValueNotEncodable(query_name, "unknown") from error
        if undecodable := _UNDECODABLE.match(str(error)):
            if encoding:
                raise ValueNotEncodable(query_name, undecodable[1]) from error
            raise SourceMisconfigured(f"{query_name}: the column {undecodable[1]!r} is not UTF-8.") from error
        lacking = str(error).startswith(("no such table", "no such column"))
        said = str(error) if lacking or str(error).startswith(_ABOUT_SQL) else "the statement failed"
        raise (SchemaLacks if lacking else SourceMisconfigured)(f"{query_name}: {said}") from error
