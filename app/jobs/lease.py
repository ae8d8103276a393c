"""The lease of one job while its work runs: a heartbeat extends it, and notices when the job is taken away."""

import asyncio
from dataclasses import dataclass

from app.jobs.job import LEASE, Job, write_heartbeat
from app.jobs.work import Attempt
from app.kit.clock import Clock
from app.kit.db import Database, DatabaseUnavailable
from app.kit.logs import log, whereabouts

BEAT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Lease:
    database: Database
    clock: Clock
    job: Job

    async def keep_while(self, attempt: Attempt) -> bool:
        """Runs the attempt's work. Whether that came to its end; False where the job was taken away before, because
        it was cancelled or its lease ran out. Raises what the work raises."""
        working = asyncio.create_task(attempt.run(), name=f"{attempt.name}: work")
        beating = asyncio.create_task(self._beat(attempt), name=f"{attempt.name}: heartbeat")
        try:
            await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Whoever ends first ends the other, and so does a worker that stops while both run. Both are waited for:
            # the work tidies up when it is cancelled, and must not do so beside the next attempt.
            taken_away = beating.done()
            beating.cancel()
            working.cancel()
            lost, _ = await asyncio.gather(beating, working, return_exceptions=True)
        if not taken_away:
            working.result()
            return True
        log.info("%s is not this worker's any more%s", attempt.name, f": {whereabouts(lost)}" if lost else "")
        return not working.cancelled() and working.exception() is None

    async def _beat(self, attempt: Attempt) -> None:
        """Returns when the job is not this worker's any more. The lease moves on with every beat; while our own
        database is away the work goes on for as long as the lease holds, since nobody else can take the job either."""
        wanted, held_until = True, self.clock() + LEASE
        while wanted:
            await asyncio.sleep(BEAT_SECONDS)
            until = self.clock() + LEASE
            try:
                async with self.database.writing() as connection:
                    wanted = await write_heartbeat(connection, self.job, attempt.progress(), until)
                held_until = until
            except DatabaseUnavailable:
                wanted = self.clock() < held_until
