"""Dossier's own database: the same on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.kit.errors import Misconfigured
from tests.builders import BASE, Running, archive, document, finished, request_export, running


@asynccontextmanager
async def on(request: pytest.FixtureRequest, engine: str, folder: Path, *, work: bool = True) -> AsyncIterator[Running]:
    url = None
    if engine != "sqlite":
        server, name = request.getfixturevalue(engine), f"own_{uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        url = server.rpartition("/")[0] + f"/{name}"
    async with running(folder, work=work, database_url=url) as service:
        yield service


engines = pytest.mark.parametrize("engine", ["sqlite", "postgres_16", "postgres_18"])


@engines
async def test_the_whole_story_runs_on_it(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> None:
    async with on(request, engine, tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        opened = await archive(client, address)
        assert len(document(opened)["sections"]["events"]) == 3
        assert (await client.get(f"{BASE}/history?page_size=1")).json()["items"][0]["downloads"] == 1
        assert (await client.delete(address)).status_code == 204
        assert (await finished(client, address))["status"] == "revoked"


@engines
async def test_each_job_is_claimed_once(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> None:
    async with on(request, engine, tmp_path, work=False) as service, await service.client() as client:
        addresses = [await request_export(client, device) for device in ("iPhone", "iPad", None)]
        claims = await asyncio.gather(*(service.services.attempt._claim() for _ in range(5)))
        claimed = [claim[0].entry_id for claim in claims if claim]
        assert 1 < len(claimed) == len(set(claimed)) <= len(addresses)
        assert {(await client.get(address)).json()["status"] for address in addresses} <= {"compiling", "queued"}


@engines
async def test_two_requests_at_one_instant_are_one_export(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service, await service.client() as client:
        addresses = await asyncio.gather(*(request_export(client) for _ in range(4)))
        assert len(set(addresses)) == 1


@engines
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history_entries SET status = 'lost'",
        "UPDATE history_entries SET status = 'ready'",
        "UPDATE history_entries SET status = 'failed'",
        "UPDATE history_entries SET problem = 'x'",
        "UPDATE audit_events SET actor = 'somebody else'",
        "DELETE FROM audit_events",
        "DELETE FROM history_entries",
    ],
)
async def test_an_illegal_state_is_impossible_in_the_database_itself(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path, statement: str
) -> None:
    async with on(request, engine, tmp_path, work=False) as service, await service.client() as client:
        await request_export(client)
        with pytest.raises(DBAPIError):
            async with service.services.database.writing() as connection:
                await connection.execute(text(statement))


async def test_a_database_that_is_none_is_told_in_one_sentence_and_as_not_ready(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        await service.services.database.close()
        for path in (tmp_path / "var").glob("dossier.db*"):
            path.unlink()
        (tmp_path / "var" / "dossier.db").write_bytes(b"this is no database" * 1000)
        with pytest.raises(Misconfigured, match="cannot be used"):
            await service.services.database.migrate()
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unreachable")
