"""Asks every data source of a data center at once, and names those that do not answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.audit.event import AuditEvent, By
from app.audit.trail import Trail
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.logs import log
from app.kit.seal import Fingerprint
from app.sources.candidate import Candidate, Candidates, Choice
from app.sources.identifier import Identifier, mask
from app.sources.port import (
    Combination,
    DataSource,
    Found,
    SourceFacts,
    SourceMisconfigured,
    SourceUnavailable,
    Visitor,
)
from app.sources.registry import Registry

SourceStatus = Literal["answered", "unavailable", "unsupported"]


@dataclass(frozen=True, slots=True)
class OfferedCombination:
    token: str
    combination: Combination
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfferedVisitor:
    label: str
    handle: str
    matched_by: str
    combinations: tuple[OfferedCombination, ...]


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    facts: SourceFacts
    status: SourceStatus
    problem: str | None
    visitors: tuple[OfferedVisitor, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    identifier: Identifier
    searched_at: datetime
    data_sources: tuple[SourceAnswer, ...]


class Search:
    """Turns an identifier into candidates, grouped by data source and never merged across them."""

    def __init__(
        self, registry: Registry, candidates: Candidates, database: Database, trail: Trail, clock: Clock
    ) -> None:
        self._registry, self._candidates, self._clock = registry, candidates, clock
        self._database, self._trail = database, trail

    async def __call__(self, by: By, data_center: str, identifier: Identifier) -> SearchAnswer:
        offer = _Offer(self._candidates, by.name, data_center, identifier)
        sources = self._registry.sources(data_center)
        answers = await asyncio.gather(*(_ask(source, identifier, offer) for source in sources.values()))
        async with self._database.writing() as connection:
            await self._trail.append(connection, _event(by, data_center, offer, answers))
        return SearchAnswer(identifier, self._clock(), tuple(answers))


class _Offer:
    """Makes sealed candidates for one administrator's search."""

    def __init__(self, candidates: Candidates, administrator: str, data_center: str, identifier: Identifier) -> None:
        self._candidates, self._administrator, self._data_center = candidates, administrator, data_center
        self.identifier = identifier
        self.fingerprint: Fingerprint = candidates.identifier(data_center, identifier)

    def visitor(self, facts: SourceFacts, visitor: Visitor) -> OfferedVisitor:
        label = mask(visitor.label) if visitor.label else self.identifier.masked
        handle = self._candidates.handle(self._data_center, facts.id, visitor.key).digest
        offered = tuple(self._combination(facts, visitor, label, one) for one in visitor.combinations)
        return OfferedVisitor(label, handle, visitor.matched_by, offered)

    def _combination(
        self, facts: SourceFacts, visitor: Visitor, label: str, combination: Combination
    ) -> OfferedCombination:
        choice = Choice(visitor.key, combination.device, combination.browser)
        candidate = Candidate(self._administrator, self._data_center, facts.id, label, self.fingerprint, choice)
        warnings = ("shared-browser",) * combination.shared + ("rotating-id",) * facts.rotating_id
        return OfferedCombination(self._candidates.seal(candidate), combination, warnings)


async def _ask(source: DataSource, identifier: Identifier, offer: _Offer) -> SourceAnswer:
    try:
        found = await source.find(identifier)
    except (SourceUnavailable, SourceMisconfigured) as error:
        log.warning("search in data source %s: %s: %s", source.facts.id, error.slug, error.detail)
        return SourceAnswer(source.facts, "unavailable", error.slug)
    if found is None:
        return SourceAnswer(source.facts, "unsupported", None)
    return _answer(source.facts, found, offer)


def _answer(facts: SourceFacts, found: Found, offer: _Offer) -> SourceAnswer:
    visitors = tuple(offer.visitor(facts, visitor) for visitor in found.visitors)
    return SourceAnswer(facts, "answered", None, visitors, found.more)


def _event(by: By, data_center: str, offer: _Offer, answers: list[SourceAnswer]) -> AuditEvent:
    details: Mapping[str, str | int | None] = {
        "kind": offer.identifier.kind,
        "identifier": offer.identifier.masked,
        "identifier_hash": offer.fingerprint.digest,
        "key_id": offer.fingerprint.key_id,
        "visitors": sum(len(answer.visitors) for answer in answers),
        "sources": len(answers),
        "unavailable": sum(answer.status == "unavailable" for answer in answers),
    }
    return AuditEvent("visitors:search", by, data_center, details=details)
