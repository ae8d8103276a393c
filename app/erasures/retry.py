"""Runs a failed erasure again, within 24 hours, under the same choice."""

from dataclasses import dataclass

from app.audit.event import By
from app.audit.ledger import Ledger
from app.erasures.end import ErasureFinal
from app.history.browse import Browse
from app.history.entry import UNFINISHED, Entry, SubjectBusy
from app.history.event import event_of
from app.history.failed import hold_for_retry, queue_failed
from app.history.visitor import ErasureUnfinished, refuse_while_exporting
from app.jobs.port import Bell
from app.kit.clock import Clock
from app.kit.traces import Traces


@dataclass(frozen=True, slots=True)
class RetryErasure:
    browse: Browse
    ledger: Ledger
    bell: Bell
    clock: Clock
    traces: Traces

    async def __call__(self, by: By, data_center: str, entry_id: str) -> Entry:
        """Raises NotFound, ErasureUnfinished, ExportUnfinished; ErasureFinal if it did not fail, or failed over 24
        hours ago."""
        entry = await self.browse.one(data_center, entry_id, "erasure")
        if entry.status in UNFINISHED:
            raise ErasureUnfinished
        try:
            await self._queue_again(by, entry)
        except SubjectBusy as error:
            raise ErasureUnfinished from error
        self.traces.lead_to("erasure", entry.id, begins=False)
        await self.bell.ring()
        return await self.browse.one(data_center, entry_id, "erasure")

    async def _queue_again(self, by: By, entry: Entry) -> None:
        now = self.clock()
        async with self.ledger.writing() as connection:
            whom = await hold_for_retry(connection, entry, now)
            await refuse_while_exporting(connection, whom, now)
            if not await queue_failed(connection, entry, now):
                raise ErasureFinal
            await self.ledger.append(connection, event_of(entry, "erasures:retry", by))
