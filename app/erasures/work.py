"""Erasures as work for a worker: each attempt does every step, and counts once more whether it is true."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.port import Access, PermissionLost
from app.audit.event import SERVICE, By
from app.audit.ledger import Ledger
from app.erasures.plan import Counted, PlanOutdated, check_growth, erasing_source
from app.erasures.receipt import signed_receipt
from app.history.entry import READY, Entry, get_entry, move
from app.history.erasure import CountedStep, Erasure, get_erasure, write_erasure
from app.history.event import event_of
from app.history.failed import write_failure
from app.history.visitor import Whom, entries_of
from app.jobs.job import Job, Lane, Progress
from app.kit.clock import Clock
from app.kit.errors import Failure, NotFound
from app.kit.sign import Signer
from app.sources.candidate import Candidates
from app.sources.erasing import Erasing, RowsRemain
from app.sources.handles import GetHandles
from app.sources.port import DataSource, SourceMisconfigured
from app.sources.registry import DataCenter, Registry


@dataclass(frozen=True, slots=True)
class ErasureWork:
    """Implements Work."""

    ledger: Ledger
    registry: Registry
    access: Access
    candidates: Candidates
    handles: GetHandles
    signer: Signer
    clock: Clock

    async def begin(self, connection: AsyncConnection, job: Job, now: datetime) -> "ErasureAttempt | None":
        await move(connection, job.entry_id, ("queued",), "erasing", started_at=now)
        entry = await get_entry(connection, job.data_center, job.entry_id, now)
        if entry is None:
            return None
        await self.ledger.append(connection, event_of(entry, "erasures:start", SERVICE))
        return ErasureAttempt(self, job, entry)

    async def write_waiting(self, connection: AsyncConnection, entry_id: UUID) -> None:
        await move(connection, entry_id, ("erasing",), "queued")

    async def write_failed(
        self, connection: AsyncConnection, data_center: str, entry_id: UUID, failure: Failure
    ) -> None:
        found = (data_center, entry_id, self.clock())
        await write_failure(self.ledger, connection, found, failure, "erasing", "erasures:fail")


class ErasureAttempt:
    """Implements Attempt. Whatever an attempt before it did stays done: it begins again, and finds less."""

    kind = "erasure"

    def __init__(self, work: ErasureWork, job: Job, entry: Entry) -> None:
        self.name = f"erasure {entry.id}"
        self.lane: Lane = (entry.data_center, entry.source_id)
        self._work, self._job, self._entry = work, job, entry
        self._progress = Progress()
        self._proved: tuple[Erasure, DataCenter, DataSource, Whom] | None = None

    def progress(self) -> Progress:
        return self._progress

    async def run(self) -> None:
        await self._check_permission()
        choice, _ = self._work.candidates.open_choice(self._job.sealed)
        center, source = self._source()
        async with self._work.ledger.reading() as connection:
            erasure = await get_erasure(connection, self._entry.id)
        whom = (choice.visitor, choice.device, choice.browser, erasure.scope)
        async with source.erase(*whom) as erasing:
            erasure = await self._begun(erasure, source, erasing)
            await erasing.run(self._note)
        # Counted by another session, which sees what is there for everybody.
        async with source.erase(*whom) as erasing:
            erasure = erasure.after(await erasing.count())
        _check_proof(erasure.steps)
        handles = (await self._work.handles()).all(*self.lane, choice.visitor)
        self._proved = erasure, center, source, Whom(self._entry.data_center, handles)

    async def write_done(self, connection: AsyncConnection) -> None:
        if self._proved is None:
            raise ValueError("nothing was proved")
        erasure, center, source, whom = self._proved
        now, entry, backups = self._work.clock(), self._entry, source.facts.backups
        revoked = await self._revoke(connection, whom, now) if erasure.revokes_exports else []
        erasure = replace(erasure, erased_at=now, backups_until=now + backups if backups else None)
        receipt = signed_receipt(entry, erasure, center, revoked, self._work.signer)
        await write_erasure(connection, replace(erasure, receipt=receipt))
        await move(connection, entry.id, ("erasing",), "done")
        details = {"rows": _gone(erasure.steps), "exports_revoked": len(revoked)}
        await self._work.ledger.append(connection, event_of(entry, "erasures:done", SERVICE, details=details))

    async def is_done(self, connection: AsyncConnection) -> bool:
        now_stored = await get_entry(connection, self._entry.data_center, self._entry.id, self._work.clock())
        return now_stored is not None and now_stored.status == "done"

    async def discard(self) -> None:
        """Nothing lies anywhere."""

    async def _begun(self, erasure: Erasure, source: DataSource, erasing: Erasing) -> Erasure:
        """The counts from before anything was touched; a later attempt keeps those of the first."""
        if erasure.mapping_sha256 != source.facts.mapping_sha256:
            raise PlanOutdated
        if erasure.steps[0].before is None:
            rows = await erasing.count()
            check_growth(Counted(erasing.steps, rows), [one.planned for one in erasure.steps])
            erasure = erasure.before(rows)
            async with self._work.ledger.writing() as connection:
                await write_erasure(connection, erasure)
        expected = _gone(erasure.steps)
        self._progress = Progress(parts_total=len(erasure.steps), rows_estimated=expected)
        return erasure

    def _note(self, steps: int, rows: int) -> None:
        """From the session's thread; the heartbeat reads it."""
        expected = max(self._progress.rows_estimated or 0, rows)
        self._progress = replace(self._progress, parts_done=steps, rows=rows, rows_estimated=expected)

    async def _revoke(self, connection: AsyncConnection, whom: Whom, now: datetime) -> list[UUID]:
        """In the transaction that says that it is done. The tick removes the objects."""
        ready = await entries_of(connection, whom, now, "export", READY)
        gone = [one for one in ready if await move(connection, one.id, ("ready",), "revoked")]
        for one in gone:
            revoked = event_of(one, "exports:revoke", By(self._entry.requested_by))
            await self._work.ledger.append(connection, revoked)
        return [one.id for one in gone]

    async def _check_permission(self) -> None:
        administrator = await self._work.access.known(self._entry.requested_by)
        if administrator is None or not administrator.may(self._entry.data_center, "erasures:create"):
            raise PermissionLost

    def _source(self) -> tuple[DataCenter, DataSource]:
        try:
            return erasing_source(self._work.registry, *self.lane)
        except NotFound as error:
            raise SourceMisconfigured("The mapping of this data source is not there any more.") from error


def _check_proof(steps: Sequence[CountedStep]) -> None:
    """Raises RowsRemain."""
    for one in steps:
        if one.action == "keep" and (one.after or 0) < (one.before or 0):
            raise RowsRemain(f"{one.title} ({one.table}): rows that are kept went with the others.")
        if one.action != "keep" and one.after:
            raise RowsRemain(f"{one.title} ({one.table}): {one.after} rows are there still.")


def _gone(steps: Sequence[CountedStep]) -> int:
    return sum(one.before or 0 for one in steps if one.action != "keep")
