"""A data source that follows its mapping: the same way of finding and reading on every engine."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.kit.clock import Clock
from app.sources.check import examine
from app.sources.combinations import Merger, ReadAgent, checked_value
from app.sources.engine import Engine, NoSuchValue, Query, Row, Session, Values
from app.sources.identifier import Identifier, Kind
from app.sources.mapping import SourceMapping
from app.sources.port import (
    Combination,
    Finding,
    Found,
    SourceFacts,
    SourceMisconfigured,
    SourceUnavailable,
    Value,
    Visitor,
    VisitorGone,
)
from app.sources.reading import MappedReading, facts_of
from app.sources.sql import Statement

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What a data source is made of."""

    id: str
    mapping: SourceMapping
    mapping_sha256: str
    engine_name: str


class MappedSource:
    """Implements DataSource over an engine's sessions."""

    def __init__(self, plan: Plan, engine: Engine, clock: Clock, read_agent: ReadAgent) -> None:
        mapping = plan.mapping
        self.facts: SourceFacts = facts_of(plan.id, mapping, plan.engine_name, plan.mapping_sha256)
        self._mapping, self._engine, self._clock = mapping, engine, clock
        self._zone = ZoneInfo(mapping.time_zone) if mapping.time_zone else None
        self._merger = Merger(self._zone, read_agent)
        self._combinations = Query("find.combinations", Statement.parse(mapping.find.combinations))

    async def find(self, identifier: Identifier) -> Found | None:
        query = self._finder(identifier.kind)
        if query is None:
            return None
        text = self._picked(identifier)
        try:
            async with asyncio.timeout(self._mapping.search_timeout):
                async with self._engine.session(self._mapping.search_timeout, long=False) as session:
                    return await self._found(session, query, {identifier.kind: text}, identifier.kind)
        except NoSuchValue:
            return Found((), more=False)
        except TimeoutError as error:
            raise SourceUnavailable(f"No answer within {self._mapping.search_timeout:g} s.") from error

    @asynccontextmanager
    async def read(self, visitor: Value, device: Value | None, browser: Value | None) -> AsyncIterator[MappedReading]:
        seconds = self._mapping.export_timeout
        async with self._engine.session(seconds, long=True) as session:
            try:
                async with asyncio.timeout(seconds):
                    yield await self._opened(session, visitor, device, browser)
            except TimeoutError as error:
                raise SourceUnavailable(f"Reading took longer than {seconds:g} s.") from error

    async def check(self) -> list[Finding]:
        return await examine(self._mapping, self._engine)

    async def reach(self) -> None:
        try:
            async with asyncio.timeout(self._mapping.search_timeout):
                async with self._engine.session(self._mapping.search_timeout, long=False):
                    return
        except TimeoutError as error:
            raise SourceUnavailable from error

    async def close(self) -> None:
        await self._engine.close()

    def _finder(self, kind: Kind) -> Query | None:
        text = self._mapping.find.email if kind == "email" else self._mapping.find.tracking_id
        return Query(f"find.{kind}", Statement.parse(text)) if text else None

    def _picked(self, identifier: Identifier) -> str:
        pattern = self._mapping.tracking_id_pattern
        picked = re.search(pattern, identifier.text) if pattern and identifier.kind == "tracking_id" else None
        return picked[1] if picked and picked[1] else identifier.text

    async def _found(self, session: Session, query: Query, values: Values, kind: Kind) -> Found:
        matches, more = await self._matches(session, query, values)
        visitors, room = [], MOST_SHOWN
        for key, row in matches.items():
            combinations = await self._merged(session, key)
            more = more or len(combinations) > room
            label, matched = row.get("label"), row.get("matched_by")
            visitors.append(
                Visitor(key, str(label) if label else None, str(matched or kind), tuple(combinations[:room]))
            )
            room -= len(visitors[-1].combinations)
        return Found(tuple(visitors), more)

    async def _matches(self, session: Session, query: Query, values: Values) -> tuple[dict[Value, Row], bool]:
        matches: dict[Value, Row] = {}
        async with aclosing(session.rows(query, values)) as rows:
            async for row in rows:
                if "visitor" not in row:
                    raise SourceMisconfigured(f"{query.place} must return a column `visitor`.")
                key = checked_value(row["visitor"], query.place)
                if key is None or key in matches:
                    continue
                if len(matches) == MOST_SHOWN:
                    return matches, True
                matches[key] = row
        return matches, False

    async def _merged(self, session: Session, visitor: Value) -> list[Combination]:
        async with aclosing(session.rows(self._combinations, {"visitor": visitor})) as rows:
            return await self._merger.merge(rows)

    async def _opened(
        self, session: Session, visitor: Value, device: Value | None, browser: Value | None
    ) -> MappedReading:
        as_of = self._clock()
        everything = await self._merged(session, visitor)
        chosen = [one for one in everything if one.is_on(device, browser)]
        if not chosen:
            raise VisitorGone
        reading = MappedReading(session, self._mapping, visitor, chosen[0], as_of, self._zone)
        reading.other_combinations = len(everything) - 1
        await reading.prepare()
        return reading
