"""Cancels an erasure that has not begun."""

from dataclasses import dataclass
from datetime import timedelta

from app.audit.event import SERVICE, By
from app.audit.ledger import Ledger
from app.history.browse import Browse
from app.history.entry import Entry, get_entry, move, requested_before
from app.history.event import event_of
from app.jobs.job import delete_unwanted, lock_job
from app.kit.clock import Clock
from app.kit.errors import Conflict

# So long the sealed choice of an erasure waits for somebody who approves it.
_APPROVED_WITHIN = timedelta(days=14)


class ErasureFinal(Conflict):
    """This erasure has begun or has ended, or does not wait for this: its `status` says. What has begun runs to its
    end, so that nothing half-done is left; what failed can be retried within 24 hours."""

    slug = "erasure-final"
    title = "The erasure has begun or has ended"


@dataclass(frozen=True, slots=True)
class EndErasure:
    browse: Browse
    ledger: Ledger
    clock: Clock

    async def __call__(self, by: By, data_center: str, entry_id: str) -> Entry:
        """Raises NotFound, ErasureFinal."""
        entry = await self.browse.one(data_center, entry_id, "erasure")
        if not await self._cancel(by, entry):
            raise ErasureFinal
        return await self.browse.one(data_center, entry_id, "erasure")

    async def lapse(self) -> None:
        """A chore of the tick: cancels what nobody approved in time."""
        now = self.clock()
        async with self.ledger.reading() as connection:
            waiting = await requested_before(connection, now - _APPROVED_WITHIN, now)
        for entry in waiting:
            await self._cancel(SERVICE, entry)

    async def _cancel(self, by: By, entry: Entry) -> bool:
        """What was put back into the queue by a worker has begun: a part of it may be gone."""
        async with self.ledger.writing() as connection:
            await lock_job(connection, entry.id)
            now_stored = await get_entry(connection, entry.data_center, entry.id, self.clock())
            if now_stored is None or now_stored.started_at is not None:
                return False
            if not await move(connection, entry.id, ("requested", "queued"), "cancelled"):
                return False
            await delete_unwanted(connection, entry.id)
            await self.ledger.append(connection, event_of(entry, "erasures:cancel", by))
        return True
