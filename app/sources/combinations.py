"""Merges the rows of a `combinations` query into one combination for each device and browser."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from uuid import UUID

from app.sources.agents import Agent
from app.sources.engine import Row
from app.sources.port import Combination, SourceMisconfigured, Value
from app.sources.values import moment

ReadAgent = Callable[[str], Agent]
_QUERY = "find.combinations"
_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Merger:
    """Gathers rows: earliest and latest time, sum of interactions, the largest `people`, `os` if they agree."""

    zone: tzinfo | None
    read_agent: ReadAgent

    def begin(self) -> "Merged":
        return Merged(self)

    def combination(self, row: Row) -> Combination:
        if "user_agent" in row:
            return self._from_agent(row)
        if "device" not in row or "browser" not in row:
            raise SourceMisconfigured(f"{_QUERY} must return `device` and `browser`, or `user_agent`.")
        device, browser = checked_value(row["device"], _QUERY), checked_value(row["browser"], _QUERY)
        return self._with_facts(Combination(device, browser, _text(row.get("os"))), row)

    def _from_agent(self, row: Row) -> Combination:
        text = str(row["user_agent"] or "")
        agent = self.read_agent(text)
        found = Combination(agent.device, agent.browser, agent.os, user_agents=(text,))
        return self._with_facts(found, row)

    def _with_facts(self, combination: Combination, row: Row) -> Combination:
        return replace(
            combination,
            first_seen=moment(row.get("first_seen"), self.zone),
            last_seen=moment(row.get("last_seen"), self.zone),
            interactions=counted(row.get("interactions")),
            people=counted(row.get("people")),
        )


class Merged:
    """The combinations of one visitor, while rows come in."""

    def __init__(self, merger: Merger) -> None:
        self._merger = merger
        self._gathered: dict[tuple[type, object, type, object], _Gathered] = {}

    def take(self, rows: Sequence[Row]) -> bool:
        for row in rows:
            one = self._merger.combination(row)
            key = (type(one.device), one.device, type(one.browser), one.browser)
            self._gathered.setdefault(key, _Gathered(one)).add(one)
        return True

    def combinations(self) -> list[Combination]:
        """In the order in which the database first named them."""
        return [gathered.combination() for gathered in self._gathered.values()]


@dataclass(slots=True)
class _Gathered:
    """What the rows of one device and browser have said so far."""

    first: Combination
    systems: set[str | None] = field(default_factory=set)
    starts: list[datetime] = field(default_factory=list)
    ends: list[datetime] = field(default_factory=list)
    interactions: int | None = None
    people: int | None = None
    user_agents: dict[str, None] = field(default_factory=dict)

    def add(self, one: Combination) -> None:
        self.systems.add(one.os)
        self.starts = [min(self.starts + _known(one.first_seen))] if self.starts or one.first_seen else []
        self.ends = [max(self.ends + _known(one.last_seen))] if self.ends or one.last_seen else []
        if one.interactions is not None:
            self.interactions = (self.interactions or 0) + one.interactions
        if one.people is not None:
            self.people = max(self.people or 0, one.people)
        self.user_agents.update(dict.fromkeys(one.user_agents))

    def combination(self) -> Combination:
        return replace(
            self.first,
            os=self.first.os if len(self.systems) == 1 else None,
            first_seen=self.starts[0] if self.starts else None,
            last_seen=self.ends[0] if self.ends else None,
            interactions=self.interactions,
            people=self.people,
            user_agents=tuple(self.user_agents),
        )


def checked_value(value: object, query_name: str) -> Value | None:
    """A value that can be bound again later. Raises SourceMisconfigured for any other type."""
    if value is None or isinstance(value, str | int | float | bytes | Decimal | UUID):
        return value
    raise SourceMisconfigured(
        f"{query_name} returns a {type(value).__name__} where text, a number, a UUID or bytes belong."
    )


def _known(value: datetime | None) -> list[datetime]:
    return [] if value is None else [value]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def counted(value: object) -> int | None:
    """A count that JSON can say; what is none (NaN, infinite, an interval) is unknown, and stops nothing."""
    if not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        return None
    number = int(value)
    return number if abs(number) <= _MOST else None
