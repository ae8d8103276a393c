"""What Prometheus is told: the process's own instruments, and what the own database says at this moment."""

from dataclasses import dataclass

from app.history.watch import Watch
from app.jobs.overdue import Backlog, count_jobs
from app.kit.clock import Clock
from app.kit.db import Database, DatabaseUnavailable
from app.kit.metrics import Metrics
from app.kit.threads import Threads


@dataclass(frozen=True, slots=True)
class Scrape:
    metrics: Metrics
    database: Database
    threads: Threads
    watch: Watch
    clock: Clock

    async def __call__(self) -> bytes:
        """In Prometheus' text format. A database that is away is a measurement too."""
        backlog = await self._backlog()
        self.metrics.show("up", "Whether this part answers", {"database": float(backlog is not None)}, "part")
        jobs = {"waiting": backlog.waiting, "running": backlog.running} if backlog else {}
        oldest = {"waiting": backlog.oldest_seconds} if backlog else {}
        self.metrics.show("jobs", "Jobs of all processes, by state", jobs, "state")
        self.metrics.show("jobs_oldest_seconds", "For how long the oldest of them has been due", oldest, "state")
        held = {"waiting clients": self.watch.waiting, "abandoned threads": self.threads.abandoned}
        self.metrics.show("held", "What this process holds", held, "what")
        return self.metrics.text()

    async def _backlog(self) -> Backlog | None:
        try:
            async with self.database.reading() as connection:
                return await count_jobs(connection, self.clock())
        except DatabaseUnavailable:
            return None
