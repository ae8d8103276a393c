"""Runs one job: takes it up, keeps its lease while the work runs, and writes how that ended."""

import asyncio
import random
from collections import Counter
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from uuid import uuid4

from app.jobs.job import LEASE, Job, Lane, claim, delete_done, put_back, set_aside
from app.jobs.lease import BEAT_SECONDS, Lease
from app.jobs.work import Agenda, Attempt
from app.kit.clock import Clock
from app.kit.db import Database, DatabaseUnavailable
from app.kit.errors import Failure, Unavailable
from app.kit.logs import about, log, whereabouts
from app.kit.metrics import Metrics
from app.kit.traces import Traces

MOST_ATTEMPTS = 6
KEPT_AFTER_FAILURE = timedelta(hours=24)
_MOST_JITTER = 0.25
# Whoever stops or gives a job up does not stay longer for what others can do.
_TIDY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class RunJob:
    """What a worker does again and again."""

    database: Database
    work: Agenda
    clock: Clock
    metrics: Metrics
    traces: Traces
    # How many of each data source this process runs. One claim at a time reads it and adds to it, or two at once
    # would both find room where there is room for one.
    running: Counter[Lane] = field(default_factory=Counter)
    claiming: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self) -> bool:
        """Runs the next due job, if there is one, and says whether there was."""
        async with self.claiming:
            taken = await self.take_up()
            if taken is None:
                return False
            job, attempt = taken
            self.running[attempt.lane] += 1
        try:
            await self.run(job, attempt)
        finally:
            self.running[attempt.lane] -= 1
        return True

    async def take_up(self) -> tuple[Job, Attempt] | None:
        now, busy = self.clock(), [lane for lane, count in self.running.items() if self.work.is_full(lane, count)]
        async with self.database.writing() as connection:
            job = await claim(connection, uuid4(), now, self.work.order, busy)
            attempt = await self.work.begin(connection, job, now) if job else None
        return (job, attempt) if job and attempt else None

    async def run(self, job: Job, attempt: Attempt) -> None:
        begun, outcome = monotonic(), "handed back"
        with about(str(job.entry_id)), self._span(job, attempt):
            try:
                outcome = await self._run(job, attempt)
            finally:
                self.metrics.attempted(attempt.kind, attempt.lane, outcome, monotonic() - begun)
                self.traces.note(outcome=outcome)

    def _span(self, job: Job, attempt: Attempt) -> AbstractContextManager[None]:
        data_center, data_source = attempt.lane
        return self.traces.attempt(
            attempt.kind, job.entry_id,
            data_center=data_center, data_source=data_source, attempt=job.attempts + 1,
        )  # fmt: skip

    async def _run(self, job: Job, attempt: Attempt) -> str:
        """How it ended, in a word or two."""
        try:
            done = await Lease(self.database, self.clock, job).keep_while(attempt)
        except asyncio.CancelledError:
            await self._hand_back(job)
            raise
        except Unavailable as error:
            return await self._try_later(job, attempt, error)
        except Failure as error:
            return await self._fail(job, attempt, error)
        except Exception as error:  # noqa: BLE001  the worker's last line
            log.error("%s: %s", attempt.name, whereabouts(error))
            return await self._fail(job, attempt, Failure())
        if done and await self._write_done_surely(job, attempt):
            return "done"
        await _discard(attempt)
        return "taken away"

    async def _write_done_surely(self, job: Job, attempt: Attempt) -> bool:
        """Finished work is worth waiting for our own database, which may have done it and not have said so."""
        give_up = self.clock() + LEASE
        while True:
            try:
                return await self._write_done(job, attempt)
            except DatabaseUnavailable:
                if self.clock() > give_up:
                    raise
                await asyncio.sleep(BEAT_SECONDS)

    async def _write_done(self, job: Job, attempt: Attempt) -> bool:
        async with self.database.writing() as connection:
            if not await delete_done(connection, job):
                return await attempt.is_done(connection)
            await attempt.write_done(connection)
        return True

    async def _try_later(self, job: Job, attempt: Attempt, error: Unavailable) -> str:
        attempts = job.attempts + 1
        if attempts >= MOST_ATTEMPTS:
            return await self._fail(job, attempt, error)
        log.warning("%s, attempt %d: %s: %s", attempt.name, attempts, error.slug, error.detail)
        self.traces.fail(error.slug)
        # Jitter spreads what failed together, and only ever lengthens.
        wait = timedelta(seconds=2 ** (attempts - 1) * (1 + random.uniform(0, _MOST_JITTER)))  # noqa: S311
        async with self.database.writing() as connection:
            if await put_back(connection, job, self.clock() + wait, attempts):
                await self.work.write_waiting(connection, job.entry_id)
        return "put off"

    async def _fail(self, job: Job, attempt: Attempt, error: Failure) -> str:
        log.error("%s failed: %s: %s", attempt.name, error.slug, error.detail)
        self.traces.fail(error.slug)
        async with self.database.writing() as connection:
            if await set_aside(connection, job.entry_id, job.lease, self.clock() + KEPT_AFTER_FAILURE):
                await self.work.write_failed(connection, job.data_center, job.entry_id, error)
        return "failed"

    async def _hand_back(self, job: Job) -> None:
        """A worker that stops gives its job back at once, for the next one to take up. It does not stay for a database
        that does not answer: the lease runs out by itself."""
        with suppress(TimeoutError, DatabaseUnavailable):
            async with asyncio.timeout(_TIDY_SECONDS), self.database.writing() as connection:
                if await put_back(connection, job, self.clock(), job.attempts):
                    await self.work.write_waiting(connection, job.entry_id)


async def _discard(attempt: Attempt) -> None:
    """Where what it needs does not answer now, the tick or the next attempt comes for it."""
    with suppress(TimeoutError, Unavailable):
        async with asyncio.timeout(_TIDY_SECONDS):
            await attempt.discard()
