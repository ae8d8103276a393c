"""Whether an archive may be had at this moment; who is refused is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from app.audit.event import By
from app.audit.ledger import Ledger
from app.history.browse import Browse
from app.history.entry import Archive, Entry, Status
from app.history.event import event_of
from app.kit.errors import Conflict, Failure, Gone


class ExportNotReady(Conflict):
    """There is no archive: the export is queued or compiling, or it failed or was cancelled. Its `status` says."""

    slug = "export-not-ready"
    title = "There is no archive yet"


class ExportExpired(Gone):
    """The archive was there for 14 days after it was compiled, and is deleted. Search and request again."""

    slug = "export-expired"
    title = "The archive has expired"


class ExportRevoked(Gone):
    """An administrator revoked this archive, and it is deleted. Search and request again if it is still wanted."""

    slug = "export-revoked"
    title = "The archive was revoked"


_REFUSALS: Mapping[Status, type[Failure]] = {"expired": ExportExpired, "revoked": ExportRevoked}


@dataclass(frozen=True, slots=True)
class Ready:
    """An entry whose archive may be had, and the key under which that lies in the store."""

    entry: Entry
    archive: Archive
    key: str


@dataclass(frozen=True, slots=True)
class RequireReady:
    browse: Browse
    ledger: Ledger

    async def __call__(self, by: By, data_center: str, entry_id: str) -> Ready:
        """Raises NotFound, or records the refusal and raises what this module names."""
        entry = await self.browse.one(data_center, entry_id, "export")
        if entry.status != "ready" or entry.archive is None or entry.archive_key is None:
            await self.refuse(by, entry, _REFUSALS.get(entry.status, ExportNotReady)())
        return Ready(entry, entry.archive, entry.archive_key)

    async def refuse(self, by: By, entry: Entry, failure: Failure) -> NoReturn:
        """Records the refusal, then raises it."""
        await self.ledger.record(event_of(entry, "exports:download", by, "refused", {"problem": failure.slug}))
        raise failure
