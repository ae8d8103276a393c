"""What identity providers have granted, kept for what outlives a token: jobs, links, sessions of the console."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import JSON, Column, Row, String, Table, bindparam, delete, select, text

from app.access.port import PERMISSIONS, Administrator
from app.audit.ledger import Ledger
from app.kit.clock import Clock
from app.kit.db import METADATA, UtcDateTime

# So long after its token's end a grant still counts for what was begun under it: a job may wait for its turn.
OUTLIVES = timedelta(hours=24)
PREFIX = "oidc:"
ACCESS_GRANTS = Table(
    "access_grants",
    METADATA,
    Column("key_id", String(16), primary_key=True),
    Column("name", String(64), nullable=False, index=True),
    Column("data_centers", JSON, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False, index=True),
)
# The newest token says what somebody may do, whichever process saw it first.
_WRITE = text(
    "INSERT INTO access_grants (key_id, name, data_centers, issued_at, until)"
    " VALUES (:key_id, :name, :data_centers, :issued_at, :until) ON CONFLICT (key_id)"
    " DO UPDATE SET name = excluded.name, data_centers = excluded.data_centers, issued_at = excluded.issued_at,"
    " until = excluded.until WHERE access_grants.issued_at <= excluded.issued_at"
).bindparams(
    bindparam("data_centers", type_=JSON), bindparam("issued_at", type_=UtcDateTime),
    bindparam("until", type_=UtcDateTime),
)  # fmt: skip
_MOST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Grant:
    """What one token said of whom."""

    administrator: Administrator
    issued_at: datetime
    expires_at: datetime


class Grants:
    """All of it raises DatabaseUnavailable."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._written: dict[str, Grant] = {}

    async def keep(self, grant: Grant) -> None:
        """Written once for each token and process; whoever comes again with it costs nothing."""
        given = grant.administrator
        if self._written.get(given.key_id) == grant:
            return
        row = {
            "key_id": given.key_id, "name": given.name, "issued_at": grant.issued_at,
            "data_centers": {one: list(may) for one, may in given.data_centers.items()},
            "until": grant.expires_at + OUTLIVES,
        }  # fmt: skip
        async with self._ledger.writing() as connection:
            await connection.execute(_WRITE, row)
        self._written.pop(given.key_id, None)
        self._written[given.key_id] = grant
        if len(self._written) > _MOST_REMEMBERED:
            del self._written[next(iter(self._written))]

    async def owner(self, key_id: str) -> Administrator | None:
        return await self._found(ACCESS_GRANTS.c.key_id, key_id)

    async def known(self, name: str) -> Administrator | None:
        return await self._found(ACCESS_GRANTS.c.name, name)

    async def delete_old(self) -> None:
        """A chore of the tick."""
        async with self._ledger.writing() as connection:
            await connection.execute(delete(ACCESS_GRANTS).where(ACCESS_GRANTS.c.until <= self._clock()))

    async def _found(self, column: Column[str], value: str) -> Administrator | None:
        # A name has two of them after a change of the issuer.
        mine = select(ACCESS_GRANTS).where(column == value, ACCESS_GRANTS.c.until > self._clock())
        async with self._ledger.reading() as connection:
            row = (await connection.execute(mine.order_by(ACCESS_GRANTS.c.issued_at.desc()).limit(1))).one_or_none()
        return _administrator(row) if row else None


def _administrator(row: Row[tuple[object, ...]]) -> Administrator:
    given = {center: tuple(one for one in PERMISSIONS if one in may) for center, may in row.data_centers.items()}
    return Administrator(row.name, row.key_id, given)
