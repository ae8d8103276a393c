"""The service's own database: transactions, types and the schema's version, on SQLite and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import ColumnElement, Connection, DateTime, Dialect, MetaData, TypeDecorator, event, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, DisconnectionError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from app.kit.address import parsed
from app.kit.disk import takes_more
from app.kit.driver import Connection as _Connection
from app.kit.ending import EndingConnection
from app.kit.errors import Misconfigured, Unavailable

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
METADATA = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "ck": "ck_%(table_name)s_%(constraint_name)s"}
)
_MIGRATION_LOCK = 0x_D0551E4
# The schema that this version's code still runs on, so that it can be rolled out before `migrate` or after it.
OLDEST_REVISION = "0003"
# A statement of ours takes milliseconds. The server ends one that does not, and a server that says nothing is left.
_STATEMENT_MS, _LOCK_MS, _IDLE_MS, _PATIENCE_SECONDS = 6_000, 5_000, 30_000, 7.0
_TRUSTED_SECONDS = 2.0
_ROOT = Path(__file__).parents[2]


class DatabaseUnavailable(Unavailable):
    """Dossier's own database does not answer, is too busy to, or lacks a table that `python -m app migrate` will
    make. Nothing was done; ask again a little later."""

    slug = "database-unavailable"
    title = "Dossier's own database cannot be used now"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment. SQLite has no zones, so there it lies in UTC without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class _OwnConnection(_Connection):
    patience = _PATIENCE_SECONDS


class Database:
    """Short transactions; a writing one holds SQLite's write lock from its first moment. Writers share one connection
    there, in turn: else, waiting for somebody else's lock, they would take all, and readers who need no lock none."""

    def __init__(self, url: URL) -> None:
        self._engine = _engine(url, _bounds(url))
        if url.get_backend_name() == "sqlite":
            self._reader = _engine(url, {})
            # A transaction that only asks to write after it has read fails at once where another has written meanwhile;
            # one that says so at its beginning waits for its turn.
            event.listen(self._engine.sync_engine, "begin", lambda one: one.exec_driver_sql("BEGIN IMMEDIATE"))
            event.listen(self._reader.sync_engine, "begin", lambda one: one.exec_driver_sql("BEGIN"))
        else:
            self._reader = self._engine
        self.folder = Path(url.database or "").parent if self._reader is not self._engine else None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Raises DatabaseUnavailable, as `writing` does."""
        with _unavailable():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end of the block, rolls back if it raises."""
        with _unavailable():
            async with self._engine.begin() as connection:
                yield connection

    async def migrate(self, revision: str = "head") -> None:
        """Brings the schema to a revision, up or down; safe for several processes at once."""
        with _named_errors(self.folder):
            async with self.writing() as connection:
                if connection.dialect.name == "postgresql":
                    # Another process that migrates at this moment is waited for, however long it takes. A lock on a
                    # table is not: whoever needs the table would wait behind the migration that waits for it.
                    driver = (await connection.get_raw_connection()).driver_connection
                    driver.patience = None  # type: ignore[union-attr]  # it is ours
                    for bound in ("statement_timeout", "lock_timeout"):
                        await connection.execute(text(f"SET LOCAL {bound} = 0"))
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
                    await connection.execute(text(f"SET LOCAL lock_timeout = {_LOCK_MS}"))
                await connection.run_sync(_run_migrations, revision)
            await self.close()

    async def state(self) -> str:
        """`ok`, `behind` (it works, but `migrate` is due), `not migrated`, `unwritable` (a file's) or `unreachable`."""
        if self.folder and not await asyncio.to_thread(takes_more, self.folder):
            return "unwritable"
        try:
            found = await self._revision()
        except Misconfigured:
            return "unreachable"
        scripts = ScriptDirectory.from_config(_alembic())
        known = [one.revision for one in scripts.walk_revisions()]
        # A revision that is not known here is a later version's, which has migrated already.
        if found == known[0] or (found is not None and found not in known):
            return "ok"
        return "behind" if found in known[: known.index(OLDEST_REVISION) + 1] else "not migrated"

    async def _revision(self) -> str | None:
        with _named_errors(self.folder):
            async with self.reading() as connection:
                return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())

    async def close(self) -> None:
        await self._reader.dispose()
        await self._engine.dispose()


def database_url(address: str) -> URL:
    """The URL with this service's own driver; only the backend name of the given one counts."""
    try:
        url = parsed(address)
    except ValueError as error:
        raise Misconfigured(f"DOSSIER_DATABASE_URL: {error}.") from None
    if url.get_backend_name() not in DRIVERS:
        raise Misconfigured("DOSSIER_DATABASE_URL must be a postgresql:// or sqlite:/// address.")
    return url.set(drivername=DRIVERS[url.get_backend_name()])


def _engine(url: URL, bounds: dict[str, Any]) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        bounds = bounds | {"connect_args": {"factory": EndingConnection}}
    made = create_async_engine(url, hide_parameters=True, **bounds)
    event.listen(made.sync_engine, "checkin", _remember_use)
    event.listen(made.sync_engine, "checkout", partial(_try_if_idle, made.dialect))
    if url.get_backend_name() == "sqlite":
        event.listen(made.sync_engine, "connect", _prepare_sqlite)
    return made


def _bounds(url: URL) -> dict[str, Any]:
    """What keeps a database, or the way to it, from holding a process up; PostgreSQL's address may say otherwise."""
    if url.get_backend_name() != "postgresql":
        return {"pool_size": 1, "max_overflow": 0, "pool_timeout": _LOCK_MS / 1000}
    options = f"-c statement_timeout={_STATEMENT_MS} -c lock_timeout={_LOCK_MS}"
    said = {
        "application_name": "dossier", "connect_timeout": 3, "tcp_user_timeout": 10_000, "keepalives_idle": 10,
        "options": f"{options} -c idle_in_transaction_session_timeout={_IDLE_MS}",
    }  # fmt: skip
    unsaid = {name: value for name, value in said.items() if name not in url.query}
    unsaid["async_creator_fn"] = _OwnConnection.connect
    return {"pool_size": 5, "max_overflow": 10, "pool_timeout": 10, "pool_recycle": 1800, "connect_args": unsaid}


def between(moment: ColumnElement[Any], since: datetime | None, before: datetime | None) -> list[ColumnElement[bool]]:
    """Conditions for `since` ≤ moment < `before`, as far as either is given."""
    return [*([moment >= since] if since else []), *([moment < before] if before else [])]


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolExhausted) as error:
        raise DatabaseUnavailable from error
    except ProgrammingError as error:
        # A table that a later version adds: SQLite counts that among the errors above.
        if type(error.orig).__name__ == "UndefinedTable":
            raise DatabaseUnavailable from error
        raise


@contextmanager
def _named_errors(folder: Path | None) -> Iterator[None]:
    mend = f"see whether {folder} can be written and has room" if folder else "check DOSSIER_DATABASE_URL"
    try:
        yield
    except DatabaseUnavailable as error:
        raise Misconfigured(f"Dossier's own database does not answer; {mend}.") from error
    except DatabaseError as error:
        said = type(error.orig).__name__
        raise Misconfigured(f"Dossier's own database cannot be used ({said}); {mend}.") from error
    except CommandError as error:
        raise Misconfigured("There is no such revision; migrations/versions/ holds them all.") from error


def _run_migrations(connection: Connection, revision: str) -> None:
    config = _alembic()
    config.attributes["connection"] = connection
    here = MigrationContext.configure(connection).get_current_revision()
    down = revision == "base" or (revision != "head" and here is not None and revision < here)
    (command.downgrade if down else command.upgrade)(config, revision)


def _alembic() -> Config:
    config = Config(_ROOT / "alembic.ini")
    config.set_main_option("script_location", str(_ROOT / "migrations"))
    return config


def _remember_use(_connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = monotonic()


def _try_if_idle(
    dialect: Dialect, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Asks a connection that has not been used for seconds whether it still lives, before it is lent. Where it does
    not, the pool makes another, and nobody's request fails because the server was restarted meanwhile."""
    if monotonic() - record.info.get("used_at", 0.0) > _TRUSTED_SECONDS:
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", f"busy_timeout = {_LOCK_MS}"):
        connection.cursor().execute(f"PRAGMA {pragma}")
