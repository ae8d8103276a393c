"""Migrations go up, down and up again, and end at the tables that the code knows."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DatabaseError

from app.access.grants import ACCESS_GRANTS
from app.access.index_key import INDEX_KEYS
from app.access.keys import API_KEYS
from app.access.public_keys import SIGNING_KEYS
from app.access.sessions import CONSOLE_SESSIONS
from app.access.uses import KEY_USES
from app.audit.seals import AUDIT_HEADS, AUDIT_LEAVES
from app.audit.trail import AUDIT_EVENTS
from app.history.entry import NewEntry, SubjectBusy, add_entry, get_entry, move
from app.history.tables import DOWNLOAD_LINKS, ERASURES, HISTORY_ENTRIES, IDEMPOTENCY_KEYS
from app.jobs.job import add_job
from app.jobs.tables import JOBS
from app.kit.db import METADATA, Database, database_url
from app.kit.identity import uuid7
from app.webhooks.tables import ATTEMPTS, DELIVERIES, STOPPED
from tests.engines import EACH, POSTGRESQL
from tests.servers import new_database

OWN = (
    API_KEYS, AUDIT_EVENTS, DOWNLOAD_LINKS, IDEMPOTENCY_KEYS, JOBS, DELIVERIES, ATTEMPTS, STOPPED, CONSOLE_SESSIONS,
    SIGNING_KEYS, KEY_USES, INDEX_KEYS, AUDIT_LEAVES, AUDIT_HEADS, ACCESS_GRANTS, ERASURES,
)  # fmt: skip
TABLES = {"history_entries", *(table.name for table in OWN)}


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": connection.dialect.name != "sqlite"})
    return list(compare_metadata(context, METADATA))


def new_entry() -> NewEntry:
    now = datetime.now(UTC)
    return NewEntry(
        id=uuid7(now), data_center="acme", source_id="website", source_title="Website", label="j•••@example.com",
        handle="a" * 64, subject="b" * 64, identifier_hash="c" * 64, key_id="d" * 8, device="iPhone", browser="Safari",
        case_reference=None, requested_by="maria", requested_at=now,
    )  # fmt: skip


async def check(database: Database) -> None:
    for revision in ("head", "base", "head", "0003", "head", "0001", "head"):
        await database.migrate(revision)
    assert await database.state() == "ok"
    assert set(METADATA.tables) == TABLES
    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []
    await database.migrate("base")
    assert await database.state() == "not migrated"
    await database.close()


@pytest.mark.parametrize("engine", EACH)
async def test_what_is_stored_stays_when_the_schema_moves(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    file = f"sqlite:///{tmp_path / 'own.db'}"
    database = Database(database_url(file if engine == "sqlite" else new_database(request.getfixturevalue(engine))))
    await database.migrate("0013")
    new, now = new_entry(), datetime.now(UTC)
    async with database.writing() as connection:
        await add_entry(connection, new)
        await add_job(connection, new.id, new.data_center, "sealed", now)
    for revision in ("head", "0013", "head"):
        await database.migrate(revision)
        async with database.writing() as connection:
            assert await get_entry(connection, new.data_center, new.id, now) is not None
            assert (await connection.execute(select(JOBS.c.sealed))).scalar_one() == "sealed"
    async with database.writing() as connection:
        assert await move(connection, new.id, ("queued",), "erasing")
        assert await move(connection, new.id, ("erasing",), "done")
    with pytest.raises(DatabaseError, match="illegal change of status"):
        async with database.writing() as connection:
            await connection.execute(update(HISTORY_ENTRIES).values(status="queued"))
    with pytest.raises(SubjectBusy) as met:
        async with database.writing() as connection:
            await add_entry(connection, replace(new, id=uuid7(now), status="lost"))  # type: ignore[arg-type]
    assert "ck_history_entries_status" in str(met.value.__cause__)
    await database.close()


async def test_on_sqlite(tmp_path: Path) -> None:
    await check(Database(database_url(f"sqlite:///{tmp_path / 'own.db'}")))


@pytest.mark.parametrize("server", POSTGRESQL)
async def test_on_postgresql(server: str, request: pytest.FixtureRequest) -> None:
    await check(Database(database_url(new_database(request.getfixturevalue(server)))))
