"""Runs migrations on the connection it is given, or on the configured database for Alembic's own commands."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from app.access.keys import API_KEYS
from app.audit.trail import AUDIT_EVENTS
from app.history.tables import HISTORY_ENTRIES
from app.jobs.tables import JOBS
from app.kit.db import METADATA

# Alembic compares METADATA with a database; importing the tables is what fills it.
assert {API_KEYS.name, AUDIT_EVENTS.name, HISTORY_ENTRIES.name, JOBS.name} <= set(METADATA.tables)  # noqa: S101


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def run_by_hand() -> None:
    from app.adapters import build_database
    from app.settings import read_settings

    async def migrate() -> None:
        database = build_database(read_settings(os.environ))
        async with database.writing() as connection:
            await connection.run_sync(run)

    asyncio.run(migrate())


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    run_by_hand()
