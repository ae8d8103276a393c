"""Who may do what: keys, roles, data centers, and what the audit trail says of it."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access.keys import KeyOrder
from app.access.port import PERMISSIONS, Permission, Role
from tests.beside import beside
from tests.builders import BASE, EMAIL, Running, candidate, finished, request_export, running


def events(folder: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "var" / "dossier.db")) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM audit_events ORDER BY id")]


async def test_who_i_am_names_my_data_centers_and_permissions(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client("ada", "auditor", "globex") as client:
        assert (await client.get("/v1/me")).json() == {
            "name": "ada",
            "data_centers": [{"id": "globex", "title": "Globex", "permissions": ["history:read", "audit:read"]}],
        }


@pytest.mark.parametrize("open_path", ["/health/live", "/health/ready", "/openapi.json", "/problems/not-found"])
async def test_some_addresses_need_no_key(tmp_path: Path, open_path: str) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as nobody:
        assert (await nobody.get(open_path)).status_code == 200


async def test_a_key_ends_when_it_expires_or_is_revoked(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, beside(service):
        keys = service.services.keys
        short = await keys.create(KeyOrder("short", ("acme",), "administrator", timedelta(days=1)))
        async with service.bare_client(short) as client:
            assert (await client.get("/v1/me")).status_code == 200
            service.clock.ahead = timedelta(days=1, seconds=1)
            assert (await client.get("/v1/me")).status_code == 401
        long = await keys.create(KeyOrder("long", ("acme",), "administrator", None))
        async with service.bare_client(long) as client:
            assert await keys.revoke(long.split("_")[1])
            answer = await client.get("/v1/me")
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("role", "permissions", "allowed"),
    [
        (None, ("history:read",), {"history:read"}),
        (None, ("exports:download", "visitors:search"), {"visitors:search", "exports:download"}),
        ("auditor", ("exports:download",), {"exports:download", "history:read", "audit:read"}),
        ("administrator", ("audit:read",), set(PERMISSIONS) - {"erasures:create", "erasures:approve"}),
        ("administrator", ("erasures:create",), set(PERMISSIONS) - {"erasures:approve"}),
    ],
)
async def test_a_key_may_what_its_role_and_its_own_permissions_say(
    tmp_path: Path, role: Role | None, permissions: tuple[Permission, ...], allowed: set[str]
) -> None:
    async with running(tmp_path, work=False) as service:
        key = await service.services.keys.create(KeyOrder("some", ("acme", "globex"), role, None, permissions))
        async with service.bare_client(key) as client:
            for center in (await client.get("/v1/me")).json()["data_centers"]:
                assert center["permissions"] == [one for one in PERMISSIONS if one in allowed]
            tried = {
                "visitors:search": await client.post(f"{BASE}/visitors/search", json={"identifier": "x"}),
                "exports:create": await client.post(f"{BASE}/exports", json={"candidate": "x"}),
                "exports:download": await client.get(f"{BASE}/exports/x/archive"),
                "exports:revoke": await client.delete(f"{BASE}/exports/x"),
                "erasures:create": await client.post(f"{BASE}/erasures/preview", json={"candidate": "x"}),
                "erasures:approve": await client.post(f"{BASE}/erasures/x/approve"),
                "history:read": await client.get(f"{BASE}/history"),
                "audit:read": await client.get(f"{BASE}/audit"),
            }
            assert {name for name, answer in tried.items() if answer.status_code != 403} == allowed


async def test_when_a_key_was_used_last_is_known_to_the_minute(tmp_path: Path) -> None:
    async def used(service: Running) -> dict[str, Any]:
        return {row.name: row.last_used_at for row in await service.services.keys.listed()}

    async with running(tmp_path, work=False) as service, await service.client() as client:
        await service.services.keys.create(KeyOrder("idle", ("acme",), "auditor", None))
        service.clock.frozen = first = datetime(2026, 11, 27, 15, tzinfo=UTC)
        await client.get("/v1/me")
        assert await used(service) == {"maria": None, "idle": None}
        await service.services.tick()
        assert await used(service) == {"maria": first, "idle": None}
        service.clock.frozen = first + timedelta(seconds=59)
        await client.get("/v1/me")
        await service.services.tick()
        assert await used(service) == {"maria": first, "idle": None}
        await service.services.keys.close()
        assert await used(service) == {"maria": service.clock.frozen, "idle": None}


async def test_a_wrong_secret_opens_nothing_and_none_is_stored(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service:
        key = await service.services.keys.create(KeyOrder("maria", ("acme",), "administrator", None))
        for wrong in (
            key[:-1],
            key + "0",
            key.replace("dossier", "other"),
            key.rpartition("_")[0] + "_",
            "dossier__",
            "é",
        ):
            async with service.bare_client() as client:
                answer = await client.get("/v1/me", headers=[(b"Authorization", b"Bearer " + wrong.encode())])
                assert answer.status_code == 401, wrong
    secret = key.rpartition("_")[2].encode()
    assert not any(secret in path.read_bytes() for path in (tmp_path / "var").glob("dossier.db*"))


async def test_every_action_leaves_its_event_with_who_whom_masked_and_what_came_of_it(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        export = await finished(client, address)
        await client.get(f"{address}/archive")
        await client.delete(address)
        await client.get(f"{address}/archive")
    told = [(one["action"], one["outcome"], one["actor"]) for one in events(tmp_path)]
    assert told == [
        ("keys:create", "done", "command line"),
        ("visitors:search", "done", "maria"),
        ("exports:request", "done", "maria"),
        ("exports:start", "done", "dossier"),
        ("exports:ready", "done", "dossier"),
        ("exports:download", "done", "maria"),
        ("exports:sent", "done", "maria"),
        ("exports:revoke", "done", "maria"),
        ("exports:download", "refused", "maria"),
    ]
    search, request = events(tmp_path)[1:3]
    details = json.loads(search["details"])
    assert (details["identifier"], details["visitors"]) == ("j•••@example.com", 3)
    assert EMAIL not in search["details"]
    assert search["reference"]
    assert request["data_source"] == "website"
    sent = json.loads(events(tmp_path)[6]["details"])
    assert sent == {"bytes": export["size"]}


async def test_audit_events_can_be_neither_changed_nor_deleted(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client():
        pass
    with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database:
        for statement in ("UPDATE audit_events SET actor = 'x'", "DELETE FROM audit_events"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                database.execute(statement)


@pytest.mark.parametrize(
    ("host", "kept"),
    [("10.1.2.3", "10.1.2.3"), ("2001:DB8::1", "2001:db8::1"), ("fe80::1%jane", "fe80::1"), (EMAIL + "x" * 90, None)],
)
async def test_an_event_keeps_an_address_and_no_other_word_of_a_proxy(
    tmp_path: Path, host: str, kept: str | None
) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        from_there = httpx.ASGITransport(service.app, client=(host, 1))
        async with httpx.AsyncClient(transport=from_there, base_url="http://test", headers=client.headers) as caller:
            assert (await caller.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})).status_code == 200
    assert events(tmp_path)[-1]["address"] == kept


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_what_cannot_be_recorded_leaves_entry_counter_and_archive_as_they_were(
    tmp_path: Path, method: str
) -> None:
    path = {"POST": f"{BASE}/exports", "GET": "{}/archive", "DELETE": "{}"}[method]
    async with running(tmp_path, work=False) as service, await service.client() as client:
        token, ready = await candidate(client), await request_export(client, "iPad")
        await service.services.run_job()
        before = (await client.get(f"{BASE}/history")).json()
        with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database, database:
            database.execute(
                "CREATE TRIGGER full BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            )
        sent = {"json": {"candidate": token}} if method == "POST" else {}
        assert (await client.request(method, path.format(ready), **sent)).status_code == 500  # type: ignore[arg-type]
        assert (await client.get(f"{BASE}/history")).json() == before
        assert len(list((tmp_path / "var" / "archives").rglob("*.zip"))) == 1


async def test_an_action_that_cannot_be_recorded_does_not_happen(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database, database:
            database.execute("ALTER TABLE audit_events RENAME TO elsewhere")
        assert (await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})).status_code == 503
        assert (await client.delete(address)).status_code == 503
        assert (await client.get(address)).json()["status"] == "queued"
