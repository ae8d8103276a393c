"""The tick: takes back dead leases, deletes what has outlived its time, and rings again. Harmless when repeated."""

import asyncio
import random
from dataclasses import dataclass

from app.audit.event import SERVICE, AuditEvent
from app.audit.ledger import Ledger
from app.history.entry import Entry, move, outlived, set_archive_key
from app.history.event import event_of
from app.history.job import KEPT_AFTER_FAILURE, LostLease, any_due, dead_leases, forget, set_aside, void_leases
from app.kit.clock import Clock
from app.kit.errors import Conflict
from app.kit.logs import log, whereabouts
from app.queue.port import Bell
from app.storage.port import ArchiveStore, StoreUnavailable, delete_soon

MOST_LOST_LEASES = 20
_SECONDS = 10.0
_AT_ONCE = 100


class AttemptsExhausted(Conflict):
    """Twenty times a worker took this export up and then vanished without a word: killed, out of memory, or cut
    off. Look at the workers, then retry it."""

    slug = "attempts-exhausted"
    title = "Too many workers were lost over it"


@dataclass(frozen=True, slots=True)
class Tick:
    ledger: Ledger
    store: ArchiveStore
    bell: Bell
    clock: Clock

    async def forever(self) -> None:
        while True:
            try:
                await self()
            except Exception as error:  # noqa: BLE001  one bad moment must not stop the clockwork
                log.error("the tick stumbled: %s", whereabouts(error))
            await asyncio.sleep(_SECONDS)

    async def __call__(self) -> None:
        await self._take_back()
        await self._delete_outlived()
        async with self.ledger.writing() as connection:
            await forget(connection, self.clock())
            due = await any_due(connection, self.clock())
        if due:
            await self.bell.ring()

    async def void_leases(self) -> None:
        """When the only process starts, nobody can be working on anything."""
        async with self.ledger.writing() as connection:
            await void_leases(connection, self.clock())

    async def _take_back(self) -> None:
        async with self.ledger.writing() as connection:
            for lost in await dead_leases(connection, self.clock()):
                if lost.lost_leases < MOST_LOST_LEASES:
                    await move(connection, lost.entry_id, ("compiling",), "queued")
                    continue
                await set_aside(connection, lost.entry_id, None, self.clock() + KEPT_AFTER_FAILURE)
                await move(connection, lost.entry_id, ("compiling",), "failed", problem=AttemptsExhausted.slug)
                await self.ledger.append(connection, _exhausted(lost))

    async def _delete_outlived(self) -> None:
        async with self.ledger.reading() as connection:
            entries = await outlived(connection, self.clock(), _AT_ONCE)
        # In any order, so that one archive that cannot be removed does not always stand before the others.
        for entry in random.sample(entries, len(entries)):
            try:
                await self._delete(entry)
            except StoreUnavailable as error:
                # A store that is away must not keep the clockwork from its other tasks.
                log.warning("export %s: its archive is removed later: %s", entry.id, error.detail)
                return

    async def _delete(self, entry: Entry) -> None:
        await delete_soon(self.store, entry.archive_key or "")
        async with self.ledger.writing() as connection:
            gone = await set_archive_key(connection, entry.id, entry.archive_key, None)
            if gone and entry.status == "expired":
                await self.ledger.append(connection, event_of(entry, "exports:expire", SERVICE))


def _exhausted(lost: LostLease) -> AuditEvent:
    details = {"problem": AttemptsExhausted.slug}
    return AuditEvent("exports:fail", SERVICE, lost.data_center, "failed", None, lost.entry_id, details)
