"""The sealer: gives every committed event its leaf within 2 s, in order, and signs heads of the trees by the minute."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.audit.entry import COLUMNS, as_json, entry_of
from app.audit.growing import Growing
from app.audit.horizon import Horizon
from app.audit.merkle import Edge, leaf_hash
from app.audit.seals import AUDIT_HEADS, AUDIT_LEAVES, TREES, SignedHead, write_heads, write_leaves
from app.audit.trail import AUDIT_EVENTS
from app.kit.clock import Clock
from app.kit.db import Database, DatabaseUnavailable
from app.kit.logs import log, whereabouts
from app.kit.sign import Signer

# Few enough that the process answers others meanwhile.
_MOST_AT_ONCE = 500
_SECONDS, _SOON_SECONDS, _MOST_SECONDS = 1.0, 0.2, 10.0
_HEAD_AFTER = timedelta(minutes=1)
_CLOSE_SECONDS = 1.0
_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)")
_SEALER_LOCK = 0x_D055EA1


class Sealer:
    """One works at a time, of however many processes: the others find its lock taken, and look again a second later.
    Nothing waits for it: events are committed before it reads them."""

    def __init__(self, database: Database, signers: Sequence[Signer], clock: Clock) -> None:
        """The first signer signs; heads of all of them are gone on from."""
        self._database, self._signer, self._clock = database, signers[0], clock
        self._horizon = Horizon()
        self._growing = Growing([one.public for one in signers])
        # The newest sealed event when every tree had a head of its whole size.
        self._headed = 0

    async def forever(self) -> None:
        pause = _SECONDS
        while True:
            try:
                pause = _SOON_SECONDS if await self() else _SECONDS
            except DatabaseUnavailable:
                # Or the schema is an earlier version's, and has no seals. Others tell of both.
                pause = min(2 * max(pause, _SECONDS), _MOST_SECONDS)
            except Exception as error:  # noqa: BLE001  one bad moment must not leave the trail unsealed for ever
                log.error("the sealer stumbled: %s", whereabouts(error))
                pause = min(2 * max(pause, _SECONDS), _MOST_SECONDS)
            await asyncio.sleep(pause)

    async def __call__(self) -> bool:
        """Seals what is decided, and signs what is due. Whether events were left for a moment later."""
        async with self._database.reading() as connection:
            newest, sealed = await self._horizon.look(connection)
        while sealed < newest and (events := await self._decided(sealed)):
            if not await self._seal(sealed, events):
                return True
            sealed = events[-1].id
        if sealed != self._headed and not await self._sign(_HEAD_AFTER):
            self._headed = sealed
        return sealed < newest

    async def close(self) -> None:
        """A last time, with heads of all that has grown; not where the database makes one wait for it."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self()
                await self._sign(timedelta())
        except DatabaseUnavailable:
            return
        except Exception as error:  # noqa: BLE001  whoever seals next makes up for it, and the process ends
            log.warning("the audit trail's end is not sealed yet: %s", whereabouts(error))

    async def _decided(self, sealed: int) -> Sequence[Row[Any]]:
        column = AUDIT_EVENTS.c.id
        following = select(*COLUMNS).where(column > sealed).order_by(column).limit(_MOST_AT_ONCE)
        async with self._database.reading() as connection:
            events = (await connection.execute(following)).all()
        return self._horizon.decided(events, sealed)

    async def _seal(self, sealed: int, events: Sequence[Row[Any]]) -> bool:
        """Whether they were sealed here; not if another process is at it, or was meanwhile."""
        leaves = dict[str, list[tuple[int, bytes]]]()
        for row in events:
            event = as_json(row)
            leaves.setdefault(event["data_center"] or "", []).append((row.id, leaf_hash(entry_of(event))))
        await self._follow(leaves)
        grown = dict[str, Edge]()
        async with self._database.writing() as connection:
            if not await _alone(connection) or await _sealed(connection) != sealed:
                return False
            rows = list[dict[str, Any]]()
            for tree, new in leaves.items():
                grown[tree] = (await self._growing.up_to_now(connection, tree)).copy()
                rows.extend(_grow(tree, grown[tree], new))
            await write_leaves(connection, rows)
        self._growing.keep(grown)
        return True

    async def _sign(self, after: timedelta) -> bool:
        """Heads for trees that have grown, if their last one is so old. Whether any tree is left without."""
        async with self._database.reading() as connection:
            without = await _without_head(connection, self._signer.public.id)
        before = self._clock() - after
        due = [tree for tree, at in without.items() if at is None or at <= before]
        if due:
            await self._follow(due)
            async with self._database.writing() as connection:
                if await _alone(connection):
                    now = await _without_head(connection, self._signer.public.id)
                    still = [tree for tree in due if tree in now and now[tree] == without[tree]]
                    edges = [(tree, await self._growing.up_to_now(connection, tree)) for tree in still]
                    signed = [(SignedHead.sign(self._signer, tree, edge, self._clock()), edge) for tree, edge in edges]
                    if signed:
                        await write_heads(connection, signed)
        return bool(without)

    async def _follow(self, trees: Sequence[str] | dict[str, Any]) -> None:
        """Reads what others have sealed, before anything is locked: after a restart it may be much."""
        for tree in trees:
            async with self._database.reading() as connection:
                await self._growing.up_to_now(connection, tree)


def _grow(tree: str, edge: Edge, leaves: Sequence[tuple[int, bytes]]) -> list[dict[str, Any]]:
    rows = list[dict[str, Any]]()
    for event_id, leaf in leaves:
        rows.append({"tree": tree, "position": edge.size, "event_id": event_id, "hash": leaf.hex()})
        edge.append(leaf)
    return rows


async def _alone(connection: AsyncConnection) -> bool:
    """Until the transaction's end. On SQLite whoever writes is."""
    if connection.dialect.name != "postgresql":
        return True
    return bool((await connection.execute(_LOCK, {"lock": _SEALER_LOCK})).scalar_one())


async def _sealed(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.max(AUDIT_LEAVES.c.event_id)))).scalar_one() or 0


async def _without_head(connection: AsyncConnection, key_id: str) -> dict[str, datetime | None]:
    """Trees that have grown since their last head by this key, and when that was signed."""
    found = dict[str, datetime | None]()
    for tree in (await connection.execute(TREES)).scalars().all():
        leaf, head = AUDIT_LEAVES.c, AUDIT_HEADS.c
        own = select(head.size, head.at).where(head.tree == tree, head.key_id == key_id)
        signed = (await connection.execute(own.order_by(head.size.desc()).limit(1))).one_or_none()
        last = select(leaf.position).where(leaf.tree == tree).order_by(leaf.position.desc()).limit(1)
        position = (await connection.execute(last)).scalar_one_or_none()
        if position is not None and (signed is None or position >= signed.size):
            found[tree] = signed.at if signed else None
    return found
