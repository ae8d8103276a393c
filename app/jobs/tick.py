"""The tick: takes back the leases of workers that vanished, does other rooms' chores, and rings again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.jobs.job import set_aside
from app.jobs.overdue import any_due, delete_kept, end_leases, take_back_leases
from app.jobs.port import Bell
from app.jobs.run import KEPT_AFTER_FAILURE
from app.jobs.work import Work
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.errors import Conflict, Unavailable
from app.kit.logs import log, whereabouts

MOST_LOST_LEASES = 20
_SECONDS = 10.0
# Something to be done now and then, by any process, and harmless when done twice.
Chore = Callable[[], Awaitable[None]]


class AttemptsExhausted(Conflict):
    """Twenty times a worker took this up and then vanished without a word: killed, out of memory, or cut off. Look
    at the workers, then retry it."""

    slug = "attempts-exhausted"
    title = "Too many workers were lost over it"


@dataclass(frozen=True, slots=True)
class Tick:
    """Harmless when repeated, and in any number of processes at once."""

    database: Database
    work: Work
    chores: Sequence[Chore]
    bell: Bell
    clock: Clock

    async def forever(self) -> None:
        while True:
            try:
                await self()
            except Exception as error:  # noqa: BLE001  one bad moment must not stop the clockwork
                log.error("the tick stumbled: %s", whereabouts(error))
            await asyncio.sleep(_SECONDS)

    async def __call__(self) -> None:
        await self._take_back()
        for chore in self.chores:
            try:
                await chore()
            except Unavailable as error:
                # What one of them needs may be away, or the schema not be there yet; the others go on.
                log.warning("the tick leaves something for later: %s: %s", error.slug, error.detail)
        async with self.database.writing() as connection:
            await delete_kept(connection, self.clock())
            due = await any_due(connection, self.clock())
        if due:
            await self.bell.ring()

    async def end_leases(self) -> None:
        """When the only process starts, nobody can be working on anything."""
        async with self.database.writing() as connection:
            await end_leases(connection, self.clock())

    async def _take_back(self) -> None:
        async with self.database.writing() as connection:
            for lost in await take_back_leases(connection, self.clock()):
                if lost.lost_leases < MOST_LOST_LEASES:
                    await self.work.write_waiting(connection, lost.entry_id)
                    continue
                await set_aside(connection, lost.entry_id, None, self.clock() + KEPT_AFTER_FAILURE)
                await self.work.write_failed(connection, lost.data_center, lost.entry_id, AttemptsExhausted())
