"""Data sources in MariaDB and MySQL: rows come one by one as the server sends them, and are encoded here."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from inspect import signature
from typing import Any

from pymysql import err
from pymysql.constants import FIELD_TYPE
from sqlalchemy import URL
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.exc import ArgumentError

from app.kit.threads import Threads
from app.sources.engine import Encoding, Isolation, Limits, NoSuchValue, Query, Row, Scan, Table, Values
from app.sources.engines.mariadb_errors import named_errors
from app.sources.engines.mariadb_rights import writable as writable_by
from app.sources.engines.mariadb_values import Column, NoText, Prepared, json_forms
from app.sources.engines.mariadb_wire import Connection, bound, connect
from app.sources.engines.refusals import refused_by_mariadb, refused_option
from app.sources.engines.session import BlockingSession, Cable, ThreadedEngine
from app.sources.port import Batch, SourceMisconfigured, SourceUnavailable, ValueNotEncodable
from app.sources.sql import Statement
from app.sources.values import RowEncoder, Unencodable, in_batches, moments

_INTERRUPT_SECONDS, _ANSWER_SECONDS = 0.4, 4
_PORT = 3306


def _asked(name: str, text: str) -> Query:
    return Query(name, Statement.parse(text, "mariadb"))


_COLUMNS = _asked(
    "the list of tables",
    "SELECT c.table_name AS name, c.column_name AS found FROM information_schema.columns AS c"
    " JOIN information_schema.tables AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name"
    " WHERE c.table_schema = database() AND t.table_type <> 'VIEW' ORDER BY c.table_name, c.ordinal_position",
)
_REFERENCES = _asked(
    "the list of foreign keys",
    "SELECT table_name AS name, referenced_table_name AS found FROM information_schema.key_column_usage"
    " WHERE table_schema = database() AND referenced_table_name IS NOT NULL",
)
# What a view reads is said in the text that the server made of it, for those who may see it.
_VIEWS = _asked(
    "the list of views",
    "SELECT t.table_name AS name, v.table_name AS found FROM information_schema.views AS v"
    " JOIN information_schema.tables AS t ON t.table_schema = v.table_schema AND t.table_type <> 'VIEW'"
    " AND instr(v.view_definition, concat('`', t.table_name, '`')) > 0 WHERE v.table_schema = database()",
)
_DATABASE = _asked("the database", "SELECT database() AS name")


class MariadbEngine(ThreadedEngine):
    """Implements Engine over a connection for each session. Raises ValueError for a URL without a database, or with
    options that the driver does not take."""

    def __init__(self, url: URL, limits: Limits, threads: Threads) -> None:
        super().__init__(limits, threads)
        if not url.database:
            raise ValueError("it must name a database after the host, as mysql://user:password@host/database does")
        _check_options(url)
        self._url = url

    def new(self, seconds: float) -> "MariadbSession":
        return MariadbSession(self._url, seconds, writes=self.limits.writes)


class MariadbSession(BlockingSession):
    """One repeatable-read, read-only transaction; or several, where it may write. What is read of tables without
    transactions (MyISAM, Aria) is what they hold at that moment."""

    def __init__(self, url: URL, seconds: float, *, writes: bool = False) -> None:
        self._url, self._seconds, self._writes = url, seconds, writes
        self._connection: Connection | None = None

    def open(self) -> None:
        try:
            self._connection = connect(self._url)
        except err.MySQLError as error:
            place = self._url.host or "localhost", self._url.port or _PORT
            raise refused_by_mariadb(error.args, error.__context__, *place) from error
        except OSError as error:
            raise refused_option(error) from error
        self.cable = Cable(self._connection.handle)
        with named_errors("the session"):
            self._connection.settle(self._seconds, writes=self._writes)
            if not self._writes:
                self._connection.begin("reading")

    def close(self) -> None:
        """Rows that nobody took yet stay where they are."""
        if self._connection:
            self._connection.leave()
        if self.cable:
            self.cable.close()

    def interrupt(self) -> None:
        with suppress(err.MySQLError):
            if self._connection:
                other = connect(self._url, **_timed(_INTERRUPT_SECONDS))
                other.query(f"KILL QUERY {self._connection.thread_id()}")
                other.leave()

    def server_answers(self) -> bool:
        """A refusal is an answer, too."""
        try:
            connect(self._url, **_timed(_ANSWER_SECONDS)).leave()
        except err.MySQLError as error:
            return not isinstance(error.__context__, TimeoutError)
        return True

    def select(self, query: Query, values: Values) -> Iterator[Sequence[Row]]:
        with self._prepared(query, values) as (prepared, given):
            names = [column.name for column in prepared.columns]
            try:
                for rows in self._open.executed(prepared, given):
                    yield [dict(zip(names, row, strict=True)) for row in rows]
            except NoText as error:
                raise SourceMisconfigured(f"{query.name}: the column {str(error)!r} is not UTF-8.") from error
            if self._open.read_as_number(given):
                raise NoSuchValue

    def columns(self, query: Query, values: Values) -> list[str]:
        """Preparing a statement tells them."""
        with self._prepared(query, values) as (prepared, _):
            return [column.name for column in prepared.columns]

    def tables(self) -> list[Table]:
        columns, refers_to, views = map(self._gathered, (_COLUMNS, _REFERENCES, _VIEWS))
        (database,) = (str(row["name"]) for rows in self.select(_DATABASE, {}) for row in rows)
        with named_errors("the list of rights"):
            may_write = writable_by([str(one) for (one,) in self._open.said("SHOW GRANTS")], database)
        nothing = frozenset[str]()
        return [
            Table(name, None, found, refers_to.get(name, nothing), views.get(name, nothing), writable=may_write(name))
            for name, found in columns.items()
        ]

    def excludes_null(self, query: Query, parameter: str) -> bool:  # noqa: ARG002
        """Its planner looks at tables that are empty or small, and would say so of them without a reason in the SQL."""
        return False

    def scanned(self, query: Query) -> list[Scan]:
        """The access types `ALL` and `index` read a whole table, or a whole index."""
        plan, rows = Query(query.name, query.statement.inside("EXPLAIN ", "")), list[Row]()
        # That the text is no number is said after the plan.
        with suppress(NoSuchValue):
            for some in self.select(plan, dict.fromkeys(query.statement.names, "x")):
                rows.extend(some)
        return [Scan(str(row["table"]).lower()) for row in rows if row["type"] in ("ALL", "index")]

    def encoded(self, query: Query, values: Values, encoding: Encoding) -> Generator[Batch]:
        with self._prepared(query, values, encoding=True) as (prepared, given):
            pieces = _encoded(self._open.executed(prepared, given), prepared.columns, encoding)
            try:
                yield from in_batches(pieces, partial(moments, zone=encoding.zone) if encoding.time else None)
            except (NoText, Unencodable) as error:
                raise ValueNotEncodable(query.name, str(error)) from error
            if self._open.read_as_number(given):
                raise SourceMisconfigured(f"{query.name} compares a text with a number, which finds others' rows, too.")

    @contextmanager
    def transaction(self, isolation: Isolation) -> Iterator[None]:
        with named_errors("the transaction"):
            self._open.begin(isolation)
            try:
                yield
            except BaseException:
                with suppress(err.MySQLError, SourceUnavailable):
                    self._open.query("ROLLBACK")
                raise
            self._open.query("COMMIT")

    def changed(self, query: Query, values: Values) -> int:
        with named_errors(query.name):
            text, given = bound(query.statement, values, self._open.exact)
            touched = self._open.changed(text, given)
            if self._open.read_as_number(given):
                raise SourceMisconfigured(f"{query.name} compares a text with a number, which finds others' rows, too.")
        return touched

    @property
    def _open(self) -> Connection:
        if self._connection is None:
            raise SourceUnavailable("The session has ended.")
        return self._connection

    @contextmanager
    def _prepared(
        self, query: Query, values: Values, *, encoding: bool = False
    ) -> Iterator[tuple[Prepared, Sequence[object]]]:
        """Raises SourceMisconfigured where the statement returns no rows: such a one is never run."""
        with named_errors(query.name, encoding=encoding):
            text, given = bound(query.statement, values, self._open.exact)
            prepared = self._open.prepared(text)
            if not prepared.columns:
                raise SourceMisconfigured(f"{query.name} is no SELECT.")
            yield prepared, given
            self._open.forget(prepared)

    def _gathered(self, query: Query) -> dict[str, frozenset[str]]:
        found = dict[str, set[str]]()
        for rows in self.select(query, {}):
            for row in rows:
                found.setdefault(str(row["name"]), set()).add(str(row["found"]))
        return {name: frozenset(several) for name, several in found.items()}


def _timed(seconds: float) -> dict[str, float]:
    return dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), seconds)


def _encoded(
    pieces: Iterator[list[tuple[Any, ...]]], columns: Sequence[Column], encoding: Encoding
) -> Iterator[tuple[list[bytes], Sequence[object]]]:
    """Rows as JSON, with what dates them. Columns of MySQL's own JSON type are nested like those that are named."""
    names = [column.name for column in columns]
    nested = {*encoding.json, *(column.name for column in columns if column.kind == FIELD_TYPE.JSON)}
    encode, time = RowEncoder(names, sorted(nested)).encode, names.index(encoding.time) if encoding.time else None
    forms = json_forms(columns, encoding.zone)
    for rows in pieces:
        times = [row[time] for row in rows] if time is not None else []
        yield encode(_formed(rows, forms)), times


def _formed(rows: Sequence[tuple[Any, ...]], forms: dict[int, Callable[[Any], object]]) -> Sequence[Sequence[object]]:
    if not forms:
        return rows
    columns: list[Sequence[object]] = list(zip(*rows, strict=True))
    for number, form in forms.items():
        columns[number] = [value if value is None else form(value) for value in columns[number]]
    return list(zip(*columns, strict=True))


def _check_options(url: URL) -> None:
    """Raises ValueError."""
    try:
        said = MySQLDialect_pymysql().create_connect_args(url)[1]
    except (ValueError, ArgumentError):
        said = {"": ""}
    if not signature(Connection).parameters.keys() >= said.keys():
        raise ValueError("what stands after its ? must be options of the driver's, such as ssl_ca=/etc/ca.pem")
