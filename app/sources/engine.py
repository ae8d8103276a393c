"""What a database engine must offer to carry a mapping: read-only sessions that find, describe and encode."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from app.sources.port import Batch, Value
from app.sources.sql import Statement

Values = Mapping[str, Value | tuple[str, ...] | None]
Row = Mapping[str, object]


class NoSuchValue(Exception):
    """The database cannot even read the typed identifier as its column's type: it matches nothing."""


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with a name for error messages, such as `find.email` or `section interactions`."""

    place: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a section's rows become JSON: the column that dates them, text columns that hold JSON, the zone."""

    time: str | None
    json: Sequence[str]
    zone: ZoneInfo | None


class Session(Protocol):
    """One read-only, repeatable-read transaction.

    Every method raises SourceUnavailable, SourceMisconfigured, or SchemaLacks where a table or column is missing.
    """

    def rows(self, query: Query, values: Values) -> AsyncGenerator[Row]:
        """Rows as mappings. Raises NoSuchValue."""

    async def columns(self, query: Query, values: Values) -> list[str]:
        """The names of the columns that a query returns, without reading it."""

    def encoded(self, query: Query, values: Values, encoding: Encoding) -> AsyncGenerator[Batch]:
        """Rows as JSON. Raises ValueNotEncodable."""


class Engine(Protocol):
    def session(self, seconds: float, *, long: bool) -> AbstractAsyncContextManager[Session]:
        """A session whose statements end after so many seconds; `long` ones leave a place to short ones."""

    async def close(self) -> None: ...


class Places:
    """Bounds the connections to one database; long readers leave one free, so that a search never starves."""

    def __init__(self, connections: int) -> None:
        self._all = asyncio.Semaphore(connections)
        self._long = asyncio.Semaphore(max(1, connections - 1))

    @asynccontextmanager
    async def take(self, *, long: bool) -> AsyncIterator[None]:
        if not long:
            async with self._all:
                yield
            return
        async with self._long, self._all:
            yield
