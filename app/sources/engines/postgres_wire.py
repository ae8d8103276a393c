"""How a query goes to PostgreSQL and its rows come back, for a driver that blocks and for one that does not.

The driver is made of generators that yield where they must wait for the socket; a connection of either kind does the
waiting. What is here is written in the same way, so that both use it. The driver's cursors do not fit: one that is
given up asks the server to cancel, and waits for that even where the server is silent.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.abc import AdaptContext, PQGen
from psycopg.abc import Transformer as Forms
from psycopg.adapt import PyFormat, Transformer
from psycopg.conninfo import conninfo_to_dict, make_conninfo, timeout_from_conninfo
from psycopg.generators import execute, fetch, send
from psycopg.types.numeric import FloatDumper
from psycopg.types.string import TextLoader
from sqlalchemy import URL
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import ArgumentError

from app.sources.engine import Limits, NoSuchValue, Row, Values
from app.sources.engines.refusals import refused_by_postgresql
from app.sources.erasing import RowsLocked, RowsReferred
from app.sources.port import SchemaLacks, SourceMisconfigured, SourceUnavailable, ValueNotEncodable
from app.sources.sql import Statement

# So many rows come at once: few, because a row may have megabytes.
_ROWS_AT_ONCE = 50
_IDLE_IN_TRANSACTION_MS = 300_000
_ROWS = {pq.ExecStatus.TUPLES_CHUNK, pq.ExecStatus.SINGLE_TUPLE, pq.ExecStatus.TUPLES_OK}
_KEEPALIVES: dict[str, str | int] = {
    "connect_timeout": 5, "tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5,
    "keepalives_count": 3, "application_name": "dossier",
}  # fmt: skip
_SETTINGS = {
    "default_transaction_read_only": "on",
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    # One visitor's rows in parallel would take a core more of a database that serves others.
    "max_parallel_workers_per_gather": "0",
    "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_MS),
}
# Who erases waits for others' locks, and does not make everybody wait behind it for long.
_WRITING = {"default_transaction_read_only": "off", "lock_timeout": "10s"}
_TOO_MUCH = "more than the server can make of one value"
_DROPPED = (
    "the connection: a pooler on the way drops the startup parameter `options`, by which Dossier sets read-only, UTC"
    " and time limits; connect directly, or through one that passes it on."
)
_ROW_SECURITY = "grant its role BYPASSRLS, or say row_security = true in the mapping where the policy is meant"


def address_of(url: URL, limits: Limits, seconds: float) -> str:
    """The driver's connection string: read-only unless the limits say otherwise, in UTC, every statement ended after so
    many seconds. Raises ValueError where the URL has options that the driver does not take."""
    settings = _SETTINGS | {
        "statement_timeout": str(int(seconds * 1000)),
        "row_security": "on" if limits.row_security else "off",
    }
    if limits.writes:
        settings |= _WRITING
    try:
        given: dict[str, Any] = PGDialect_psycopg().create_connect_args(url)[1]  # type: ignore[no-untyped-call]
        options = [given.pop("options", ""), *(f"-c {name}={value}" for name, value in settings.items())]
        said = {"options": " ".join(filter(None, options)), "client_encoding": "utf8"}
        made = make_conninfo("", **{**_KEEPALIVES, **given, **said})
        timeout_from_conninfo(conninfo_to_dict(made))
    except (ArgumentError, psycopg.ProgrammingError):
        raise ValueError("what stands after its ? must be options of PostgreSQL's, such as sslmode=require") from None
    return made


def prepare_connection(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """Right after connecting. Raises SourceMisconfigured where the settings of `address_of` did not arrive: values
    would come in other forms, and a policy could hide rows.

    Times and intervals come as text: PostgreSQL knows infinity, BC and the year 10000, Python does not.
    """
    if connection.pgconn.parameter_status(b"IntervalStyle") != _SETTINGS["IntervalStyle"].encode():
        raise SourceMisconfigured(_DROPPED)
    for name in ("date", "time", "timetz", "timestamp", "timestamptz", "interval", "json", "jsonb"):
        connection.adapters.register_loader(name, TextLoader)
    connection.adapters.register_dumper(float, _UntypedFloat)


class _UntypedFloat(FloatDumper):
    """Untyped as text is: a `real` column equals the digits that it showed, and not the nearest double."""

    oid = 0


def bound(statement: Statement, values: Values) -> tuple[bytes, list[Any]]:
    text, found = statement.bind(values, lambda number: f"${number}")
    return text.encode(), found


def dumped(context: AdaptContext, values: Sequence[Any]) -> tuple[Forms, Sequence[Any]]:
    """The values as the driver sends them; text untyped, so that the column decides."""
    forms = Transformer(context)
    return forms, forms.dump_sequence(values, [PyFormat.AUTO] * len(values))


def prepared(connection: pq.abc.PGconn, name: bytes, text: bytes, types: Sequence[int]) -> PQGen[None]:
    connection.send_prepare(name, text, types)
    for result in (yield from execute(connection)):
        _raise_if_failed(result)


def sent(connection: pq.abc.PGconn) -> PQGen[None]:
    """What was just queued, in a way that its rows come in chunks."""
    connection.set_chunked_rows_mode(_ROWS_AT_ONCE)
    yield from send(connection)


def received(connection: pq.abc.PGconn) -> PQGen[pq.abc.PGresult | None]:
    """The next rows, or None after the last."""
    result: pq.abc.PGresult | None = yield from fetch(connection)
    if result is None:
        return None
    if result.status not in _ROWS:
        while (yield from fetch(connection)):
            pass
        _raise_if_failed(result)
        raise psycopg.ProgrammingError("no rows")
    return result


def rows_of(result: pq.abc.PGresult, forms: Forms) -> list[Row]:
    names = [(result.fname(number) or b"").decode() for number in range(result.nfields)]
    return [dict(zip(names, row, strict=True)) for row in loaded(result, forms)]


def loaded(result: pq.abc.PGresult, forms: Forms) -> list[tuple[Any, ...]]:
    forms.set_pgresult(result)
    rows = forms.load_rows(0, result.ntuples, tuple)
    forms.set_pgresult(None)
    return rows


@contextmanager
def named_errors(
    query_name: str, *, connecting: bool = False, searching: bool = False, nested: str = ""
) -> Iterator[None]:
    """Turns the driver's errors into ours. Only messages about the schema are repeated: others quote values. `nested`
    names the columns that are read as JSON, if the rows are being encoded."""
    try:
        yield
    except psycopg.Error as error:
        if searching and isinstance(error, psycopg.DataError) and "$" in (error.diag.context or ""):
            raise NoSuchValue from error
        if nested and (isinstance(error, psycopg.DataError) or _is_too_much(error)):
            raise ValueNotEncodable(query_name, nested) from error
        if isinstance(error, errors.LockNotAvailable):
            raise RowsLocked(f"{query_name}: {_said(error)}") from error
        if isinstance(error, psycopg.IntegrityError):
            raise RowsReferred(f"{query_name}: {_said(error)}") from error
        if isinstance(error, _AWAY) and not _is_too_much(error):
            if connecting:
                raise refused_by_postgresql(str(error)) from error
            raise SourceUnavailable(f"{query_name}: {type(error).__name__}") from error
        kind = SchemaLacks if isinstance(error, _LACKING) else SourceMisconfigured
        raise kind(f"{query_name}: {_said(error)}") from error


_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, errors.SerializationFailure)
_LACKING = (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName)


def _said(error: psycopg.Error) -> str:
    if _is_too_much(error):
        return _TOO_MUCH
    if isinstance(error, errors.CharacterNotInRepertoire):
        return "a text that it returns is not UTF-8"
    # Of these classes the messages are about the statement and the schema.
    words = error.diag.message_primary if (error.sqlstate or "").startswith(("42", "3F", "23", "55")) else None
    mend = f"; {_ROW_SECURITY}" if error.diag.source_function == "check_enable_rls" else ""
    return f"{words or type(error).__name__}{mend}"


def _is_too_much(error: psycopg.Error) -> bool:
    """Longer than a gigabyte, or nested deeper than the server's stack; trying again would not help. A request for too
    much memory has no code of its own (XX000), but the one source line of the server that refuses it."""
    limits = isinstance(error, errors.ProgramLimitExceeded | errors.StatementTooComplex)
    return limits or (isinstance(error, errors.InternalError_) and error.diag.source_file == "mcxt.c")


def _raise_if_failed(result: pq.abc.PGresult) -> None:
    if result.status == pq.ExecStatus.FATAL_ERROR:
        raise errors.error_from_result(result)
