"""Asks everything that the service depends on whether it answers."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from app.jobs.port import Bell
from app.kit.db import Database
from app.kit.threads import Threads
from app.sources.registry import Registry
from app.storage.port import ArchiveStore

_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Probe:
    database: Database
    bell: Bell
    store: ArchiveStore
    registry: Registry
    threads: Threads

    async def __call__(self) -> dict[str, str]:
        """A state by the name of each part. Who asks waits for an answer, so whatever is slow counts as degraded."""
        sources = [source.reach() for _, source in self.registry.every_source()]
        asked: list[Awaitable[object]] = [self.database.state(), self.bell.check(), self.store.check(), *sources]
        quick = (asyncio.wait_for(one, _SECONDS) for one in asked)
        database, queue, storage, *reached = await asyncio.gather(*quick, return_exceptions=True)
        return {
            "database": database if isinstance(database, str) else "unreachable",
            "queue": "degraded" if queue else "ok",
            "storage": "degraded" if storage else "ok",
            "sources": "degraded" if any(reached) else "ok",
            "threads": f"{self.threads.abandoned} abandoned" if self.threads.abandoned else "ok",
        }
