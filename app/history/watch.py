"""Tells whoever waits that an entry has changed: one task of the process asks the database for all of them at once."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from app.history.entry import Entry, get_entries
from app.kit.clock import Clock
from app.kit.db import Database, DatabaseUnavailable
from app.kit.logs import log, whereabouts

_SECONDS = 0.2
_MOST_AT_ONCE = 500
_CLOSE_SECONDS = 0.5


class Watch:
    """A thousand that wait cost the database as many connections as one: none between two looks, one for a moment at
    each. The task that looks ends when nobody waits any more, and the next who waits starts it again."""

    def __init__(self, database: Database, clock: Clock, over: asyncio.Event) -> None:
        """`over` is set when the process is to end: then nobody waits any more."""
        self._database, self._clock, self._over = database, clock, over
        # Who waits, and the entry as they know it.
        self._waiting: dict[asyncio.Future[Entry], Entry] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def changed(self, known: Entry) -> Entry:
        """The entry, once it is another than the one that is known. Raises DatabaseUnavailable, and TimeoutError where
        the process is told to stop."""
        told: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._waiting[told] = known
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="looking for changes of exports")
        try:
            return await told
        finally:
            del self._waiting[told]

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait((self._looking,), timeout=_CLOSE_SECONDS)

    async def _look(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(_SECONDS)
                if self._over.is_set():
                    self._fail(TimeoutError())
                    return
                ids = list({known.id for known in self._waiting.values()})
                for number in range(0, len(ids), _MOST_AT_ONCE):
                    self._tell(await self._read(ids[number : number + _MOST_AT_ONCE]))
        except Exception as error:  # noqa: BLE001  of any kind: whoever waits must hear of it, and not wait on
            log.error("looking for changes of exports stumbled: %s", whereabouts(error))
            self._fail(error if isinstance(error, DatabaseUnavailable) else DatabaseUnavailable())
        finally:
            self._looking = None

    async def _read(self, ids: Sequence[UUID]) -> dict[UUID, Entry]:
        async with self._database.reading() as connection:
            return {entry.id: entry for entry in await get_entries(connection, ids, self._clock())}

    def _tell(self, entries: dict[UUID, Entry]) -> None:
        for told, known in self._waiting.items():
            entry = entries.get(known.id, known)
            if entry != known and not told.done():
                told.set_result(entry)

    def _fail(self, error: Exception) -> None:
        for told in self._waiting:
            if not told.done():
                told.set_exception(error)
