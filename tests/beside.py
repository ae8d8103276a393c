"""Of everything a second one: other people's exports, erasures, jobs, links, keys and archives, in the same data center
and in another, in every state. Whoever changes or deletes their own leaves these as they are."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert, select

from app.access.keys import API_KEYS
from app.history.tables import DOWNLOAD_LINKS, ERASURES, HISTORY_ENTRIES, IDEMPOTENCY_KEYS
from app.jobs.tables import JOBS
from app.kit.identity import uuid7
from tests.builders import Running

# Nothing of it is due, or ends, while a test runs, wherever that moves its clock.
LATER = datetime(2100, 1, 1, tzinfo=UTC)
STATES = {
    "export": ("queued", "compiling", "ready", "revoked", "failed", "cancelled"),
    "erasure": ("queued", "erasing", "done", "failed", "cancelled"),
}
_JOB = {"attempts": 1, "lost_leases": 2, "parts_done": 3, "parts_total": 4, "rows": 5, "rows_estimated": 6, "bytes": 7}
_KEPT: dict[str, dict[str, Any]] = {
    "queued": {"due_at": LATER},
    "compiling": {"lease": UUID(int=1), "lease_until": LATER}, "erasing": {"lease": UUID(int=2), "lease_until": LATER},
    "failed": {"keep_until": LATER},
}  # fmt: skip


@asynccontextmanager
async def beside(service: Running) -> AsyncIterator[None]:
    """Written by statements of its own, so that no defect of what is tested helps to hide itself."""
    entries = list(_entries())
    await _write(service, entries)
    before = await _state(service, entries)
    yield
    after = await _state(service, entries)
    for name, rows in before.items():
        assert after[name] == rows, f"somebody else's {name} changed"


def archives(service: Running) -> list[Path]:
    """Every file in the store, but those beside."""
    found = (service.folder / "var" / "archives").rglob("*")
    return [path for path in found if path.is_file() and not path.name.startswith("beside-")]


def _entries() -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC) - timedelta(minutes=1)
    for center in ("acme", "globex"):
        for kind, states in STATES.items():
            for status in states:
                yield _entry(uuid7(now), now, center, kind, status)


def _entry(entry_id: UUID, now: datetime, center: str, kind: str, status: str) -> dict[str, Any]:
    compiled = status in ("ready", "revoked")
    hashed = {name: (name[0] + entry_id.hex * 2)[:64] for name in ("handle", "subject", "identifier_hash")}
    return {
        "id": entry_id, "kind": kind, "status": status, "data_center": center, "source_id": "website", **hashed,
        "source_title": "Website", "label": "o•••@example.com", "key_id": "12345678", "device": "iPad",
        "browser": "Firefox", "case_reference": "DSAR-2", "requested_by": "olga", "requested_at": now,
        "started_at": now, "compiled_at": now if compiled else None, "expires_at": LATER if compiled else None,
        "archive_key": f"{center}/beside-{entry_id.hex}.zip" if status in ("ready", "compiling") else None,
        "size": 3 if compiled else None, "sha256": "0" * 64 if compiled else None, "downloads": 1,
        "last_downloaded_at": now, "problem": "visitor-gone" if status == "failed" else None,
    }  # fmt: skip


async def _write(service: Running, entries: list[dict[str, Any]]) -> None:
    jobs = [
        {"entry_id": one["id"], "data_center": one["data_center"], "sealed": "sealed", **_JOB, **_empty(JOBS), **kept}
        for one in entries
        if (kept := _KEPT.get(one["status"]))
    ]
    erasures = [_erasure(one) for one in entries if one["kind"] == "erasure"]
    links = [
        {"token_hash": one["id"].hex * 2, "entry_id": one["id"], "data_center": one["data_center"], "made_by": "olga",
         "key_id": "beside", "expires_at": LATER}
        for one in entries if one["status"] == "ready"
    ]  # fmt: skip
    key = {"id": "beside", "name": "olga of another time", "role": "administrator", "data_centers": ["acme", "globex"],
           "secret_hash": "0" * 64, "created_at": LATER}  # fmt: skip
    used = {"key": "k" * 64, "body": "b" * 64, "taken_at": LATER, "answer": {"id": "another's"}}
    async with service.services.database.writing() as connection:
        for table, rows in {
            HISTORY_ENTRIES: entries, JOBS: jobs, ERASURES: erasures, DOWNLOAD_LINKS: links, API_KEYS: [key],
            IDEMPOTENCY_KEYS: [used],
        }.items():  # fmt: skip
            await connection.execute(insert(table), rows)
    for path in _theirs(service.folder, entries):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"zip")


def _empty(table: Table) -> dict[str, None]:
    return {column.key: None for column in table.columns if column.nullable and column.key not in _JOB}


def _erasure(one: dict[str, Any]) -> dict[str, Any]:
    done = one["status"] == "done"
    return {
        "entry_id": one["id"], "plan_id": one["id"].hex, "scope": "visitor", "mapping_sha256": "0" * 64, "steps": [],
        "revokes_exports": True, "approved_by": None, "approved_at": None, "erased_at": one["started_at"] if done else None,
        "backups_until": LATER if done else None, "receipt": "{}" if done else None,
    }  # fmt: skip


def _theirs(folder: Path, entries: list[dict[str, Any]]) -> list[Path]:
    return [folder / "var" / "archives" / one["archive_key"] for one in entries if one["archive_key"]]


async def _state(service: Running, entries: list[dict[str, Any]]) -> dict[str, Any]:
    ids = [one["id"] for one in entries]
    whose = {
        "entries": (HISTORY_ENTRIES, HISTORY_ENTRIES.c.id.in_(ids)), "jobs": (JOBS, JOBS.c.entry_id.in_(ids)),
        "erasures": (ERASURES, ERASURES.c.entry_id.in_(ids)), "keys": (API_KEYS, API_KEYS.c.id == "beside"),
        "links": (DOWNLOAD_LINKS, DOWNLOAD_LINKS.c.entry_id.in_(ids)),
        "idempotency keys": (IDEMPOTENCY_KEYS, IDEMPOTENCY_KEYS.c.key == "k" * 64),
    }  # fmt: skip
    found: dict[str, Any] = {}
    async with service.services.database.reading() as connection:
        for name, (table, mine) in whose.items():
            found[name] = sorted(map(repr, await connection.execute(select(table).where(mine))))
    found["archives"] = [path.exists() and path.read_bytes() for path in _theirs(service.folder, entries)]
    return found
