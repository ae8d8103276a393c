"""Sessions of the console: a key, or a ticket that somebody made for one, exchanged for a secret that a browser keeps.

A session is its key's: revoked or expired, the key takes its sessions with it. In the database lie hashes alone.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Column, String, Table, delete, insert, or_, select, update

from app.access.port import Access, Administrator, key_id_of
from app.audit.event import AuditEvent, By
from app.audit.ledger import Ledger
from app.kit.clock import Clock
from app.kit.db import METADATA, UtcDateTime

CONSOLE_SESSIONS = Table(
    "console_sessions",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("made_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime, nullable=False),
)
IDLE, LONGEST, TICKET = timedelta(minutes=30), timedelta(hours=12), timedelta(minutes=10)
# How stale the last use may be in the database: not every request writes there.
_USED = timedelta(minutes=1)
_SECRET_BYTES = 32
_Kind = Literal["session", "ticket"]


@dataclass(frozen=True, slots=True)
class Session:
    """`csrf` goes with every request, in a header that no other site can send; `ends_at` moves on with each."""

    administrator: Administrator
    csrf: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session, and the secret of its cookie."""

    secret: str
    session: Session


class Sessions:
    """Makes, finds and ends sessions. All of it raises DatabaseUnavailable."""

    def __init__(self, ledger: Ledger, access: Access, clock: Clock) -> None:
        self._ledger, self._access, self._clock = ledger, access, clock

    async def sign_in(self, key: str, address: str | None, reference: str) -> Opened | None:
        """None where the key is not a live one."""
        found = await self._access.authenticate(key)
        return await self.open(found, address, reference) if found else None

    async def open(self, administrator: Administrator, address: str | None, reference: str) -> Opened:
        """For somebody who has proved who they are."""
        return await self._open(administrator.key_id, administrator, By(administrator.name, address, reference))

    async def redeem(self, ticket: str, address: str | None, reference: str) -> Opened | None:
        """None where the ticket was used before, is too old, or its key has ended."""
        fresh = (CONSOLE_SESSIONS.c.kind == "ticket", CONSOLE_SESSIONS.c.made_at > self._clock() - TICKET)
        used = delete(CONSOLE_SESSIONS).where(CONSOLE_SESSIONS.c.id == _hash(ticket), *fresh)
        async with self._ledger.writing() as connection:
            key_id = (await connection.execute(used.returning(CONSOLE_SESSIONS.c.key_id))).scalar_one_or_none()
        found = await self._access.owner(key_id) if key_id else None
        return await self._open(key_id, found, By(found.name, address, reference)) if key_id and found else None

    async def make_ticket(self, key: str) -> str:
        """For a link that signs its reader in, once."""
        ticket = secrets.token_urlsafe(_SECRET_BYTES)
        async with self._ledger.writing() as connection:
            await connection.execute(insert(CONSOLE_SESSIONS), self._row(ticket, "ticket", key_id_of(key)))
        return ticket

    async def find(self, secret: str) -> Session | None:
        """The session as of now, which counts as used; None where there is none, or none any more."""
        mine = (CONSOLE_SESSIONS.c.id == _hash(secret), CONSOLE_SESSIONS.c.kind == "session")
        async with self._ledger.reading() as connection:
            row = (await connection.execute(select(CONSOLE_SESSIONS).where(*mine))).one_or_none()
        now = self._clock()
        if row is None or now >= min(row.used_at + IDLE, row.made_at + LONGEST):
            return None
        found = await self._access.owner(row.key_id)
        if found is None:
            return None
        if now - row.used_at > _USED:
            async with self._ledger.writing() as connection:
                await connection.execute(update(CONSOLE_SESSIONS).where(*mine).values(used_at=now))
        return _session(found, secret, now, row.made_at)

    async def end(self, secret: str, session: Session, address: str | None, reference: str) -> None:
        event = AuditEvent("console:sign-out", By(session.administrator.name, address, reference), None)
        async with self._ledger.writing() as connection:
            await connection.execute(delete(CONSOLE_SESSIONS).where(CONSOLE_SESSIONS.c.id == _hash(secret)))
            await self._ledger.append(connection, event)

    async def delete_old(self) -> None:
        """A chore of the tick."""
        column, now = CONSOLE_SESSIONS.c, self._clock()
        old = or_(column.made_at <= now - LONGEST, column.used_at <= now - IDLE)
        async with self._ledger.writing() as connection:
            await connection.execute(delete(CONSOLE_SESSIONS).where(old))

    async def _open(self, key_id: str, administrator: Administrator, by: By) -> Opened:
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        row = self._row(secret, "session", key_id)
        async with self._ledger.writing() as connection:
            await connection.execute(insert(CONSOLE_SESSIONS), row)
            await self._ledger.append(connection, AuditEvent("console:sign-in", by, None))
        return Opened(secret, _session(administrator, secret, row["made_at"], row["made_at"]))

    def _row(self, secret: str, kind: _Kind, key_id: str) -> dict[str, Any]:
        now = self._clock()
        return {"id": _hash(secret), "kind": kind, "key_id": key_id, "made_at": now, "used_at": now}


def is_csrf(session: Session, sent: str) -> bool:
    return hmac.compare_digest(session.csrf.encode(), sent.encode("utf-8", "surrogateescape"))


def _session(administrator: Administrator, secret: str, now: datetime, made_at: datetime) -> Session:
    return Session(administrator, _hash(f"csrf {secret}")[:32], min(now + IDLE, made_at + LONGEST))


def _hash(secret: str) -> str:
    # 256 random bits: a slow hash would protect nothing more.
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
