"""Browses the audit trail of one data center, newest first, page by page."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select

from app.audit.event import Action
from app.audit.trail import AUDIT_EVENTS
from app.kit.db import Database, between
from app.kit.page import Page, PageTokenInvalid, PageTokens


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """`since` ≤ at < `before`."""

    action: Action | None = None
    actor: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as it stands in the trail."""

    id: int
    at: datetime
    action: str
    outcome: str
    actor: str
    data_source: str | None
    entry_id: UUID | None
    address: str | None
    reference: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BrowseAudit:
    database: Database
    tokens: PageTokens

    async def page(self, data_center: str, filters: AuditFilters, size: int, token: str | None) -> Page[RecordedEvent]:
        """Raises PageTokenInvalid."""
        scope = ("audit", data_center, *(str(one) for one in astuple(filters)))
        conditions = _conditions(data_center, filters)
        if token is not None:
            conditions.append(AUDIT_EVENTS.c.id < _position(self.tokens.read(scope, token)))
        columns = [AUDIT_EVENTS.c[name] for name in RecordedEvent.__slots__]
        newest = select(*columns).where(*conditions).order_by(AUDIT_EVENTS.c.id.desc()).limit(size + 1)
        async with self.database.reading() as connection:
            found = [RecordedEvent(*row) for row in await connection.execute(newest)]
        return self.tokens.page(scope, found, size, lambda last: [str(last.id)])


def _conditions(data_center: str, filters: AuditFilters) -> list[ColumnElement[bool]]:
    column = AUDIT_EVENTS.c
    equal = {column.data_center: data_center, column.action: filters.action, column.actor: filters.actor}
    conditions = [one == value for one, value in equal.items() if value is not None]
    return [*conditions, *between(column.at, filters.since, filters.before)]


def _position(parts: list[str]) -> int:
    try:
        (event_id,) = parts
        return int(event_id)
    except ValueError as error:
        raise PageTokenInvalid from error
