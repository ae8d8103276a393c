"""Requests an export: the candidate becomes a history entry and a job, and then the bell rings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.limits import RateLimits
from app.audit.event import By
from app.audit.ledger import Ledger
from app.history.entry import Entry, NewEntry, SubjectBusy, add_entry, get_entry, unfinished_by, unfinished_of
from app.history.event import event_of
from app.history.visitor import ExportUnfinished, Whom, hold, refuse_while_erasing
from app.jobs.job import add_job
from app.jobs.port import Bell
from app.kit.clock import Clock
from app.kit.identity import uuid7
from app.kit.language import Language
from app.kit.text import storable
from app.kit.traces import Traces
from app.sources.candidate import Candidate, Candidates, as_text
from app.sources.handles import GetHandles, Handles
from app.sources.registry import Registry

Also = Callable[[AsyncConnection, Entry], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What may be said beside the candidate: the number of the person's request, and the archive's language; without
    one it is the data center's."""

    case_reference: str | None = None
    language: Language | None = None


@dataclass(frozen=True, slots=True)
class RequestExport:
    registry: Registry
    candidates: Candidates
    handles: GetHandles
    ledger: Ledger
    bell: Bell
    limits: RateLimits
    clock: Clock
    traces: Traces

    async def __call__(
        self, by: By, data_center: str, token: str, wishes: Wishes = Wishes(), also: Also | None = None
    ) -> Entry:  # fmt: skip
        """The new export, or the same administrator's unfinished one of the same candidate. `also` writes more in the
        same transaction. Raises QuotaExceeded, ExportUnfinished, ErasureUnfinished."""
        candidate = self.candidates.open(token, by.key_id, data_center)
        _, source = self.registry.find(data_center, candidate.data_source)
        handles, choice = await self.handles(), candidate.choice
        new = self._new_entry(by, candidate, handles, source.facts.title, wishes.case_reference)
        whom = Whom(data_center, handles.all(data_center, candidate.data_source, choice.visitor))
        try:
            found = await self._record(by, new, whom, self.candidates.seal_choice(choice, wishes.language), also)
        except SubjectBusy:
            found = await self._already(by, new.subject, also)
        self.traces.lead_to("export", found.id, begins=found.id == new.id)
        await self.bell.ring()
        return found

    async def _record(self, by: By, new: NewEntry, whom: Whom, sealed_choice: str, also: Also | None) -> Entry:
        now = new.requested_at
        async with self.ledger.writing() as connection:
            await hold(connection, whom)
            await refuse_while_erasing(connection, whom, now)
            await add_entry(connection, new)
            # Counted only here, where it is known to be a new one; whoever is refused leaves nothing behind.
            self.limits.check_unfinished(by, await unfinished_by(connection, by.name, new.data_center))
            await self.limits.take(by, new.data_center, "exports")
            await add_job(connection, new.id, new.data_center, sealed_choice, now)
            entry = await get_entry(connection, new.data_center, new.id, now)
            if entry is None:
                raise ExportUnfinished
            details = {"label": new.label, "handle": new.handle, "case_reference": new.case_reference}
            await self.ledger.append(connection, event_of(entry, "exports:request", by, details=details))
            if also:
                await also(connection, entry)
        return entry

    async def _already(self, by: By, subject: str, also: Also | None) -> Entry:
        async with self.ledger.writing() as connection:
            entry = await unfinished_of(connection, subject, self.clock())
            if entry is None or entry.requested_by != by.name:
                raise ExportUnfinished
            if also:
                await also(connection, entry)
        return entry

    def _new_entry(
        self, by: By, candidate: Candidate, handles: Handles, source_title: str, case_reference: str | None
    ) -> NewEntry:
        now, choice = self.clock(), candidate.choice
        where = (candidate.data_center, candidate.data_source)
        handle = handles.handle(*where, choice.visitor)
        return NewEntry(
            id=uuid7(now), data_center=candidate.data_center, source_id=candidate.data_source,
            source_title=source_title, label=candidate.label, handle=handle.digest,
            subject=handles.subject(*where, choice).digest,
            identifier_hash=candidate.identifier.digest, key_id=handle.key_id,
            device=storable(as_text(choice.device)), browser=storable(as_text(choice.browser)),
            case_reference=case_reference, requested_by=by.name, requested_at=now,
        )  # fmt: skip
