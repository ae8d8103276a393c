"""The key of the hashes by which visitors and identifiers are found again: made once, and sealed in the own database.

It is not the secret key, so that a rotation of that changes no hash: it only seals this key anew.
"""

import os

from sqlalchemy import Column, Integer, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.audit.ledger import Ledger
from app.audit.trail import AUDIT_EVENTS
from app.kit.clock import Clock
from app.kit.db import METADATA, DatabaseUnavailable, UtcDateTime
from app.kit.errors import Unavailable
from app.kit.seal import Hashes, Keyring, SealBroken

INDEX_KEYS = Table(
    "index_keys",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sealed", String(500), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)
_PURPOSE, _ONLY, _BYTES = "index key", 1, 32

_SEARCHES = select(AUDIT_EVENTS.c.details).where(AUDIT_EVENTS.c.action == "visitors:search")
_LAST_SEARCH = _SEARCHES.order_by(AUDIT_EVENTS.c.id.desc()).limit(1)


class IndexKeyLost(Unavailable):
    """The secret key that sealed the index key of this database is no longer configured, so visitors could not be
    found again. Set DOSSIER_SECRET_KEY_PREVIOUS to the one before, once; a start with both seals it anew."""

    slug = "index-key-lost"
    title = "The index key cannot be opened"


class IndexKey:
    def __init__(self, ledger: Ledger, keyring: Keyring, clock: Clock) -> None:
        self._ledger, self._keyring, self._clock = ledger, keyring, clock
        self._hashes: Hashes | None = None

    async def hashes(self) -> Hashes:
        """New ones by the index key; old ones by the secrets too, which made them before there was one. Raises
        IndexKeyLost and DatabaseUnavailable."""
        if self._hashes is None:
            try:
                root = await self._root()
            except DatabaseUnavailable:
                # The schema before it has no place for the key.
                if await self._ledger.database.state() != "behind":
                    raise
                return Hashes(self._keyring.roots())
            self._hashes = Hashes([root, *self._keyring.roots()])
        return self._hashes

    async def _root(self) -> bytes:
        sealed = await self._read() or await self._make()
        try:
            root = self._keyring.open(_PURPOSE, sealed, self._clock())
        except SealBroken as error:
            raise IndexKeyLost from error
        if not self._keyring.is_current(sealed):
            await self._seal_anew(sealed, root)
        return root

    async def _read(self) -> str | None:
        async with self._ledger.reading() as connection:
            found: str | None = (await connection.execute(select(INDEX_KEYS.c.sealed))).scalar_one_or_none()
        return found

    async def _make(self) -> str:
        """A random one; where somebody was searched for before there was one, the secret that hashed them then."""
        try:
            async with self._ledger.writing() as connection:
                last = (await connection.execute(_LAST_SEARCH)).scalar_one_or_none() or {}
                root = Hashes(self._keyring.roots()).root_of(str(last.get("key_id"))) or os.urandom(_BYTES)
                sealed = self._keyring.seal(_PURPOSE, root, self._clock())
                row = {"id": _ONLY, "sealed": sealed, "made_at": self._clock()}
                await connection.execute(insert(INDEX_KEYS), row)
        except IntegrityError:
            # Another process was first.
            return await self._read() or sealed
        return sealed

    async def _seal_anew(self, old: str, root: bytes) -> None:
        new = self._keyring.seal(_PURPOSE, root, self._clock())
        async with self._ledger.writing() as connection:
            await connection.execute(update(INDEX_KEYS).where(INDEX_KEYS.c.sealed == old).values(sealed=new))
