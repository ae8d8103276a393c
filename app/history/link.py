"""Short-lived links to an archive, known by the hash of their token alone."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.audit.event import By
from app.history.entry import Entry
from app.history.tables import DOWNLOAD_LINKS
from app.kit.clock import LIFETIME

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Link:
    entry_id: UUID
    data_center: str
    made_by: str
    key_id: str | None
    expires_at: datetime


async def add_link(connection: AsyncConnection, entry: Entry, by: By, expires_at: datetime) -> str:
    """The link's token, which is stored nowhere."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = {
        "token_hash": _hash(token), "entry_id": entry.id, "data_center": entry.data_center,
        "made_by": by.name, "key_id": by.key_id, "expires_at": expires_at,
    }  # fmt: skip
    await connection.execute(insert(DOWNLOAD_LINKS), row)
    return token


async def delete_old_links(connection: AsyncConnection, now: datetime) -> None:
    """Those behind none of which an archive can be left; until then they tell who asks that they have expired."""
    await connection.execute(delete(DOWNLOAD_LINKS).where(DOWNLOAD_LINKS.c.expires_at <= now - LIFETIME))


async def find_link(connection: AsyncConnection, token: str) -> Link | None:
    """By its hash, so that the time of the search tells nothing about tokens that exist."""
    columns = [DOWNLOAD_LINKS.c[name] for name in Link.__slots__]
    found = await connection.execute(select(*columns).where(DOWNLOAD_LINKS.c.token_hash == _hash(token)))
    row = found.one_or_none()
    return Link(*row) if row else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
