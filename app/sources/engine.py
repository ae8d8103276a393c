"""What a database engine must offer to carry a mapping: short look-ups, and read-only sessions that encode rows."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar
from zoneinfo import ZoneInfo

from app.sources.port import Batch, SchemaLacks, Value
from app.sources.sql import Statement

Result = TypeVar("Result")
Item = TypeVar("Item")
Values = Mapping[str, Value | tuple[str, ...] | None]
Row = Mapping[str, object]
Take = Callable[[Sequence[Row]], bool]


class NoSuchValue(Exception):
    """The database cannot even read the typed identifier as its column's type: it matches nothing."""


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with a name for error messages, such as `find.email` or `section interactions`."""

    name: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Ask:
    """A query whose rows `take` receives, some at a time, until it says that it wants no more."""

    query: Query
    values: Values
    take: Take


# A look-up yields what it asks, one after the other, and returns what it found. So the same one runs with a driver
# that blocks and with one that does not.
LookUp = Generator[Ask, None, Result]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a section's rows become JSON: the column that dates them, text columns that hold JSON, the zone."""

    time: str | None
    json: Sequence[str]
    zone: ZoneInfo | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the database's own catalog describes it; names as they are written there."""

    name: str
    schema: str | None
    columns: frozenset[str]
    # Tables that it refers to by a foreign key, and views that read it.
    refers_to: frozenset[str]
    views: frozenset[str]
    # Whether the role that reads could also change it.
    writable: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """A table that a query reads whole, by the name that the query gives it, in lower case, and the condition on its
    rows; empty where the plan shows none."""

    alias: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a mapping allows on its database: seconds of a search and of an export, connections, whether a policy
    may choose rows, and whether anything may be written, which is for erasing alone."""

    search_seconds: float
    export_seconds: float
    connections: int
    row_security: bool
    writes: bool = False


# What a transaction of a session that may write sees: one snapshot, to read only or to write too; or, statement by
# statement, what others have committed.
Isolation = Literal["reading", "repeatable", "committed"]


class Session(Protocol):
    """One read-only, repeatable-read transaction, used in the thread that it lives in. One that may write begins and
    ends its transactions itself.

    Every method raises SourceUnavailable, SourceMisconfigured, or SchemaLacks where a table or column is missing.
    """

    def select(self, query: Query, values: Values) -> Iterator[Sequence[Row]]:
        """Rows as mappings, some at a time. Raises NoSuchValue."""

    def columns(self, query: Query, values: Values) -> list[str]:
        """The names of the columns that a query returns, without reading it."""

    def tables(self) -> list[Table]:
        """Every table that is not the database's own."""

    def excludes_null(self, query: Query, parameter: str) -> bool:
        """Whether the database itself sees, without reading a row, that nothing comes out where the parameter is
        NULL. False also where it cannot tell."""

    def scanned(self, query: Query) -> list[Scan]:
        """What the database would read whole for want of an index, as far as its plan shows it."""

    def encoded(self, query: Query, values: Values, encoding: Encoding) -> Generator[Batch]:
        """Rows as JSON. Raises ValueNotEncodable."""

    def transaction(self, isolation: Isolation) -> AbstractContextManager[None]:
        """Commits at the end of the block, rolls back if it raises. For a session that may write. Raises RowsLocked,
        RowsReferred."""

    def changed(self, query: Query, values: Values) -> int:
        """Runs a DELETE or an UPDATE, and says how many rows it touched. Raises as `transaction` does."""


class LiveSession(Protocol):
    """A session from outside: it lives in a thread of its own."""

    async def run(self, work: Callable[[Session], Result]) -> Result:
        """Runs the work in the session's thread."""

    def read_ahead(self, make: Callable[[Session], Generator[Item]], weigh: Callable[[Item], int]) -> Iterator[Item]:
        """For another thread to iterate: what the session's thread makes ahead of it. Raises what that raises, and
        Closed after `stop`."""

    def stop(self) -> None:
        """From any thread: whoever iterates `read_ahead` waits no more."""


class Engine(Protocol):
    async def find(self, look_up: Callable[[], LookUp[Result]]) -> Result:
        """What the look-up returns. It may be made twice, where a connection that was kept turns out to be dead.
        Cancelled, it leaves at once, whatever the database does. Raises as Session does."""

    def session(self, *, long: bool) -> AbstractAsyncContextManager[LiveSession]:
        """A session whose statements end in time; `long` ones leave a place to short ones. Its end takes a second at
        most, whatever the database does."""

    async def close(self) -> None: ...


class Places:
    """Bounds the connections to one database; long readers leave one free, so that a search never starves."""

    def __init__(self, connections: int) -> None:
        self._all = asyncio.Semaphore(connections)
        self._long = asyncio.Semaphore(long_places(connections))

    @asynccontextmanager
    async def take(self, *, long: bool) -> AsyncIterator[None]:
        if not long:
            async with self._all:
                yield
            return
        async with self._long, self._all:
            yield


def long_places(connections: int) -> int:
    """How many exports may read at a time: all connections but one, and never none."""
    return max(1, connections - 1)


def first_usable(session: Session, queries: Sequence[Query], values: Values) -> tuple[Query, list[str]]:
    """The first of them whose tables and columns exist, and the columns that it returns. Raises SchemaLacks where
    there is none."""
    *others, last = queries
    for query in others:
        with suppress(SchemaLacks):
            return query, session.columns(query, values)
    return last, session.columns(last, values)


def answered(session: Session, look_up: LookUp[Result]) -> Result:
    """Runs a look-up on a session, in its thread."""
    try:
        asked = next(look_up)
        while True:
            for rows in session.select(asked.query, asked.values):
                if not asked.take(rows):
                    break
            asked = look_up.send(None)
    except StopIteration as ended:
        found: Result = ended.value
        return found
