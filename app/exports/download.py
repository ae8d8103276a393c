"""Hands the archive over, whole or in part, each use recorded."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from app.access.limits import RateLimits
from app.audit.event import By
from app.audit.ledger import Ledger
from app.exports.ranges import Span
from app.exports.ready import Ready
from app.exports.sending import Sending, Sendings
from app.history.entry import count_download
from app.history.event import event_of
from app.kit.clock import Clock
from app.storage.port import ArchiveStore, StoreUnavailable

LINK_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Download:
    ledger: Ledger
    store: ArchiveStore
    sendings: Sendings
    limits: RateLimits
    clock: Clock

    async def redirect(self, by: By, ready: Ready) -> str | None:
        """Where the store itself hands the archive over for some minutes, if it does that. Counted as a download at
        once: what the store sends is not seen here. Raises QuotaExceeded."""
        now, entry = self.clock(), ready.entry
        seconds = int(min(LINK_LIFETIME, ready.archive.expires_at - now).total_seconds())
        url = await self.store.presigned(ready.key, filename(ready), max(1, seconds))
        if url is not None:
            await self.limits.take(by, entry.data_center, "downloads")
            async with self.ledger.writing() as connection:
                await count_download(connection, entry.id, now)
                event = event_of(entry, "exports:download", by, details={"redirected_seconds": seconds})
                await self.ledger.append(connection, event)
        return url

    async def begin(self, by: By, ready: Ready, span: Span) -> Sending:
        """Opens the archive, then records the download: a store or a trail that is away is told before any byte.
        What goes on with a broken download is counted apart from downloads. Raises QuotaExceeded."""
        await self.limits.take(by, ready.entry.data_center, "parts" if span.start else "downloads")
        async with AsyncExitStack() as undo:
            stored = self.store.read(ready.key, span.start, span.end)
            undo.push_async_callback(stored.aclose)
            try:
                first = await anext(stored, b"")
            except StoreUnavailable as error:
                failed = event_of(ready.entry, "exports:download", by, "failed", {"problem": error.slug})
                await self.ledger.record(failed)
                raise
            details = {"from": span.start, "to": span.end}
            await self.ledger.record(event_of(ready.entry, "exports:download", by, details=details))
            undo.pop_all()
        return self.sendings.begin(by, ready, span, first, stored)


def filename(ready: Ready) -> str:
    """Neutral: it says nothing about the person."""
    return f"export-{ready.entry.id}.zip"
