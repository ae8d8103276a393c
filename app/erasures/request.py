"""Requests an erasure: the plan, confirmed by the visitor's handle, becomes a history entry and a job."""

from dataclasses import dataclass

from app.access.limits import RateLimits
from app.audit.event import By
from app.audit.ledger import Ledger
from app.erasures.plan import Plan, PlanInvalid, PlanOutdated, Plans, check_growth, counted, erasing_source
from app.history.entry import Entry, NewEntry, SubjectBusy, add_entry, get_entry, unfinished_by
from app.history.erasure import CountedStep, Erasure, PlanUsed, add_erasure
from app.history.event import event_of
from app.history.visitor import ErasureUnfinished, Whom, hold, refuse_while_erasing, refuse_while_exporting
from app.jobs.job import add_job
from app.jobs.port import Bell
from app.kit.clock import Clock
from app.kit.errors import Invalid
from app.kit.identity import uuid7
from app.kit.text import storable
from app.kit.traces import Traces
from app.sources.candidate import HANDLE_DIGITS, Candidates, as_text
from app.sources.handles import GetHandles, Handles
from app.sources.registry import DataCenter, Registry


class ConfirmMismatch(Invalid):
    """What was typed to confirm is not the visitor's handle, as the preview shows it. Type it again; nothing was
    erased."""

    slug = "confirm-mismatch"
    title = "The handle that was typed is another"
    is_refusal = True


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A sealed plan, the handle that was typed, and what may be said beside them."""

    plan: str
    handle: str
    revokes_exports: bool = True
    case_reference: str | None = None


@dataclass(frozen=True, slots=True)
class RequestErasure:
    registry: Registry
    candidates: Candidates
    plans: Plans
    handles: GetHandles
    ledger: Ledger
    bell: Bell
    limits: RateLimits
    clock: Clock
    traces: Traces

    async def __call__(self, by: By, data_center: str, order: Confirmed) -> Entry:
        """Raises PlanInvalid, ConfirmMismatch, PlanOutdated, ExportUnfinished, ErasureUnfinished, QuotaExceeded, and
        what the data source raises."""
        plan, handles = self.plans.open(order.plan, by.key_id, data_center), await self.handles()
        new, erasure = await self._checked(by, plan, handles, order)
        whom = Whom(data_center, handles.all(data_center, new.source_id, plan.candidate.choice.visitor))
        try:
            entry = await self._record(by, new, erasure, whom, self.candidates.seal_choice(plan.candidate.choice))
        except SubjectBusy as error:
            raise ErasureUnfinished from error
        except PlanUsed as error:
            raise PlanInvalid from error
        self.traces.lead_to("erasure", entry.id, begins=True)
        await self.bell.ring()
        return entry

    async def _checked(self, by: By, plan: Plan, handles: Handles, order: Confirmed) -> tuple[NewEntry, Erasure]:
        center, source = erasing_source(self.registry, plan.candidate.data_center, plan.candidate.data_source)
        new = self._new_entry(by, plan, handles, center, source.facts.title, order.case_reference)
        if order.handle.strip().lower() != new.handle[:HANDLE_DIGITS]:
            raise ConfirmMismatch
        if (plan.mapping_sha256, plan.scope) != (source.facts.mapping_sha256, center.about.erasure_scope):
            raise PlanOutdated
        found = await counted(source, plan.candidate.choice, plan.scope)
        check_growth(found, plan.rows)
        steps = (
            CountedStep(one.table, one.title, one.action, one.because, rows)
            for one, rows in zip(found.steps, plan.rows, strict=True)
        )
        return new, Erasure(
            new.id, plan.id, plan.scope, plan.mapping_sha256, tuple(steps), order.revokes_exports
        )  # fmt: skip

    async def _record(self, by: By, new: NewEntry, erasure: Erasure, whom: Whom, sealed_choice: str) -> Entry:
        now = new.requested_at
        async with self.ledger.writing() as connection:
            await hold(connection, whom)
            await refuse_while_exporting(connection, whom, now)
            await refuse_while_erasing(connection, whom, now)
            await add_entry(connection, new)
            self.limits.check_unfinished(by, await unfinished_by(connection, by.name, new.data_center))
            await add_erasure(connection, erasure)
            await add_job(connection, new.id, new.data_center, sealed_choice, now if new.status == "queued" else None)
            entry = await get_entry(connection, new.data_center, new.id, now)
            if entry is None:
                raise ErasureUnfinished
            rows = sum(one.planned for one in erasure.steps if one.action != "keep")
            details = {
                "label": new.label, "handle": new.handle, "case_reference": new.case_reference, "rows": rows,
            }  # fmt: skip
            await self.ledger.append(connection, event_of(entry, "erasures:request", by, details=details))
        return entry

    def _new_entry(
        self, by: By, plan: Plan, handles: Handles, center: DataCenter, source_title: str, case_reference: str | None
    ) -> NewEntry:
        now, of, whole = self.clock(), plan.candidate, plan.scope == "visitor"
        where = (of.data_center, of.data_source)
        handle = handles.handle(*where, of.choice.visitor)
        return NewEntry(
            id=uuid7(now), data_center=of.data_center, source_id=of.data_source, source_title=source_title,
            label=of.label, handle=handle.digest,
            subject=handle.digest if whole else handles.subject(*where, of.choice).digest,
            identifier_hash=of.identifier.digest, key_id=handle.key_id,
            device=None if whole else storable(as_text(of.choice.device)),
            browser=None if whole else storable(as_text(of.choice.browser)),
            case_reference=case_reference, requested_by=by.name, requested_at=now,
            kind="erasure", status="requested" if center.about.erasure == "two" else "queued",
        )  # fmt: skip
