"""Exports as work for a worker: each attempt compiles one archive, and the history is told how that went."""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.port import Access, PermissionLost
from app.archive.package import Packed
from app.audit.event import SERVICE
from app.audit.ledger import Ledger
from app.exports.compile import Compile, Counter
from app.history.entry import Entry, get_entry, move, set_archive_key
from app.history.event import event_of
from app.history.failed import write_failure
from app.jobs.job import Job, Lane, Progress
from app.kit.clock import Clock
from app.kit.errors import Failure, NotFound
from app.sources.candidate import Candidates
from app.sources.port import DataSource, SourceMisconfigured
from app.sources.registry import DataCenter, Registry
from app.storage.port import ArchiveStore


@dataclass(frozen=True, slots=True)
class ExportWork:
    """Implements Work."""

    ledger: Ledger
    registry: Registry
    access: Access
    candidates: Candidates
    store: ArchiveStore
    compile: Compile
    clock: Clock

    async def begin(self, connection: AsyncConnection, job: Job, now: datetime) -> "ExportAttempt | None":
        await move(connection, job.entry_id, ("queued",), "compiling", started_at=now)
        entry = await get_entry(connection, job.data_center, job.entry_id, now)
        if entry is None:
            return None
        await self.ledger.append(connection, event_of(entry, "exports:start", SERVICE))
        return ExportAttempt(self, job, entry)

    async def write_waiting(self, connection: AsyncConnection, entry_id: UUID) -> None:
        await move(connection, entry_id, ("compiling",), "queued")

    async def write_failed(
        self, connection: AsyncConnection, data_center: str, entry_id: UUID, failure: Failure
    ) -> None:
        found = (data_center, entry_id, self.clock())
        await write_failure(self.ledger, connection, found, failure, "compiling", "exports:fail")


class ExportAttempt:
    """Implements Attempt. Its archive has a key of its own, so that what two attempts write is never mixed up."""

    kind = "export"

    def __init__(self, work: ExportWork, job: Job, entry: Entry) -> None:
        self.name = f"export {entry.id}"
        self.lane: Lane = (entry.data_center, entry.source_id)
        self.key = f"{entry.data_center}/{secrets.token_hex(16)}.zip"
        self._work, self._job, self._entry = work, job, entry
        self._counter = Counter()
        self._packed: Packed | None = None

    def progress(self) -> Progress:
        return self._counter.progress()

    async def run(self) -> None:
        await self._check_permission()
        choice, language = self._work.candidates.open_choice(self._job.sealed)
        center, source = self._source()
        center = center.spoken(language or center.language)
        await self.write_key()
        self._packed = await self._work.compile(self._entry, center, source, choice, self.key, self._counter)

    async def write_key(self) -> None:
        """The key stands in the entry before the upload begins; what the last attempt left is removed first."""
        left, entry = self._entry.archive_key, self._entry
        if left:
            await self._work.store.delete(left)
        async with self._work.ledger.writing() as connection:
            await set_archive_key(connection, entry.id, left, self.key)

    async def write_done(self, connection: AsyncConnection) -> None:
        if self._packed is None:
            raise ValueError("nothing was compiled")
        packed = self._packed
        # The key once more: a worker that was thought dead may have put its own there meanwhile.
        await move(connection, self._entry.id, ("compiling",), "ready", archive_key=self.key, **asdict(packed))
        ready = event_of(self._entry, "exports:ready", SERVICE, details={"size": packed.size, "sha256": packed.sha256})
        await self._work.ledger.append(connection, ready)

    async def is_done(self, connection: AsyncConnection) -> bool:
        now_stored = await get_entry(connection, self._entry.data_center, self._entry.id, self._work.clock())
        return now_stored is not None and (now_stored.status, now_stored.archive_key) == ("ready", self.key)

    async def discard(self) -> None:
        await self._work.store.delete(self.key)
        async with self._work.ledger.writing() as connection:
            await set_archive_key(connection, self._entry.id, self.key, None)

    async def _check_permission(self) -> None:
        administrator = await self._work.access.known(self._entry.requested_by)
        if administrator is None or not administrator.may(self._entry.data_center, "exports:create"):
            raise PermissionLost

    def _source(self) -> tuple[DataCenter, DataSource]:
        try:
            return self._work.registry.find(*self.lane)
        except NotFound as error:
            raise SourceMisconfigured("The mapping of this data source is not there any more.") from error
