"""One attempt at one export: claimed under a lease, watched by a heartbeat, ended by name."""

import asyncio
import random
import secrets
from collections import Counter as Counted
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from app.access.port import Access
from app.archive.package import Packed
from app.audit.event import SERVICE
from app.audit.ledger import Ledger
from app.exports.compile import Compile, Counter
from app.history.entry import Entry, get_entry, move, set_archive_key
from app.history.event import event_of
from app.history.job import KEPT_AFTER_FAILURE, LEASE, Job, beat, claim, finish, put_back, set_aside
from app.kit.clock import Clock
from app.kit.db import DatabaseUnavailable
from app.kit.errors import Conflict, Failure, NotFound, Unavailable
from app.kit.logs import log, whereabouts
from app.sources.candidate import Candidates
from app.sources.port import SourceMisconfigured
from app.sources.registry import Registry
from app.storage.port import ArchiveStore, StoreUnavailable

MOST_ATTEMPTS = 6
_BEAT_SECONDS = 1.0
_MOST_JITTER = 0.25
# Whoever stops or gives a job up does not stay longer for what others can do.
_TIDY_SECONDS = 0.5


class PermissionLost(Conflict):
    """Between the request and its turn, the administrator lost the right to export: the key was revoked, expired,
    or no longer holds the data center."""

    slug = "permission-lost"
    title = "The administrator may not export any more"


@dataclass(frozen=True, slots=True)
class Attempt:
    ledger: Ledger
    registry: Registry
    access: Access
    candidates: Candidates
    store: ArchiveStore
    compile: Compile
    clock: Clock
    # Exports that this process reads now, by data center and source; one claim at a time, so that it stays true.
    running: Counted[tuple[str, str]] = field(default_factory=Counted)
    claiming: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self) -> bool:
        """Runs the next due job, if there is one, and says whether there was."""
        async with self.claiming:
            claimed = await self._claim()
            if claimed is None:
                return False
            self.running[_where(claimed[1])] += 1
        try:
            await self._run(*claimed)
        finally:
            self.running[_where(claimed[1])] -= 1
        return True

    async def _run(self, job: Job, entry: Entry) -> None:
        key = f"{entry.data_center}/{secrets.token_hex(16)}.zip"
        try:
            packed = await self._watched(job, entry, key)
        except asyncio.CancelledError:
            await self._hand_back(job)
            raise
        except Unavailable as error:
            await self._again_or_fail(job, entry, error)
        except Failure as error:
            await self._fail(job, entry, error)
        except Exception as error:  # noqa: BLE001  the worker's last line
            log.error("export %s: %s", entry.id, whereabouts(error))
            await self._fail(job, entry, Failure())
        else:
            await self._end(job, entry, key, packed)

    async def _claim(self) -> tuple[Job, Entry] | None:
        now, busy = self.clock(), [where for where in self.running if self._is_busy(where)]
        async with self.ledger.writing() as connection:
            job = await claim(connection, uuid4(), now, busy)
            if job is None:
                return None
            await move(connection, job.entry_id, ("queued",), "compiling", started_at=now)
            entry = await get_entry(connection, job.data_center, job.entry_id, now)
            if entry is None:
                return None
            await self.ledger.append(connection, event_of(entry, "exports:start", SERVICE))
        return job, entry

    def _is_busy(self, where: tuple[str, str]) -> bool:
        """Whether another export of this source would hold a worker and only wait for a connection."""
        try:
            _, source = self.registry.find(*where)
        except NotFound:
            return False
        return self.running[where] >= source.facts.exports_at_once

    async def _watched(self, job: Job, entry: Entry, key: str) -> Packed | None:
        """The archive, or None if the job was taken away meanwhile: cancelled, or its lease lost."""
        counter = Counter()
        working = asyncio.create_task(self._compiled(job, entry, key, counter))
        beating = asyncio.create_task(self._beat(job, counter))
        try:
            await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            taken_away = beating.done()
            beating.cancel()
            working.cancel()
            lost, packed = await asyncio.gather(beating, working, return_exceptions=True)
        if not taken_away:
            return working.result()
        log.info("export %s is not this worker's any more%s", entry.id, f": {whereabouts(lost)}" if lost else "")
        return packed if isinstance(packed, Packed) else None

    async def _beat(self, job: Job, counter: Counter) -> None:
        """Ends when the job is not this attempt's any more. The lease itself moves on every beat; while our own
        database is away, the work goes on for as long as the lease holds."""
        wanted, held_until = True, self.clock() + LEASE
        while wanted:
            await asyncio.sleep(_BEAT_SECONDS)
            until = self.clock() + LEASE
            try:
                async with self.ledger.writing() as connection:
                    wanted = await beat(connection, job, counter.progress(), until)
                held_until = until
            except DatabaseUnavailable:
                wanted = self.clock() < held_until

    async def _compiled(self, job: Job, entry: Entry, key: str, counter: Counter) -> Packed:
        administrator = await self.access.known(entry.requested_by)
        if administrator is None or not administrator.may(entry.data_center, "exports:create"):
            raise PermissionLost
        choice = self.candidates.open_choice(job.sealed_choice)
        try:
            center, source = self.registry.find(entry.data_center, entry.source_id)
        except NotFound as error:
            raise SourceMisconfigured("The mapping of this data source is not there any more.") from error
        await self._remember(entry, key)
        return await self.compile(entry, center, source, choice, key, counter)

    async def _remember(self, entry: Entry, key: str) -> None:
        """The key stands in the entry before the upload begins; what the last attempt left is removed first."""
        if entry.archive_key:
            await self.store.delete(entry.archive_key)
        async with self.ledger.writing() as connection:
            await set_archive_key(connection, entry.id, entry.archive_key, key)

    async def _end(self, job: Job, entry: Entry, key: str, packed: Packed | None) -> None:
        """Makes it ready; whoever lost the job in the meantime removes what it wrote."""
        if packed is None or not await self._surely_ready(job, entry, key, packed):
            await self._remove(entry, key)

    async def _remove(self, entry: Entry, key: str) -> None:
        """Where the store or the database does not answer now, the tick or the next attempt removes it."""
        with suppress(TimeoutError, StoreUnavailable, DatabaseUnavailable):
            async with asyncio.timeout(_TIDY_SECONDS):
                await self.store.delete(key)
                async with self.ledger.writing() as connection:
                    await set_archive_key(connection, entry.id, key, None)

    async def _surely_ready(self, job: Job, entry: Entry, key: str, packed: Packed) -> bool:
        """Finished work is worth waiting for our own database, which may have done it and not have said so."""
        give_up = self.clock() + LEASE
        while True:
            try:
                return await self._made_ready(job, entry, key, packed)
            except DatabaseUnavailable:
                if self.clock() > give_up:
                    raise
                await asyncio.sleep(_BEAT_SECONDS)

    async def _made_ready(self, job: Job, entry: Entry, key: str, packed: Packed) -> bool:
        async with self.ledger.writing() as connection:
            if not await finish(connection, job):
                now_stored = await get_entry(connection, job.data_center, job.entry_id, self.clock())
                return now_stored is not None and (now_stored.status, now_stored.archive_key) == ("ready", key)
            # The key once more: a worker that was thought dead may have put its own there meanwhile.
            await move(
                connection, job.entry_id, ("compiling",), "ready", archive_key=key,
                compiled_at=packed.compiled_at, expires_at=packed.expires_at, size=packed.size, sha256=packed.sha256,
            )  # fmt: skip
            ready = event_of(entry, "exports:ready", SERVICE, details={"size": packed.size, "sha256": packed.sha256})
            await self.ledger.append(connection, ready)
        return True

    async def _again_or_fail(self, job: Job, entry: Entry, error: Unavailable) -> None:
        attempts = job.attempts + 1
        if attempts >= MOST_ATTEMPTS:
            await self._fail(job, entry, error)
            return
        log.warning("export %s, attempt %d: %s: %s", entry.id, attempts, error.slug, error.detail)
        # Jitter spreads what failed together, and only ever lengthens.
        wait = timedelta(seconds=2 ** (attempts - 1) * (1 + random.uniform(0, _MOST_JITTER)))  # noqa: S311
        async with self.ledger.writing() as connection:
            if await put_back(connection, job, self.clock() + wait, attempts):
                await move(connection, job.entry_id, ("compiling",), "queued")

    async def _fail(self, job: Job, entry: Entry, error: Failure) -> None:
        log.error("export %s failed: %s: %s", entry.id, error.slug, error.detail)
        async with self.ledger.writing() as connection:
            if await set_aside(connection, job.entry_id, job.lease, self.clock() + KEPT_AFTER_FAILURE):
                await move(connection, job.entry_id, ("compiling",), "failed", problem=error.slug)
                details = {"problem": error.slug, "detail": error.detail}
                await self.ledger.append(connection, event_of(entry, "exports:fail", SERVICE, "failed", details))

    async def _hand_back(self, job: Job) -> None:
        """A worker that stops gives its job back at once, for the next one to take up. It does not stay for a database
        that does not answer: the lease runs out by itself."""
        with suppress(TimeoutError, DatabaseUnavailable):
            async with asyncio.timeout(_TIDY_SECONDS), self.ledger.writing() as connection:
                if await put_back(connection, job, self.clock(), job.attempts):
                    await move(connection, job.entry_id, ("compiling",), "queued")


def _where(entry: Entry) -> tuple[str, str]:
    return entry.data_center, entry.source_id
