"""Which events are decided: no transaction that still runs can come to stand before or among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

# Whoever writes an event holds this lock on its table from before its id was drawn until its transaction has ended.
# All three are index look-ups or memory, and one exchange.
_POSTGRESQL = text(
    "SELECT coalesce((SELECT max(id) FROM audit_events), 0), coalesce((SELECT max(event_id) FROM audit_leaves), 0),"
    " ARRAY(SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock'"
    " AND relation = CAST('audit_events' AS regclass)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
)
_SQLITE = text(
    "SELECT coalesce((SELECT max(id) FROM audit_events), 0), coalesce((SELECT max(event_id) FROM audit_leaves), 0), ''"
)


@dataclass(slots=True)
class Horizon:
    """An id that is missing on PostgreSQL may be of a transaction that commits later, or was rolled back. All that had
    drawn an id below the newest that is seen hold the table's lock at that moment; once none of these holds it any
    more, whatever is still missing below that newest id will never come.

    Neither readers nor other databases of the same server count, as they would for its snapshots' `xmin`. On SQLite
    writers take turns, so ids are in the order of their commits.
    """

    # What is missing up to here stays missing.
    settled: int = 0
    _next: int = 0
    _writers: frozenset[str] = frozenset()

    async def look(self, connection: AsyncConnection) -> tuple[int, int]:
        """The newest event's id, and the newest sealed one's."""
        asked = _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE
        newest, sealed, writers = (await connection.execute(asked)).one()
        self._see(newest, frozenset(writers))
        return newest, sealed

    def _see(self, newest: int, writers: frozenset[str]) -> None:
        if not self._writers & writers:
            self.settled, self._next, self._writers = self._next, newest, writers
        if not writers:
            self.settled = newest
        # A database that was set back begins anew.
        self.settled = min(self.settled, newest)

    def decided(self, events: Sequence[Row[Any]], sealed: int) -> Sequence[Row[Any]]:
        """Those without a gap before them that may still be filled, of events in the order of their ids."""
        for count, event in enumerate(events):
            if event.id > self.settled and event.id != sealed + 1:
                return events[:count]
            sealed = event.id
        return events
