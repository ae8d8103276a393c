"""Asks every data source of a data center at once, and names those that do not answer."""

import asyncio
from collections.abc import Mapping
from time import monotonic

from app.access.limits import RateLimits
from app.audit.event import AuditEvent, By
from app.audit.group import GroupedTrail
from app.kit.clock import Clock
from app.kit.logs import log, whereabouts
from app.kit.metrics import Metrics
from app.kit.seal import Fingerprint
from app.kit.traces import Traces
from app.sources.candidate import HANDLE_DIGITS, Candidate, Candidates, Choice, as_text
from app.sources.handles import GetHandles, Handles
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
from app.visitors.memory import Memory, Shown
from app.visitors.misses import Misses
from app.visitors.schemas import (
    CombinationView,
    IdentifierView,
    SearchResult,
    SourceStatus,
    SourceView,
    UnboundSection,
    VisitorView,
)


class Search:
    """Turns an identifier into candidates, grouped by data source and never merged across them."""

    def __init__(
        self, registry: Registry, candidates: Candidates, handles: GetHandles, trail: GroupedTrail, limits: RateLimits,
        misses: Misses, memory: Memory, clock: Clock, metrics: Metrics, traces: Traces,
    ) -> None:  # fmt: skip
        self._registry, self._candidates, self._handles, self._trail = registry, candidates, handles, trail
        self._limits, self._misses, self._memory = limits, misses, memory
        self._clock, self._metrics, self._traces = clock, metrics, traces

    async def __call__(self, by: By, data_center: str, identifier: Identifier) -> SearchResult:
        """Raises QuotaExceeded."""
        offer = _Offer(self._candidates, await self._handles(), by.key_id, data_center, identifier)
        sources = self._registry.sources(data_center)
        with self._trail.coming():
            await self._limits.take(by, data_center, "searches")
            asked = (self._ask(data_center, source, offer) for source in sources.values())
            answers = await asyncio.gather(*asked)
        answers = await self._memory.recall(offer.shown, answers)
        # Committed before the answer leaves: what cannot be recorded is not told.
        await self._trail.append(_event(by, data_center, offer, answers))
        if not any(answer.visitors or answer.status == "unavailable" for answer in answers):
            await self._misses.note(by, data_center, offer.fingerprint.digest)
        return SearchResult(
            identifier=IdentifierView.model_validate(identifier), searched_at=self._clock(), data_sources=answers
        )

    async def _ask(self, data_center: str, source: DataSource, offer: "_Offer") -> SourceView:
        begun = monotonic()
        with self._traces.span("find", data_center=data_center, data_source=source.facts.id):
            answer = await _asked(source, offer)
            self._traces.note(status=answer.status)
            if answer.problem:
                self._traces.fail(answer.problem)
        self._metrics.searched((data_center, source.facts.id), answer.status, monotonic() - begun)
        return answer


class _Offer:
    """Makes sealed candidates for one administrator's search."""

    def __init__(
        self, candidates: Candidates, handles: Handles, key_id: str, data_center: str, identifier: Identifier
    ) -> None:
        self._candidates, self._handles, self._key_id, self._data_center = candidates, handles, key_id, data_center
        self.identifier = identifier
        self.fingerprint: Fingerprint = handles.identifier(data_center, identifier)
        self.shown = Shown(data_center, handles)

    def visitor(self, facts: SourceFacts, visitor: Visitor) -> VisitorView:
        label = mask(visitor.label) if visitor.label else self.identifier.masked
        handle = self._handles.handle(self._data_center, facts.id, visitor.key).digest
        offered = [self._combination(facts, visitor, label, one) for one in visitor.combinations]
        view = VisitorView(
            label=label, handle=handle[:HANDLE_DIGITS], matched_by=visitor.matched_by, erased_at=None,
            combinations=offered,
        )  # fmt: skip
        self.shown.note(facts.id, visitor, view)
        return view

    def _combination(self, facts: SourceFacts, visitor: Visitor, label: str, one: Combination) -> CombinationView:
        choice = Choice(visitor.key, one.device, one.browser)
        candidate = Candidate(self._key_id, self._data_center, facts.id, label, self.fingerprint, choice)
        token = self._candidates.seal(candidate)
        return CombinationView(
            candidate=token,
            device=as_text(one.device),
            browser=as_text(one.browser),
            os=one.os,
            warnings=["shared-browser"] * one.shared
            + ["rotating-id"] * facts.rotating_id
            + ["not-exportable"] * (token is None),
            first_seen=one.first_seen,
            last_seen=one.last_seen,
            interactions=one.interactions,
        )


async def _asked(source: DataSource, offer: _Offer) -> SourceView:
    facts = source.facts
    try:
        return _answer(facts, await source.find(offer.identifier), offer)
    except (SourceUnavailable, SourceMisconfigured) as error:
        log.warning("search in data source %s: %s: %s", facts.id, error.slug, error.detail)
        return _view(facts, "unavailable", error.slug)
    except Exception as error:  # noqa: BLE001  whatever one source holds must not withhold the others' answers
        log.error("search in data source %s stumbled: %s", facts.id, whereabouts(error))
        return _view(facts, "unavailable", SourceUnavailable.slug)


def _answer(facts: SourceFacts, found: Found | None, offer: _Offer) -> SourceView:
    if found is None:
        return _view(facts, "unsupported")
    visitors = [offer.visitor(facts, visitor) for visitor in found.visitors]
    unbound = [UnboundSection.model_validate(one) for one in facts.unbound]
    return SourceView(
        id=facts.id, title=facts.title, status="answered", problem=None,
        visitors=visitors, unbound_sections=unbound, more=found.more,
    )  # fmt: skip


def _view(facts: SourceFacts, status: SourceStatus, problem: str | None = None) -> SourceView:
    return SourceView(
        id=facts.id, title=facts.title, status=status, problem=problem, visitors=[], unbound_sections=[], more=False
    )


def _event(by: By, data_center: str, offer: _Offer, answers: list[SourceView]) -> AuditEvent:
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
