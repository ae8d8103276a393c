"""Removes an archive from the store: first the object, then the history's knowledge of where it lay."""

from app.audit.event import SERVICE
from app.audit.ledger import Ledger
from app.history.entry import Entry, set_archive_key
from app.history.event import event_of
from app.storage.port import ArchiveStore, delete_soon


async def remove_archive(ledger: Ledger, store: ArchiveStore, entry: Entry) -> None:
    """Fine where there is none. Raises StoreUnavailable within seconds; the entry still says where it lies, then."""
    if entry.archive_key is None:
        return
    await delete_soon(store, entry.archive_key)
    async with ledger.writing() as connection:
        removed_here = await set_archive_key(connection, entry.id, entry.archive_key, None)
        if removed_here and entry.status == "expired":
            await ledger.append(connection, event_of(entry, "exports:expire", SERVICE))
