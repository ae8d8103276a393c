"""Ends an export before its time: cancels one that is not finished, revokes one that is ready."""

from dataclasses import dataclass

from app.audit.event import By
from app.audit.ledger import Ledger
from app.exports.removal import remove_archive
from app.history.browse import Browse
from app.history.entry import Entry, move
from app.history.event import event_of
from app.jobs.job import delete_unwanted, lock_job
from app.kit.errors import Conflict
from app.kit.logs import log
from app.storage.port import ArchiveStore, StoreUnavailable


class ExportFinal(Conflict):
    """This export has ended: it failed, expired, was cancelled or revoked. Only a new search and a new request
    lead to another archive."""

    slug = "export-final"
    title = "The export has ended"


@dataclass(frozen=True, slots=True)
class EndExport:
    browse: Browse
    ledger: Ledger
    store: ArchiveStore

    async def __call__(self, by: By, data_center: str, entry_id: str) -> Entry | None:
        """The cancelled export, or None where a ready one was revoked. Raises NotFound, ExportFinal."""
        entry = await self.browse.one(data_center, entry_id, "export")
        if await self._cancel(by, entry):
            return await self.browse.one(data_center, entry_id, "export")
        # What was compiling a moment ago may be ready by now.
        entry = await self.browse.one(data_center, entry_id, "export")
        if entry.status != "ready" or not await self._revoke(by, entry):
            raise ExportFinal
        try:
            await remove_archive(self.ledger, self.store, entry)
        except StoreUnavailable as error:
            log.warning("export %s is revoked; its archive is removed later: %s", entry.id, error.detail)
        return None

    async def _cancel(self, by: By, entry: Entry) -> bool:
        async with self.ledger.writing() as connection:
            await lock_job(connection, entry.id)
            if not await move(connection, entry.id, ("queued", "compiling"), "cancelled"):
                return False
            await delete_unwanted(connection, entry.id)
            await self.ledger.append(connection, event_of(entry, "exports:cancel", by))
        return True

    async def _revoke(self, by: By, entry: Entry) -> bool:
        async with self.ledger.writing() as connection:
            if not await move(connection, entry.id, ("ready",), "revoked"):
                return False
            await self.ledger.append(connection, event_of(entry, "exports:revoke", by))
        return True
