"""A data source that follows its mapping: the same way of finding and reading on every engine."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import product
from zoneinfo import ZoneInfo

from app.kit.clock import Clock
from app.kit.language import Language, Speech
from app.sources.candidate import Choice
from app.sources.check import examine
from app.sources.combinations import Merger, ReadAgent, checked_value
from app.sources.engine import (
    Ask,
    Engine,
    LiveSession,
    LookUp,
    NoSuchValue,
    Query,
    Row,
    Session,
    Values,
    answered,
    first_usable,
)
from app.sources.erasing import NotErasable, Scope
from app.sources.identifier import Identifier, Kind
from app.sources.plan import Plan
from app.sources.port import (
    Combination,
    Finding,
    Found,
    SchemaLacks,
    SourceFacts,
    SourceMisconfigured,
    SourceUnavailable,
    Value,
    Visitor,
    VisitorGone,
)
from app.sources.reading import MappedReading, bound
from app.sources.sql import Statement
from app.sources.steps import MappedErasing

MOST_SHOWN = 200
_NOTHING = Query("the connection", Statement(("SELECT 1",), ()))


class MappedSource:
    """Implements DataSource over an engine's sessions."""

    def __init__(
        self, plan: Plan, engine: Engine, eraser: Engine | None, clock: Clock, read_agent: ReadAgent
    ) -> None:  # fmt: skip
        """`eraser`: the same database under the role that may erase, where there is one."""
        mapping, self._eraser = plan.mapping, eraser
        self.facts: SourceFacts = plan.facts(plan.speech())
        self._plan, self._mapping, self._engine, self._clock = plan, mapping, engine, clock
        self._zone = ZoneInfo(mapping.time_zone) if mapping.time_zone else None
        self._merger = Merger(self._zone, read_agent)
        self._combinations = self._queries("combinations", mapping.find.combinations)
        texts: dict[Kind, tuple[str, ...]] = {"email": mapping.find.email, "tracking_id": mapping.find.tracking_id}
        # Each finder with each way to read combinations. Which pair fits the database is known after the first search.
        self._finders = {
            kind: list(product(self._queries(kind, several), self._combinations)) for kind, several in texts.items()
        }

    async def find(self, identifier: Identifier) -> Found | None:
        if not self._finders[identifier.kind]:
            return None
        try:
            async with asyncio.timeout(self._mapping.search_timeout):
                return await self._found(identifier)
        except NoSuchValue:
            return Found((), more=False)
        except TimeoutError as error:
            raise SourceUnavailable(f"No answer within {self._mapping.search_timeout:g} s.") from error

    @asynccontextmanager
    async def read(
        self, visitor: Value, device: Value | None, browser: Value | None, language: Language | None = None
    ) -> AsyncIterator[MappedReading]:
        seconds = self._mapping.export_timeout
        try:
            async with asyncio.timeout(seconds) as deadline, self._engine.session(long=True) as session:
                yield await self._opened(session, Choice(visitor, device, browser), self._plan.speech(language))
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise SourceUnavailable(f"Reading took longer than {seconds:g} s.") from error

    @asynccontextmanager
    async def erase(
        self, visitor: Value, device: Value | None, browser: Value | None, scope: Scope, *, looking: bool = False
    ) -> AsyncIterator[MappedErasing]:
        if self._eraser is None or not self._mapping.erase:
            raise NotErasable
        values: Values = {"visitor": visitor}
        if scope == "combination":
            values = {**values, **await self._combination(visitor, device, browser)}
        steps, seconds = self._plan.steps(self._plan.speech()), self._mapping.export_timeout
        try:
            async with asyncio.timeout(seconds) as deadline, self._eraser.session(long=not looking) as session:
                yield MappedErasing(session, steps, values)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise SourceUnavailable(f"Erasing took longer than {seconds:g} s.") from error

    async def check(self) -> list[Finding]:
        return await examine(self._mapping, self._engine, self._eraser, self.facts.engine)

    async def reach(self) -> None:
        try:
            async with asyncio.timeout(self._mapping.search_timeout):
                await self._engine.find(_reached)
        except TimeoutError as error:
            raise SourceUnavailable from error

    async def close(self) -> None:
        await self._engine.close()
        if self._eraser:
            await self._eraser.close()

    async def _combination(self, visitor: Value, device: Value | None, browser: Value | None) -> Values:
        """What a step may bind. Where no row of the combination is left, an attempt before may have erased them."""
        found = await self._engine.find(lambda: self._merged(self._combinations[0], visitor))
        chosen = next((one for one in found if one.is_on(device, browser)), Combination(device, browser))
        return bound(chosen)

    def _queries(self, name: str, texts: Sequence[str]) -> list[Query]:
        return [Query(f"find.{name}", Statement.parse(text, self._plan.engine_name)) for text in texts]

    async def _found(self, identifier: Identifier) -> Found:
        """By the first pair of queries whose tables and columns exist; the next search begins with it."""
        values: Values = {identifier.kind: self._picked(identifier)}
        pairs = self._finders[identifier.kind]
        for number, pair in enumerate(pairs):
            try:
                found = await self._engine.find(partial(self._visitors, *pair, values, identifier.kind))
            except SchemaLacks:
                if number == len(pairs) - 1:
                    raise
            else:
                self._finders[identifier.kind] = [pair, *pairs[:number], *pairs[number + 1 :]]
                return found
        return Found((), more=False)

    def _picked(self, identifier: Identifier) -> str:
        pattern = self._mapping.tracking_id_pattern
        picked = re.search(pattern, identifier.text) if pattern and identifier.kind == "tracking_id" else None
        return picked[1] if picked and picked[1] else identifier.text

    def _visitors(self, query: Query, combining: Query, values: Values, kind: Kind) -> LookUp[Found]:
        matches = _Matches(query.name)
        yield Ask(query, values, matches.take)
        visitors, room, more = [], MOST_SHOWN, matches.more
        for key, row in matches.rows.items():
            combinations = yield from self._merged(combining, key)
            more = more or len(combinations) > room
            label, matched = row.get("label"), row.get("matched_by")
            visitors.append(
                Visitor(key, str(label) if label else None, str(matched or kind), tuple(combinations[:room]))
            )
            room -= len(visitors[-1].combinations)
        return Found(tuple(visitors), more)

    def _merged(self, combining: Query, visitor: Value) -> LookUp[list[Combination]]:
        merged = self._merger.begin()
        yield Ask(combining, {"visitor": visitor}, merged.take)
        return merged.combinations()

    async def _opened(self, live: LiveSession, choice: Choice, speech: Speech) -> MappedReading:
        as_of = self._clock()

        def open_it(session: Session) -> MappedReading:
            combining, _ = first_usable(session, self._combinations, {"visitor": choice.visitor})
            everything = answered(session, self._merged(combining, choice.visitor))
            chosen = [one for one in everything if one.is_on(choice.device, choice.browser)]
            if not chosen:
                raise VisitorGone
            reading = MappedReading(live, self._plan, speech, choice.visitor, chosen[0], as_of, self._zone)
            reading.other_combinations = len(everything) - 1
            reading.prepare(session)
            return reading

        return await live.run(open_it)


class _Matches:
    """The first row of each visitor that a query found."""

    def __init__(self, query_name: str) -> None:
        self._query_name = query_name
        self.rows: dict[Value, Row] = {}
        self.more = False

    def take(self, rows: Sequence[Row]) -> bool:
        for row in rows:
            if "visitor" not in row:
                raise SourceMisconfigured(f"{self._query_name} must return a column `visitor`.")
            key = checked_value(row["visitor"], self._query_name)
            if key is None or key in self.rows:
                continue
            if len(self.rows) == MOST_SHOWN:
                self.more = True
                return False
            self.rows[key] = row
        return True


def _reached() -> LookUp[None]:
    yield Ask(_NOTHING, {}, lambda _rows: True)
