"""Looks at what an erasure would do: the rows of each step now, and the visitor's exports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

from app.audit.event import AuditEvent, By, Details
from app.audit.ledger import Ledger
from app.erasures.plan import Plan, Plans, counted, erasing_source
from app.history.entry import READY, UNFINISHED, Entry
from app.history.visitor import Whom, entries_of
from app.kit.clock import Clock
from app.sources.candidate import HANDLE_DIGITS, Candidates
from app.sources.erasing import Scope, Step
from app.sources.handles import GetHandles
from app.sources.port import VisitorGone
from app.sources.registry import Registry


@dataclass(frozen=True, slots=True)
class Previewed:
    """`rows` are counted in the steps' order, `exports` are the visitor's that are unfinished or ready."""

    plan: str
    expires_at: datetime
    label: str
    handle: str
    scope: Scope
    steps: Sequence[Step]
    rows: Sequence[int]
    exports: Sequence[Entry]
    needs_approval: bool


@dataclass(frozen=True, slots=True)
class PreviewErasure:
    registry: Registry
    candidates: Candidates
    handles: GetHandles
    plans: Plans
    ledger: Ledger
    clock: Clock

    async def __call__(self, by: By, data_center: str, token: str) -> Previewed:
        """Raises CandidateTokenInvalid, ErasureOff, NotErasable, VisitorGone where nothing is left to erase, and what
        the data source raises."""
        candidate = self.candidates.open(token, by.key_id, data_center)
        center, source = erasing_source(self.registry, data_center, candidate.data_source)
        choice, scope = candidate.choice, center.about.erasure_scope
        found = await counted(source, choice, scope)
        goes = sum(many for step, many in zip(found.steps, found.rows, strict=True) if step.action != "keep")
        if not goes:
            raise VisitorGone
        known = (await self.handles()).all(data_center, candidate.data_source, choice.visitor)
        plan = Plan(token_hex(16), candidate, scope, source.facts.mapping_sha256, tuple(found.rows))
        sealed, expires_at = self.plans.seal(plan)
        details: Details = {"label": candidate.label, "handle": known[0], "rows": goes}
        event = AuditEvent("erasures:preview", by, data_center, data_source=candidate.data_source, details=details)
        async with self.ledger.writing() as connection:
            exports = await entries_of(
                connection, Whom(data_center, known), self.clock(), "export", (*UNFINISHED, *READY)
            )
            await self.ledger.append(connection, event)
        return Previewed(
            sealed, expires_at, candidate.label, known[0][:HANDLE_DIGITS], scope, found.steps, found.rows,
            [one for one in exports if one.status != "expired"], center.about.erasure == "two",
        )  # fmt: skip
