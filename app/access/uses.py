"""When each key was used last: noted in memory, and written now and then, so that no request waits for it."""

from datetime import datetime, timedelta

from sqlalchemy import Column, String, Table, bindparam, text

from app.audit.ledger import Ledger
from app.kit.clock import Clock
from app.kit.db import METADATA, UtcDateTime

KEY_USES = Table(
    "key_uses",
    METADATA,
    Column("key_id", String(16), primary_key=True),
    Column("last_used_at", UtcDateTime, nullable=False),
)
# So stale it may be, which is enough to see who uses a key at all.
_EVERY = timedelta(minutes=1)
# Several processes note the same key, and the latest of them counts.
_WRITE = text(
    "INSERT INTO key_uses (key_id, last_used_at) VALUES (:key_id, :at) ON CONFLICT (key_id)"
    " DO UPDATE SET last_used_at = excluded.last_used_at WHERE key_uses.last_used_at < excluded.last_used_at"
).bindparams(bindparam("at", type_=UtcDateTime))


class KeyUses:
    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._used: dict[str, datetime] = {}
        self._written: dict[str, datetime] = {}

    def note(self, key_id: str) -> None:
        self._used[key_id] = self._clock()

    async def write_due(self) -> None:
        """A chore of the tick. Raises DatabaseUnavailable."""
        due = [one for one, at in self._used.items() if one not in self._written or at - self._written[one] >= _EVERY]
        await self._write(due)

    async def write_all(self) -> None:
        """Before the process ends."""
        await self._write(list(self._used))

    async def _write(self, key_ids: list[str]) -> None:
        if not key_ids:
            return
        uses = {one: self._used[one] for one in sorted(key_ids)}
        async with self._ledger.writing() as connection:
            await connection.execute(_WRITE, [{"key_id": key_id, "at": at} for key_id, at in uses.items()])
        self._written |= uses
        for key_id, at in uses.items():
            if self._used.get(key_id) == at:
                del self._used[key_id]
