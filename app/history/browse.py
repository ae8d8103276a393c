"""Browses the history of one data center, newest first, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, tuple_

from app.history.entry import Entry, Status, entry_of, get_entry, select_entries
from app.history.tables import HISTORY_ENTRIES
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.errors import NotFound
from app.kit.page import Page, PageTokenInvalid, PageTokens

_NEWEST = (HISTORY_ENTRIES.c.requested_at, HISTORY_ENTRIES.c.id)


@dataclass(frozen=True, slots=True)
class Filters:
    kind: str | None = None
    status: Status | None = None
    data_source: str | None = None


class Browse:
    """Reads entries; whatever belongs to another data center does not exist here."""

    def __init__(self, database: Database, tokens: PageTokens, clock: Clock) -> None:
        self._database, self._tokens, self._clock = database, tokens, clock

    async def one(self, data_center: str, entry_id: str) -> Entry:
        """Raises NotFound, also for an id that is no UUID."""
        try:
            wanted = UUID(entry_id)
        except ValueError as error:
            raise NotFound from error
        async with self._database.reading() as connection:
            entry = await get_entry(connection, data_center, wanted, self._clock())
        if entry is None:
            raise NotFound
        return entry

    async def page(self, data_center: str, filters: Filters, size: int, token: str | None) -> Page[Entry]:
        now = self._clock()
        scope = ("history", data_center, filters.kind, filters.status, filters.data_source)
        wanted = select_entries().where(HISTORY_ENTRIES.c.data_center == data_center, *_conditions(filters, now))
        if token is not None:
            wanted = _after(wanted, self._tokens.read(scope, token))
        newest = wanted.order_by(*(column.desc() for column in _NEWEST)).limit(size + 1)
        async with self._database.reading() as connection:
            entries = [entry_of(row, now) for row in await connection.execute(newest)]
        return Page(entries[:size], self._next(scope, entries, size))

    def _next(self, scope: Sequence[str | None], entries: Sequence[Entry], size: int) -> str | None:
        if len(entries) <= size:
            return None
        last = entries[size - 1]
        return self._tokens.make(scope, [last.requested_at.isoformat(), str(last.id)])


def _conditions(filters: Filters, now: datetime) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.kind:
        conditions.append(HISTORY_ENTRIES.c.kind == filters.kind)
    if filters.data_source:
        conditions.append(HISTORY_ENTRIES.c.source_id == filters.data_source)
    if filters.status:
        stored = "ready" if filters.status == "expired" else filters.status
        conditions.append(HISTORY_ENTRIES.c.status == stored)
    if filters.status in ("ready", "expired"):
        alive = HISTORY_ENTRIES.c.expires_at > now
        conditions.append(alive if filters.status == "ready" else ~alive)
    return conditions


def _after(wanted: Select[Any], position: list[str]) -> Select[Any]:
    try:
        requested_at, entry_id = position
        last = (datetime.fromisoformat(requested_at), UUID(entry_id))
    except ValueError as error:
        raise PageTokenInvalid from error
    return wanted.where(tuple_(*_NEWEST) < last)
