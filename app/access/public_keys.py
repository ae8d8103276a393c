"""The public keys by which anybody can check what this service signed, also long ago."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, insert, select
from sqlalchemy.exc import IntegrityError

from app.audit.ledger import Ledger
from app.kit.clock import Clock
from app.kit.db import METADATA, UtcDateTime
from app.kit.sign import PublicKey, Signer

SIGNING_KEYS = Table(
    "signing_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("first_used_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """`id` and `key` are as `kit/sign.py` spells them."""

    id: str
    key: str
    first_used_at: datetime


class PublicKeys:
    """All that ever signed: a signature outlives the secret that it was made with."""

    def __init__(self, ledger: Ledger, signers: list[Signer], clock: Clock) -> None:
        self._ledger, self._signers, self._clock = ledger, signers, clock
        self._remembered = False

    async def remember(self) -> None:
        """A chore of the tick: once, those of this process are written down."""
        if not self._remembered:
            known = {one.id for one in await self.known()}
            for signer in self._signers:
                if signer.public.id not in known:
                    await self._write(signer.public)
            self._remembered = True

    async def listed(self) -> list[KnownKey]:
        """The one that signs now comes first, then the newest."""
        await self.remember()
        current = self._signers[0].public.id
        return sorted(await self.known(), key=lambda one: one.id != current)

    async def known(self) -> list[KnownKey]:
        """Those that are written down, newest first."""
        newest = select(SIGNING_KEYS).order_by(SIGNING_KEYS.c.first_used_at.desc(), SIGNING_KEYS.c.id)
        async with self._ledger.reading() as connection:
            return [KnownKey(*row) for row in await connection.execute(newest)]

    async def _write(self, public: PublicKey) -> None:
        row = {"id": public.id, "key": public.text, "first_used_at": self._clock()}
        try:
            async with self._ledger.writing() as connection:
                await connection.execute(insert(SIGNING_KEYS), row)
        except IntegrityError:
            # Another process wrote it meanwhile.
            return
