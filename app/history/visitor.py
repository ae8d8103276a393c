"""What the history holds of one visitor, known by keyed hashes: what is unfinished, what is ready, what was erased."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.history.entry import UNFINISHED, Entry, Kind, StoredStatus, read_entries, select_entries
from app.history.tables import ERASURES, HISTORY_ENTRIES
from app.kit.errors import Conflict


class ExportUnfinished(Conflict):
    """An export of the same visitor, device and browser is not finished yet. Wait for it to end, or ask the
    administrator who requested it."""

    slug = "export-unfinished"
    title = "The same export is not finished yet"


class ErasureUnfinished(Conflict):
    """An erasure of the same visitor is not finished yet, so that nothing can be exported, and no other erasure begun.
    Wait for it to end; where it is not approved yet, it can be cancelled."""

    slug = "erasure-unfinished"
    title = "An erasure of this visitor is not finished yet"


@dataclass(frozen=True, slots=True)
class Whom:
    """A visitor of a data center: all hashes that it may have been stored under, the newest key's first."""

    data_center: str
    handles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ErasedBefore:
    """The subject is the handle where the whole visitor was erased, and else stands for one combination."""

    handle: str
    subject: str
    erased_at: datetime


async def hold(connection: AsyncConnection, whom: Whom) -> None:
    """Until the transaction ends nobody else who asks here begins anything for the visitor, so that an export and an
    erasure cannot both find that there is none of the other. SQLite lets one write at a time anyway."""
    if connection.dialect.name == "postgresql":
        lock = func.hashtextextended(f"visitor {whom.data_center} {whom.handles[0]}", 0)
        await connection.execute(select(func.pg_advisory_xact_lock(lock)))


async def refuse_while_erasing(connection: AsyncConnection, whom: Whom, now: datetime) -> None:
    """Raises ErasureUnfinished."""
    if await entries_of(connection, whom, now, "erasure", UNFINISHED):
        raise ErasureUnfinished


async def refuse_while_exporting(connection: AsyncConnection, whom: Whom, now: datetime) -> None:
    """Raises ExportUnfinished."""
    if await entries_of(connection, whom, now, "export", UNFINISHED):
        raise ExportUnfinished


async def entries_of(
    connection: AsyncConnection, whom: Whom, now: datetime, kind: Kind, statuses: Collection[StoredStatus]
) -> list[Entry]:
    """In the order of their requests, as of that moment: `ready` ones may have expired."""
    wanted = _of(whom).where(HISTORY_ENTRIES.c.kind == kind, HISTORY_ENTRIES.c.status.in_(statuses))
    return await read_entries(connection, wanted.order_by(HISTORY_ENTRIES.c.requested_at), now)


async def erased_before(
    connection: AsyncConnection, data_center: str, handles: Collection[str]
) -> list[ErasedBefore]:  # fmt: skip
    """What was erased of any of these visitors."""
    columns = (HISTORY_ENTRIES.c.handle, HISTORY_ENTRIES.c.subject, ERASURES.c.erased_at)
    joined = HISTORY_ENTRIES.join(ERASURES, ERASURES.c.entry_id == HISTORY_ENTRIES.c.id)
    mine = (HISTORY_ENTRIES.c.data_center == data_center, HISTORY_ENTRIES.c.handle.in_(handles))
    done = select(*columns).select_from(joined).where(*mine, HISTORY_ENTRIES.c.status == "done")
    return [ErasedBefore(*row) for row in await connection.execute(done)]


async def was_erased_in(connection: AsyncConnection, data_center: str) -> bool:
    """Whether anybody ever was."""
    column = HISTORY_ENTRIES.c
    done = select(column.id).where(column.data_center == data_center, column.status == "done").limit(1)
    return (await connection.execute(done)).first() is not None


def _of(whom: Whom) -> Select[tuple[object, ...]]:
    mine = (HISTORY_ENTRIES.c.data_center == whom.data_center, HISTORY_ENTRIES.c.handle.in_(whom.handles))
    return select_entries().where(*mine)
