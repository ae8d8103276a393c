"""Removes archives that have outlived their time, and what attempts left behind that failed or were cancelled."""

import random
from dataclasses import dataclass

from app.audit.ledger import Ledger
from app.exports.removal import remove_archive
from app.history.entry import outlived
from app.kit.clock import Clock
from app.kit.logs import log
from app.storage.port import ArchiveStore, StoreUnavailable

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
                await remove_archive(self.ledger, self.store, entry)
            except StoreUnavailable as error:
                # A store that is away must not keep the clockwork from its other tasks.
                log.warning("export %s: its archive is removed later: %s", entry.id, error.detail)
                return
