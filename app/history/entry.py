"""A history entry: one export or erasure, whom it was for in masked form, and how it went."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.history.tables import ERASURES, HISTORY_ENTRIES
from app.jobs.job import Progress
from app.jobs.tables import JOBS
from app.sources.erasing import Scope

Kind = Literal["export", "erasure"]
StoredStatus = Literal["requested", "queued", "compiling", "erasing", "ready", "done", "failed", "cancelled", "revoked"]
Status = Literal[StoredStatus, "expired"]
UNFINISHED: tuple[StoredStatus, ...] = ("requested", "queued", "compiling", "erasing")
READY: tuple[StoredStatus, ...] = ("ready",)


class SubjectBusy(Exception):
    """Another one of the same visitor and combination is not finished yet."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is known at the moment of a request; hashes are keyed, the label is masked. The subject of an erasure that
    takes the whole visitor is the handle."""

    id: UUID
    data_center: str
    source_id: str
    source_title: str
    label: str
    handle: str
    subject: str
    identifier_hash: str
    key_id: str
    device: str | None
    browser: str | None
    case_reference: str | None
    requested_by: str
    requested_at: datetime
    kind: Kind = "export"
    status: StoredStatus = "queued"


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure takes; once it was proved to be done, when, and until when backups may hold the rows still."""

    scope: Scope
    erased_at: datetime | None
    backups_until: datetime | None


@dataclass(frozen=True, slots=True)
class Archive:
    """What was compiled: its size in bytes and SHA-256 (lower-case hex), and until when it may be had."""

    compiled_at: datetime
    expires_at: datetime
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as of one moment; `expired` is derived from that moment, so it is true to the second."""

    id: UUID
    kind: Kind
    status: Status
    data_center: str
    source_id: str
    source_title: str
    label: str
    handle: str
    device: str | None
    browser: str | None
    case_reference: str | None
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    archive: Archive | None
    # Where an archive lies, or an attempt at one.
    archive_key: str | None
    downloads: int
    last_downloaded_at: datetime | None
    problem: str | None
    progress: Progress | None
    erased: Erased | None = None


_COLUMNS = [HISTORY_ENTRIES.c[name] for name in (*Entry.__slots__, *Archive.__slots__) if name in HISTORY_ENTRIES.c]
_PROGRESS = [JOBS.c[name].label(name) for name in Progress.__slots__]


def select_entries() -> Select[Any]:
    """Entries with the progress of their jobs, for `read_entries`."""
    joined = HISTORY_ENTRIES.outerjoin(JOBS, JOBS.c.entry_id == HISTORY_ENTRIES.c.id)
    return select(*_COLUMNS, *_PROGRESS).select_from(joined)


async def read_entries(connection: AsyncConnection, wanted: Select[Any], now: datetime) -> list[Entry]:
    """What `select_entries` was asked for; of erasures also what became of them."""
    entries = [_entry_of(row, now) for row in await connection.execute(wanted)]
    erasures = [one.id for one in entries if one.kind == "erasure"]
    if not erasures:
        return entries
    columns = [ERASURES.c[name] for name in ("entry_id", *Erased.__slots__)]
    rows = await connection.execute(select(*columns).where(ERASURES.c.entry_id.in_(erasures)))
    erased = {entry_id: Erased(*told) for entry_id, *told in rows}
    return [replace(one, erased=erased.get(one.id)) for one in entries]


def _entry_of(row: Row[Any], now: datetime) -> Entry:
    known = dict(row._mapping)  # noqa: SLF001  the public name of a row's mapping
    counted = {name: known.pop(name) for name in Progress.__slots__}
    unfinished = known["status"] in UNFINISHED and counted["rows"] is not None
    compiled = {name: known.pop(name) for name in Archive.__slots__}
    # The table's own constraint: all of these are there, or none.
    archive = Archive(**compiled) if compiled["compiled_at"] else None
    if archive and known["status"] == "ready" and archive.expires_at <= now:
        known["status"] = "expired"
    return Entry(**known, archive=archive, progress=Progress(**counted) if unfinished else None)


async def get_entry(connection: AsyncConnection, data_center: str, entry_id: UUID, now: datetime) -> Entry | None:
    mine = select_entries().where(HISTORY_ENTRIES.c.id == entry_id, HISTORY_ENTRIES.c.data_center == data_center)
    return next(iter(await read_entries(connection, mine, now)), None)


async def get_entries(connection: AsyncConnection, ids: Sequence[UUID], now: datetime) -> list[Entry]:
    """Of any data center: for who has been shown these entries already."""
    return await read_entries(connection, select_entries().where(HISTORY_ENTRIES.c.id.in_(ids)), now)


async def unfinished_of(connection: AsyncConnection, subject: str, now: datetime) -> Entry | None:
    """The unfinished one of a visitor and combination, by their keyed hash."""
    busy = select_entries().where(HISTORY_ENTRIES.c.subject == subject, HISTORY_ENTRIES.c.status.in_(UNFINISHED))
    return next(iter(await read_entries(connection, busy, now)), None)


async def unfinished_by(connection: AsyncConnection, name: str, data_center: str) -> int:
    """How many unfinished ones an administrator has there. Until the transaction ends no other one counts them, so
    that two at once do not both find room for the last."""
    if connection.dialect.name == "postgresql":
        lock = func.hashtextextended(f"unfinished {data_center} {name}", 0)
        await connection.execute(select(func.pg_advisory_xact_lock(lock)))
    column = HISTORY_ENTRIES.c
    theirs = (column.requested_by == name, column.data_center == data_center, column.status.in_(UNFINISHED))
    return int((await connection.execute(select(func.count()).where(*theirs))).scalar_one())


async def add_entry(connection: AsyncConnection, entry: NewEntry) -> None:
    """Raises SubjectBusy."""
    values = {name: getattr(entry, name) for name in NewEntry.__slots__}
    try:
        await connection.execute(insert(HISTORY_ENTRIES), values | {"downloads": 0})
    except IntegrityError as error:
        raise SubjectBusy from error


async def move(
    connection: AsyncConnection, entry_id: UUID, before: tuple[StoredStatus, ...], after: StoredStatus, **values: object
) -> bool:
    """One conditional UPDATE: False where the entry was not in one of the states before. Raises SubjectBusy."""
    here = (HISTORY_ENTRIES.c.id == entry_id, HISTORY_ENTRIES.c.status.in_(before))
    try:
        done = await connection.execute(update(HISTORY_ENTRIES).where(*here).values(status=after, **values))
    except IntegrityError as error:
        raise SubjectBusy from error
    return done.rowcount == 1


async def set_archive_key(connection: AsyncConnection, entry_id: UUID, before: str | None, after: str | None) -> bool:
    """Remembers where an archive is going to lie, or that it lies there no more."""
    key = HISTORY_ENTRIES.c.archive_key
    unchanged = key.is_(None) if before is None else key == before
    done = await connection.execute(
        update(HISTORY_ENTRIES).where(HISTORY_ENTRIES.c.id == entry_id, unchanged).values(archive_key=after)
    )
    return done.rowcount == 1


async def count_download(connection: AsyncConnection, entry_id: UUID, now: datetime) -> None:
    await connection.execute(
        update(HISTORY_ENTRIES)
        .where(HISTORY_ENTRIES.c.id == entry_id)
        .values(downloads=HISTORY_ENTRIES.c.downloads + 1, last_downloaded_at=now)
    )


async def uncount_download(connection: AsyncConnection, entry: Entry) -> None:
    """Takes a count back; the entry is as it was before."""
    counted = update(HISTORY_ENTRIES).where(HISTORY_ENTRIES.c.id == entry.id)
    await connection.execute(
        counted.values(downloads=HISTORY_ENTRIES.c.downloads - 1, last_downloaded_at=entry.last_downloaded_at)
    )


async def requested_before(connection: AsyncConnection, moment: datetime, now: datetime) -> list[Entry]:
    """Erasures that wait for an approval since before that moment."""
    waiting = (HISTORY_ENTRIES.c.status == "requested") & (HISTORY_ENTRIES.c.requested_at < moment)
    return await read_entries(connection, select_entries().where(waiting), now)


async def outlived(connection: AsyncConnection, now: datetime, most: int) -> list[Entry]:
    """Entries whose object must go: expired or revoked ones, and leftovers of failed or cancelled attempts."""
    expired = (HISTORY_ENTRIES.c.status == "ready") & (HISTORY_ENTRIES.c.expires_at <= now)
    ended = HISTORY_ENTRIES.c.status.in_(("revoked", "failed", "cancelled"))
    stored = select_entries().where(HISTORY_ENTRIES.c.archive_key.is_not(None), expired | ended)
    return await read_entries(connection, stored.order_by(HISTORY_ENTRIES.c.expires_at).limit(most), now)
