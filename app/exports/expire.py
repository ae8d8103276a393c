"""Deletes archives that have outlived their time, and what attempts left behind that failed or were cancelled."""

import random
from dataclasses import dataclass

from app.audit.event import SERVICE
from app.audit.ledger import Ledger
from app.history.entry import Entry, outlived, set_archive_key
from app.history.event import event_of
from app.kit.clock import Clock
from app.kit.logs import log
from app.storage.port import ArchiveStore, StoreUnavailable, delete_soon

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ExpireArchives:
    """A chore of the tick: harmless when repeated, and in several processes at once."""

    ledger: Ledger
    store: ArchiveStore
    clock: Clock

    async def __call__(self) -> None:
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
