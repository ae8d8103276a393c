"""Hands the archive over while it is ready: whole or in part, each use recorded."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from app.audit.event import By, Details, Outcome
from app.audit.ledger import Ledger
from app.exports.ranges import Span
from app.exports.sending import Sending, Sendings
from app.history.browse import Browse
from app.history.entry import Entry, count_download
from app.history.event import event_of
from app.kit.clock import Clock
from app.kit.errors import Conflict, Failure, Gone
from app.storage.port import ArchiveStore, StoreUnavailable

LINK_LIFETIME = timedelta(minutes=5)


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


@dataclass(frozen=True, slots=True)
class Download:
    browse: Browse
    ledger: Ledger
    store: ArchiveStore
    sendings: Sendings
    clock: Clock

    async def ready(self, by: By, data_center: str, entry_id: str) -> Entry:
        """The entry, if its archive may be had at this moment. Raises NotFound and what this module names."""
        entry = await self.browse.one(data_center, entry_id)
        if refused := _refusal(entry):
            await self.refuse(by, entry, refused)
        return entry

    async def refuse(self, by: By, entry: Entry, failure: Failure) -> NoReturn:
        """Records the refusal, then raises it."""
        await self._record(by, entry, "refused", {"problem": failure.slug})
        raise failure

    async def elsewhere(self, by: By, entry: Entry) -> str | None:
        """Where the store itself hands the archive over for some minutes, if it does that. Counted as a download: what
        the store sends is not seen here."""
        now = self.clock()
        seconds = int(min(LINK_LIFETIME, (entry.expires_at or now) - now).total_seconds())
        url = await self.store.link(entry.archive_key or "", filename(entry), max(1, seconds))
        if url is not None:
            async with self.ledger.writing() as connection:
                await count_download(connection, entry.id, now)
                event = event_of(entry, "exports:download", by, details={"redirected_seconds": seconds})
                await self.ledger.append(connection, event)
        return url

    async def begin(self, by: By, entry: Entry, span: Span) -> Sending:
        """Opens the archive, then records the download: a store or a trail that is away is told before any byte."""
        async with AsyncExitStack() as undo:
            source = self.store.read(entry.archive_key or "", span.start, span.end)
            undo.push_async_callback(source.aclose)
            try:
                first = await anext(source, b"")
            except StoreUnavailable as error:
                await self._record(by, entry, "failed", {"problem": error.slug})
                raise
            await self._record(by, entry, "done", {"from": span.start, "to": span.end})
            undo.pop_all()
        return self.sendings.begin(by, entry, span, first, source)

    async def _record(self, by: By, entry: Entry, outcome: Outcome, details: Details) -> None:
        await self.ledger.record(event_of(entry, "exports:download", by, outcome, details))


def filename(entry: Entry) -> str:
    """Neutral: it says nothing about the person."""
    return f"export-{entry.id}.zip"


def _refusal(entry: Entry) -> Failure | None:
    if entry.status == "ready":
        return None
    return {"expired": ExportExpired, "revoked": ExportRevoked}.get(entry.status, ExportNotReady)()
