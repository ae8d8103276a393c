"""Checks the trail against its seals, tree by tree, and looks for events in none; some thousand rows at a time."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, String, func, select, tuple_, type_coerce

from app.audit.check import Finding, TreeCheck, Trusted
from app.audit.entry import COLUMNS, moment
from app.audit.seals import AUDIT_HEADS, AUDIT_LEAVES, HEAD_COLUMNS, TREES, Heads, SignedHead
from app.audit.trail import AUDIT_EVENTS
from app.kit.clock import Clock
from app.kit.db import Database

_MOST_AT_ONCE = 2000
# Events are sealed within 2 s.
_LATE = timedelta(seconds=10)
_SEALED: list[ColumnElement[Any]] = [
    *COLUMNS, AUDIT_LEAVES.c.position, AUDIT_LEAVES.c.event_id, AUDIT_LEAVES.c.hash,
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verify:
    database: Database
    trusted: Trusted
    clock: Clock
    # Heads that were kept elsewhere.
    kept: Sequence[SignedHead] = ()

    async def trees(self) -> list[str]:
        async with self.database.reading() as connection:
            found = (await connection.execute(TREES)).scalars().all()
        return sorted({*found, *(one.tree for one in self.kept)})

    def begin(self, tree: str) -> TreeCheck:
        return TreeCheck(tree, self.trusted, self.clock())

    async def tree(self, check: TreeCheck) -> AsyncIterator[Finding]:
        """The first thing that is wrong comes first."""
        heads = self._heads(check.tree)
        kept = sorted((one for one in self.kept if one.tree == check.tree), key=lambda one: one.size)
        head = await anext(heads, None)
        async for row in sealed_events(self.database, check.tree):
            for finding in check.leaf(row):
                yield finding
            while head is not None and head[0].size <= check.size:
                for finding in check.head(*head):
                    yield finding
                head = await anext(heads, None)
            while kept and kept[0].size <= check.size:
                for finding in check.kept(kept.pop(0)):
                    yield finding
        beyond = [] if head is None else [head[0]]
        for finding in (*check.end(beyond), *(said for one in kept for said in check.kept(one))):
            yield finding

    async def outside(self, only: str | None) -> AsyncIterator[Finding]:
        """Events that stand in no tree. Among sealed ones they are wrong; at the end they may only be new."""
        async with self.database.reading() as connection:
            sealed = (await connection.execute(select(func.max(AUDIT_LEAVES.c.event_id)))).scalar_one() or 0
        tail, oldest = 0, None
        async for row in self._events():
            if row.event_id is not None or (only is not None and (row.data_center or "") != only):
                continue
            if row.id <= sealed:
                yield Finding(f"event {row.id} stands in no tree: it was inserted, or its leaf was removed")
                continue
            tail, oldest = tail + 1, oldest or _moment(row)
        if tail:
            age = self.clock() - oldest if oldest else None
            said = f"{tail:,} events are not sealed yet, the oldest for {age.total_seconds() if age else 0:.0f} s"
            yield Finding(said, "note" if age and age <= _LATE else "warning")

    async def _heads(self, tree: str) -> AsyncIterator[tuple[SignedHead, str]]:
        """With their edges; not those that are signed from now on."""
        newest = await Heads(self.database).newest(tree)
        last, size = newest.size if newest else 0, AUDIT_HEADS.c.size
        place = tuple_(size, AUDIT_HEADS.c.key_id)
        following = select(AUDIT_HEADS.c.edge, *HEAD_COLUMNS).where(AUDIT_HEADS.c.tree == tree, size <= last)
        following, after = following.order_by(size, AUDIT_HEADS.c.key_id).limit(_MOST_AT_ONCE), (-1, "")
        while True:
            async with self.database.reading() as connection:
                rows = (await connection.execute(following.where(place > after))).all()
            for edge, *columns in rows:
                yield SignedHead(*columns), edge
            if len(rows) < _MOST_AT_ONCE:
                return
            after = (rows[-1].size, rows[-1].key_id)

    async def _events(self) -> AsyncIterator[Row[Any]]:
        column, after = AUDIT_EVENTS.c, None
        both = AUDIT_EVENTS.outerjoin(AUDIT_LEAVES, AUDIT_LEAVES.c.event_id == column.id)
        at = type_coerce(column.at, String).label("at")
        columns: list[ColumnElement[Any]] = [column.id, column.data_center, at, AUDIT_LEAVES.c.event_id]
        following = select(*columns).select_from(both).order_by(column.id)
        while True:
            asked = following if after is None else following.where(column.id > after)
            async with self.database.reading() as connection:
                rows = (await connection.execute(asked.limit(_MOST_AT_ONCE))).all()
            for row in rows:
                yield row
            if len(rows) < _MOST_AT_ONCE:
                return
            after = rows[-1].id


async def sealed_events(database: Database, tree: str) -> AsyncIterator[Row[Any]]:
    """The leaves of a tree, in order, with the columns of their events, which are empty where one was removed."""
    column, after = AUDIT_LEAVES.c, None
    both = AUDIT_LEAVES.outerjoin(AUDIT_EVENTS, AUDIT_EVENTS.c.id == column.event_id)
    following = (
        select(*_SEALED).select_from(both).where(column.tree == tree).order_by(column.position).limit(_MOST_AT_ONCE)
    )
    while True:
        asked = following if after is None else following.where(column.position > after)
        async with database.reading() as connection:
            rows = (await connection.execute(asked)).all()
        for row in rows:
            yield row
        if len(rows) < _MOST_AT_ONCE:
            return
        after = rows[-1].position


def _moment(row: Row[Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(moment(row.at))
    except (ValueError, TypeError, AttributeError):
        return None
