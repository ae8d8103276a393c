"""Migrations go up, down and up again, and end at the tables that the code knows."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from app.access.grants import ACCESS_GRANTS
from app.access.index_key import INDEX_KEYS
from app.access.keys import API_KEYS
from app.access.public_keys import SIGNING_KEYS
from app.access.sessions import CONSOLE_SESSIONS
from app.access.uses import KEY_USES
from app.audit.seals import AUDIT_HEADS, AUDIT_LEAVES
from app.audit.trail import AUDIT_EVENTS
from app.history.tables import DOWNLOAD_LINKS, IDEMPOTENCY_KEYS
from app.jobs.tables import JOBS
from app.kit.db import METADATA, Database, database_url
from app.webhooks.tables import ATTEMPTS, DELIVERIES, STOPPED
from tests.engines import POSTGRESQL
from tests.servers import new_database

OWN = (
    API_KEYS, AUDIT_EVENTS, DOWNLOAD_LINKS, IDEMPOTENCY_KEYS, JOBS, DELIVERIES, ATTEMPTS, STOPPED, CONSOLE_SESSIONS,
    SIGNING_KEYS, KEY_USES, INDEX_KEYS, AUDIT_LEAVES, AUDIT_HEADS, ACCESS_GRANTS,
)  # fmt: skip
TABLES = {"history_entries", *(table.name for table in OWN)}


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": connection.dialect.name != "sqlite"})
    return list(compare_metadata(context, METADATA))


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


async def test_on_sqlite(tmp_path: Path) -> None:
    await check(Database(database_url(f"sqlite:///{tmp_path / 'own.db'}")))


@pytest.mark.parametrize("server", POSTGRESQL)
async def test_on_postgresql(server: str, request: pytest.FixtureRequest) -> None:
    await check(Database(database_url(new_database(request.getfixturevalue(server)))))
