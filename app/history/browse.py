"""Browses the history of one data center, page by page."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, tuple_

from app.history.entry import Entry, Kind, Status, get_entry, read_entries, select_entries
from app.history.tables import HISTORY_ENTRIES
from app.kit.clock import Clock
from app.kit.db import Database, between
from app.kit.errors import NotFound
from app.kit.page import Page, PageTokenInvalid, PageTokens

_ORDER = (HISTORY_ENTRIES.c.requested_at, HISTORY_ENTRIES.c.id)
_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """What is wanted of the history; `since` ≤ requested_at < `before`. `identifiers` are keyed hashes of one that was
    typed, and any of them will do."""

    kind: str | None = None
    status: Status | None = None
    data_source: str | None = None
    requested_by: str | None = None
    case_reference: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    identifiers: tuple[str, ...] = ()
    oldest_first: bool = False


class Browse:
    """Reads entries; whatever belongs to another data center does not exist here."""

    def __init__(self, database: Database, tokens: PageTokens, clock: Clock) -> None:
        self._database, self._tokens, self._clock = database, tokens, clock

    async def one(self, data_center: str, entry_id: str, kind: Kind) -> Entry:
        """Raises NotFound, also for an id that is no UUID, or that is spelled in another way than this service does."""
        wanted = _id(entry_id)
        async with self._database.reading() as connection:
            entry = await get_entry(connection, data_center, wanted, self._clock())
        if entry is None or entry.kind != kind:
            raise NotFound
        return entry

    async def page(self, data_center: str, filters: Filters, size: int, token: str | None) -> Page[Entry]:
        """Raises PageTokenInvalid. What comes in meanwhile neither shifts the pages nor repeats anything."""
        scope = ("history", data_center, *(str(one) for one in astuple(filters)))
        after = _position(self._tokens.read(scope, token)) if token is not None else None
        found = await self._read(data_center, filters, size + 1, after)
        return self._tokens.page(scope, found, size, lambda last: [last.requested_at.isoformat(), str(last.id)])

    async def every(self, data_center: str, filters: Filters) -> AsyncGenerator[Sequence[Entry]]:
        """All that is wanted, some at a time, as of the moment of the first."""
        filters = replace(filters, before=min(filters.before or self._clock(), self._clock()))
        found = await self._read(data_center, filters, _ROWS_AT_ONCE, None)
        while found:
            yield found
            found = await self._read(data_center, filters, _ROWS_AT_ONCE, (found[-1].requested_at, found[-1].id))

    async def _read(
        self, data_center: str, filters: Filters, most: int, after: tuple[datetime, UUID] | None
    ) -> list[Entry]:
        now = self._clock()
        wanted = select_entries().where(HISTORY_ENTRIES.c.data_center == data_center, *_conditions(filters, now))
        if after is not None:
            wanted = wanted.where(tuple_(*_ORDER) > after if filters.oldest_first else tuple_(*_ORDER) < after)
        async with self._database.reading() as connection:
            return await read_entries(connection, _sorted(wanted, filters).limit(most), now)


def _sorted(wanted: Select[Any], filters: Filters) -> Select[Any]:
    return wanted.order_by(*(column.asc() if filters.oldest_first else column.desc() for column in _ORDER))


def _conditions(filters: Filters, now: datetime) -> list[ColumnElement[bool]]:
    column = HISTORY_ENTRIES.c
    equal = {
        column.kind: filters.kind, column.source_id: filters.data_source,
        column.requested_by: filters.requested_by, column.case_reference: filters.case_reference,
    }  # fmt: skip
    conditions = [one == value for one, value in equal.items() if value is not None]
    conditions += between(column.requested_at, filters.since, filters.before)
    if filters.identifiers:
        conditions.append(column.identifier_hash.in_(filters.identifiers))
    return [*conditions, *_with_status(filters.status, now)]


def _id(text: str) -> UUID:
    """UUID() reads a dozen spellings; an address has one (RFC 9562, 4)."""
    try:
        found = UUID(text)
    except ValueError as error:
        raise NotFound from error
    if str(found) != text:
        raise NotFound
    return found


def _with_status(status: Status | None, now: datetime) -> list[ColumnElement[bool]]:
    if status is None:
        return []
    stored = HISTORY_ENTRIES.c.status == ("ready" if status == "expired" else status)
    alive = HISTORY_ENTRIES.c.expires_at > now
    return [stored, *{"ready": [alive], "expired": [~alive]}.get(status, [])]


def _position(parts: list[str]) -> tuple[datetime, UUID]:
    try:
        requested_at, entry_id = parts
        return datetime.fromisoformat(requested_at), UUID(entry_id)
    except ValueError as error:
        raise PageTokenInvalid from error
