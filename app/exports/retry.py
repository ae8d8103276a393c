"""Runs a failed export again, within 24 hours, under the same choice."""

from dataclasses import dataclass

from app.access.limits import RateLimits
from app.audit.event import By
from app.audit.ledger import Ledger
from app.exports.end import ExportFinal
from app.history.browse import Browse
from app.history.entry import UNFINISHED, Entry, SubjectBusy, unfinished_by
from app.history.event import event_of
from app.history.failed import hold_for_retry, queue_failed
from app.history.visitor import ExportUnfinished
from app.jobs.port import Bell
from app.kit.clock import Clock
from app.kit.traces import Traces


@dataclass(frozen=True, slots=True)
class RetryExport:
    browse: Browse
    ledger: Ledger
    bell: Bell
    limits: RateLimits
    clock: Clock
    traces: Traces

    async def __call__(self, by: By, data_center: str, entry_id: str) -> Entry:
        """Raises NotFound, ExportUnfinished, ErasureUnfinished; ExportFinal if it did not fail, or failed over 24 hours
        ago; QuotaExceeded if whoever requested it has too many unfinished ones."""
        entry = await self.browse.one(data_center, entry_id, "export")
        if entry.status in UNFINISHED:
            raise ExportUnfinished
        try:
            await self._queue_again(by, entry)
        except SubjectBusy as error:
            raise ExportUnfinished from error
        self.traces.lead_to("export", entry.id, begins=False)
        await self.bell.ring()
        return await self.browse.one(data_center, entry_id, "export")

    async def _queue_again(self, by: By, entry: Entry) -> None:
        now = self.clock()
        async with self.ledger.writing() as connection:
            await hold_for_retry(connection, entry, now)
            if not await queue_failed(connection, entry, now):
                raise ExportFinal
            self.limits.check_unfinished(by, await unfinished_by(connection, entry.requested_by, entry.data_center))
            await self.ledger.append(connection, event_of(entry, "exports:retry", by))
