"""API keys `dossier_<id>_<secret>`: only a hash of the secret is kept, the key is shown once."""

import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import JSON, Column, ColumnElement, Index, Row, String, Table, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.access.grants import PREFIX
from app.access.port import PERMISSIONS, ROLES, Administrator, Permission, Role
from app.access.recent import LiveKey, RecentKeys
from app.access.uses import KEY_USES, KeyUses
from app.audit.event import Action, AuditEvent, By
from app.audit.ledger import Ledger
from app.kit.clock import Clock
from app.kit.db import METADATA, DatabaseUnavailable, UtcDateTime
from app.kit.errors import Misconfigured

# `data_centers` is a list of them; where the key has permissions beside its role, an object of those by data center.
API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("role", String(20), nullable=False),
    Column("data_centers", JSON, nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)
_LIVE = API_KEYS.c.revoked_at.is_(None)
Index("uq_api_keys_live_name", API_KEYS.c.name, unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE)
_BY_ID = select(API_KEYS).where(API_KEYS.c.id == bindparam("key_id"))
# Stands among those permissions of a key that is a service's. Versions that know it not read past it.
SERVICE = "service"
# Versions that know no other permissions than a role's let such a key do nothing.
NO_ROLE = "none"
_BY_COMMAND = By("command line")


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """What a new key is to be: what its role may and `permissions` beside, in all its data centers. `lifetime` None
    means that it does not expire, `service` that it has the limits of services."""

    name: str
    data_centers: tuple[str, ...]
    role: Role | None
    lifetime: timedelta | None
    permissions: tuple[Permission, ...] = ()
    service: bool = False

    def scope(self) -> object:
        """As `data_centers` is stored."""
        beside = [*self.permissions, *([SERVICE] if self.service else [])]
        return dict.fromkeys(self.data_centers, beside) if beside else self.data_centers


class Keys:
    """Makes, lists, revokes and checks API keys."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._recent = RecentKeys(self._read)
        self.uses = KeyUses(ledger, clock)
        # Ids that were read from the database, of live keys or not; so nobody who invents them makes it grow.
        self._met: set[str] = set()

    async def authenticate(self, token: str) -> Administrator | None:
        """By what is known of the key, which is a second old at most."""
        key_id, secret = _split(token)
        key = await self._recent.find(key_id)
        matches = hmac.compare_digest(_hash(secret), key.secret_hash if key else "")
        found = self._valid(key) if matches else None
        if found:
            self.uses.note(found.key_id)
        return found

    async def owner(self, key_id: str) -> Administrator | None:
        return self._valid(await self._recent.find(key_id))

    def existed(self, key_id: str) -> bool:
        return key_id in self._met

    async def known(self, name: str) -> Administrator | None:
        async with self._ledger.reading() as connection:
            found = await connection.execute(select(API_KEYS).where(API_KEYS.c.name == name, _LIVE))
            row = found.one_or_none()
        return self._valid(_live_key(row)) if row else None

    async def create(self, order: KeyOrder) -> str:
        """The key's text, which is kept nowhere. Raises Misconfigured if the name is taken."""
        if order.name.startswith(PREFIX):
            raise Misconfigured(f"A key's name does not begin with {PREFIX!r}: an identity provider's do.")
        key_id, secret, now = secrets.token_hex(6), secrets.token_hex(24), self._clock()
        row = {
            "id": key_id,
            "name": order.name,
            "role": order.role or NO_ROLE,
            "data_centers": order.scope(),
            "secret_hash": _hash(secret),
            "created_at": now,
            "expires_at": now + order.lifetime if order.lifetime else None,
        }
        try:
            async with self._ledger.writing() as connection:
                await connection.execute(insert(API_KEYS), row)
                await self._ledger.append(connection, _event("keys:create", key_id, order.name))
        except IntegrityError as error:
            message = (
                f"A key named {order.name!r} exists; revoke it first (python -m app keys list), or choose another name."
            )
            raise Misconfigured(message) from error
        return f"dossier_{key_id}_{secret}"

    async def revoke(self, key_id: str) -> bool:
        """Whether a live key had this id."""
        mine: ColumnElement[bool] = API_KEYS.c.id == key_id
        revoking = update(API_KEYS).where(mine, _LIVE).values(revoked_at=self._clock()).returning(API_KEYS.c.name)
        try:
            async with self._ledger.writing() as connection:
                name = (await connection.execute(revoking)).scalar_one_or_none()
                if name is not None:
                    await self._ledger.append(connection, _event("keys:revoke", key_id, name))
        finally:
            # Whatever came of it, in this process it counts at once.
            self._recent.forget(key_id)
        return name is not None

    async def listed(self) -> list[Row[tuple[object, ...]]]:
        """Every column of each, and `last_used_at`."""
        used = API_KEYS.outerjoin(KEY_USES, KEY_USES.c.key_id == API_KEYS.c.id)
        every = select(API_KEYS, KEY_USES.c.last_used_at).select_from(used).order_by(API_KEYS.c.created_at)
        async with self._ledger.reading() as connection:
            return list(await connection.execute(every))

    async def close(self) -> None:
        await self._recent.close()
        with suppress(DatabaseUnavailable):
            await self.uses.write_all()

    async def _read(self, key_id: str) -> LiveKey | None:
        async with self._ledger.reading() as connection:
            row = (await connection.execute(_BY_ID, {"key_id": key_id})).one_or_none()
        if row is None:
            return None
        self._met.add(key_id)
        return _live_key(row) if row.revoked_at is None else None

    def _valid(self, key: LiveKey | None) -> Administrator | None:
        if key is None or (key.expires_at is not None and key.expires_at <= self._clock()):
            return None
        return key.administrator


def _live_key(row: Row[tuple[object, ...]]) -> LiveKey:
    service = any(SERVICE in more for more in own_permissions(row).values())
    return LiveKey(row.secret_hash, row.expires_at, Administrator(row.name, row.id, _all_permissions(row), service))


def own_permissions(row: Row[tuple[object, ...]]) -> dict[str, tuple[str, ...]]:
    """By data center, beside those of its role; SERVICE among them."""
    given = row.data_centers
    return given if isinstance(given, dict) else dict.fromkeys(given, ())


def _all_permissions(row: Row[tuple[object, ...]]) -> dict[str, tuple[Permission, ...]]:
    role, own = ROLES.get(row.role, ()), own_permissions(row)
    return {center: tuple(one for one in PERMISSIONS if one in role or one in more) for center, more in own.items()}


def _split(token: str) -> tuple[str, str]:
    prefix, _, rest = token.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == "dossier" else ("", "")


def _hash(secret: str) -> str:
    # The secret is 192 random bits, so a slow hash would protect nothing more.
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _event(action: Action, key_id: str, name: str) -> AuditEvent:
    return AuditEvent(action, _BY_COMMAND, None, details={"key": key_id, "name": name})
