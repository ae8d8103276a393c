"""Dossier's own database: the same on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.bootstrap import build_services
from app.kit.db import OLDEST_REVISION, Database, database_url
from app.kit.errors import Misconfigured
from app.startup import prepare_schema
from tests.builders import (
    BASE,
    Running,
    archive,
    candidate,
    document,
    environ_of,
    finished,
    health,
    request_export,
    running,
)
from tests.engines import EACH
from tests.servers import Postgres, new_database
from tests.servers import running as running_server


@asynccontextmanager
async def on(
    request: pytest.FixtureRequest, engine: str, folder: Path, *, work: bool = True, revision: str = "head"
) -> AsyncIterator[Running]:
    url = None if engine == "sqlite" else new_database(request.getfixturevalue(engine))
    async with running(
        folder, work=work, database_url=url, revision=revision, settings={"migrate": "manual"}
    ) as service:
        yield service


engines = pytest.mark.parametrize("engine", EACH)


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
        claims = await asyncio.gather(*(service.services.run_job.take_up() for _ in range(5)))
        claimed = [claim[0].entry_id for claim in claims if claim]
        assert 1 < len(claimed) == len(set(claimed)) <= len(addresses)
        assert {(await client.get(address)).json()["status"] for address in addresses} <= {"compiling", "queued"}


@engines
async def test_jobs_of_a_source_whose_connections_are_taken_are_passed_over(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    """They would hold a worker and only wait, while others could be served."""
    async with on(request, engine, tmp_path, work=False) as service, await service.client() as client:
        website = [await request_export(client, device) for device in ("iPhone", "iPad")]
        shop = await request_export(client, source="shop")
        run_job = service.services.run_job
        run_job.running["acme", "website"] = 1
        claimed = [await run_job.take_up() for _ in range(2)]
        assert [one[1].lane if one else None for one in claimed] == [("acme", "shop"), None]
        assert [(await client.get(one)).json()["status"] for one in website] == ["queued", "queued"]
        assert (await client.get(shop)).json()["status"] == "compiling"
        run_job.running["acme", "website"] = 0
        assert await run_job()
        assert (await client.get(website[0])).json()["status"] == "ready"
        assert run_job.running["acme", "website"] == 0


@engines
async def test_two_requests_at_one_instant_are_one_export(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service, await service.client() as client:
        addresses = await asyncio.gather(*(request_export(client) for _ in range(4)))
        assert len(set(addresses)) == 1


ILLEGAL = {
    "UPDATE history_entries SET status = 'lost'",
    "UPDATE history_entries SET status = 'ready'",
    "UPDATE history_entries SET status = 'failed'",
    "UPDATE history_entries SET problem = 'x'",
    "UPDATE audit_events SET actor = 'somebody else'",
    "DELETE FROM audit_events",
    "DELETE FROM history_entries",
    "UPDATE history_entries SET status = 'revoked'",
    "UPDATE history_entries SET status = 'failed', problem = 'x'",
    "UPDATE jobs SET lease_until = due_at",
    "INSERT INTO jobs SELECT * FROM jobs",
}


async def refused(database: Database, statements: set[str]) -> set[str]:
    """What the database itself does not do; each stands in a transaction of its own."""
    found = set()
    for statement in statements:
        try:
            async with database.writing() as connection:
                await connection.execute(text(statement))
        except DBAPIError:
            found.add(statement)
    return found


@engines
async def test_an_illegal_state_is_impossible_in_the_database_itself(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service, await service.client() as client:
        await request_export(client)
        assert await refused(service.services.database, ILLEGAL) == ILLEGAL


@engines
async def test_what_has_ended_cannot_begin_again(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> None:
    async with on(request, engine, tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        await service.services.run_job()
        await client.delete(address)
        again = {f"UPDATE history_entries SET status = '{after}'" for after in ("queued", "compiling", "ready")}
        assert await refused(service.services.database, again) == again
        assert (await client.get(address)).json()["status"] == "revoked"


@engines
async def test_this_version_runs_on_the_schema_before_it_and_on_a_later_one(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    """So that a rolling upgrade may migrate first, or last."""
    async with on(request, engine, tmp_path, revision=OLDEST_REVISION) as service, await service.client() as client:
        database = service.services.database
        manual = service.services.settings
        await prepare_schema(manual, database)
        with pytest.raises(Misconfigured, match="and webhooks need this one's; run `python -m app migrate` first"):
            await prepare_schema(manual, database, "webhooks need this one's")
        assert (await client.get("/health/ready")).json()["checks"]["database"] == "behind"
        address = await request_export(client)
        assert len(document(await archive(client, address))["sections"]["events"]) == 3
        await service.services.tick()
        assert (await client.post(f"{address}/links")).status_code == 503
        await database.migrate()
        assert (await client.post(f"{address}/links")).status_code == 201
        async with database.writing() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await prepare_schema(manual, database)
        assert (await health(client, database="ok")).json()["status"] == "ok"
        assert (await client.delete(address)).status_code == 204
        async with database.writing() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        with pytest.raises(Misconfigured, match="app migrate"):
            await prepare_schema(manual, database)


@engines
async def test_the_clockwork_runs_in_every_process_and_acts_once(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service, await service.client() as client:
        given = service.services.settings
        others = [build_services(given, environ_of(tmp_path), service.clock) for _ in range(3)]
        ticks = [one.tick for one in (service.services, *others)]
        first = await request_export(client)
        assert await service.services.run_job()
        second = await request_export(client, "iPad")
        assert await service.services.run_job.take_up()
        service.clock.ahead = timedelta(days=15)
        await asyncio.gather(*(tick() for tick in ticks * 2))
        assert (await client.get(first)).json()["status"] == "expired"
        assert (await client.get(second)).json()["status"] == "queued"
        async with service.services.database.reading() as connection:
            expiries = await connection.execute(
                text("SELECT count(*) FROM audit_events WHERE action = 'exports:expire'")
            )
            lost = await connection.execute(text("SELECT lost_leases FROM jobs"))
            assert (expiries.scalar_one(), lost.scalar_one()) == (1, 1)
        assert list((tmp_path / "var" / "archives").rglob("*.zip")) == []
        for one in others:
            await one.close()


async def test_no_statement_and_no_idle_transaction_lasts_for_ever(postgres_18: str) -> None:
    database = Database(database_url(postgres_18))
    async with database.reading() as connection:
        bounds = {"statement_timeout": "6s", "idle_in_transaction_session_timeout": "30s", "lock_timeout": "5s"}
        for name, bound in bounds.items():
            assert (await connection.execute(text(f"SHOW {name}"))).scalar_one() == bound
    await database.close()
    chosen = Database(database_url(f"{postgres_18}?options=-c%20statement_timeout%3D4s"))
    async with chosen.reading() as connection:
        assert (await connection.execute(text("SHOW statement_timeout"))).scalar_one() == "4s"
    await chosen.close()


async def test_several_processes_may_migrate_at_once(postgres_18: str) -> None:
    url = new_database(postgres_18)
    databases = [Database(database_url(url)) for _ in range(5)]
    await asyncio.gather(*(one.migrate() for one in databases))
    assert [await one.state() for one in databases] == ["ok"] * 5
    for one in databases:
        await one.close()


async def test_a_download_that_cannot_be_counted_is_whole_all_the_same(postgres_18: str, tmp_path: Path) -> None:
    url = new_database(postgres_18)
    async with running(tmp_path, database_url=url) as service, await service.client() as client:
        address = await request_export(client)
        export = await finished(client, address)
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE history_entries IN EXCLUSIVE MODE")
            async with asyncio.timeout(4):
                answer = await client.get(f"{address}/archive")
        assert (answer.status_code, len(answer.content)) == (200, export["size"])
        assert (await client.get(address)).json()["downloads"] == 0
        with psycopg.connect(url) as connection:
            sent = connection.execute("SELECT details FROM audit_events WHERE action = 'exports:sent'").fetchall()
        assert sent == [({"bytes": export["size"]},)]


async def test_a_lock_that_others_hold_is_waited_for_only_so_long(postgres_18: str, tmp_path: Path) -> None:
    url = new_database(postgres_18)
    async with running(tmp_path, work=False, database_url=url) as service, await service.client() as client:
        token = await candidate(client)
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE history_entries")
            answer = await client.post(f"{BASE}/exports", json={"candidate": token})
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/database-unavailable")
        assert (await client.post(f"{BASE}/exports", json={"candidate": token})).status_code == 202


async def test_while_the_database_is_away_requests_are_told_so_and_afterwards_served(tmp_path: Path) -> None:
    with running_server(Postgres, "18") as server:
        async with running(tmp_path, work=False, database_url=server.url) as service, await service.client() as client:
            token = await candidate(client)
            server.stop()
            refused = await client.post(f"{BASE}/exports", json={"candidate": token})
            assert (refused.status_code, refused.json()["type"]) == (503, "/problems/database-unavailable")
            assert (await client.get("/health/ready")).status_code == 503
            assert (await client.get("/health/live")).status_code == 200
            server.start()
            assert (await client.post(f"{BASE}/exports", json={"candidate": token})).status_code == 202


async def test_an_export_outlives_a_database_that_is_away_for_seconds(tmp_path: Path) -> None:
    """Its heart cannot beat, and its end cannot be written at once; the work is done once."""
    with running_server(Postgres, "18") as server:
        async with (
            running(tmp_path, work=False, database_url=server.url, events=900_000) as service,
            await service.client() as client,
        ):
            address = await request_export(client)
            attempt = asyncio.create_task(service.services.run_job())
            while (await client.get(address)).json()["progress"]["rows"] == 0:
                await asyncio.sleep(0.02)
            server.stop()
            await asyncio.sleep(5)
            server.start()
            assert await attempt
            assert (await client.get(address)).json()["status"] == "ready"
            assert len(list((tmp_path / "var" / "archives").rglob("*.zip"))) == 1
            async with service.services.database.reading() as connection:
                starts = await connection.execute(
                    text(
                        "SELECT action FROM audit_events WHERE action IN ('exports:start', 'exports:ready') ORDER BY id"
                    )
                )
                assert starts.scalars().all() == ["exports:start", "exports:ready"]


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
