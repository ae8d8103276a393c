"""Who is refused leaves a trace: once at first, then a count a minute, and nothing of what was sent."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.access.keys import KeyOrder
from tests.builders import BASE, EMAIL, Running, candidate, request_export, running

GLOBEX = "/v1/data-centers/globex"
MINUTE = timedelta(minutes=1)
Told = tuple[str, str | None, str | None, dict[str, Any]]


def refusals(folder: Path) -> list[Told]:
    """Actor, data center, address and details of each."""
    asked = "SELECT actor, data_center, address, details FROM audit_events WHERE action = 'access:refuse' ORDER BY id"
    with closing(sqlite3.connect(folder / "var" / "dossier.db")) as database:
        return [(*one[:3], json.loads(one[3])) for one in database.execute(asked)]


def told(problem: str, count: int = 1, /, **more: str) -> dict[str, Any]:
    return {"problem": problem, "count": count, **more}


@asynccontextmanager
async def standing(folder: Path, **given: Any) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    """A service without a tick, at a moment that only the test moves on, and an administrator."""
    async with running(folder, work=False, **given) as service, await service.client() as client:
        service.clock.frozen = datetime.now(UTC)
        yield service, client


def later(service: Running, by: timedelta = MINUTE) -> None:
    assert service.clock.frozen
    service.clock.frozen += by


def from_address(service: Running, client: httpx.AsyncClient, address: str) -> httpx.AsyncClient:
    there = httpx.ASGITransport(service.app, client=(address, 1))
    return httpx.AsyncClient(transport=there, base_url="http://test", headers=client.headers)


async def tamper(client: httpx.AsyncClient, times: int = 1) -> None:
    """With a real token in which one character is another."""
    token = await candidate(client)
    changed = token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:]
    for _ in range(times):
        answer = await client.post(f"{BASE}/exports", json={"candidate": changed})
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/candidate-token-invalid")


async def test_a_thousand_tampered_candidates_are_an_event_at_once_and_one_a_minute_later(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, client):
        await tamper(client, 1000)
        first = ("maria", "acme", "127.0.0.1", told("candidate-token-invalid"))
        assert refusals(tmp_path) == [first]
        later(service, MINUTE - timedelta(seconds=1))
        await service.services.tick()
        assert refusals(tmp_path) == [first]
        later(service, timedelta(seconds=1))
        await service.services.tick()
        assert refusals(tmp_path) == [first, (*first[:3], told("candidate-token-invalid", 999))]
        newest, before = (await client.get(f"{BASE}/audit?action=access:refuse")).json()["items"]
        assert (newest["outcome"], newest["details"]["count"], before["details"]["count"]) == ("refused", 999, 1)
        assert newest["reference"] != before["reference"]


async def test_the_next_minute_begins_with_the_event_that_ended_the_one_before(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, client):
        for _ in range(3):
            await tamper(client, 5)
            await service.services.tick()
            later(service)
        await service.services.tick()
        assert [one[3]["count"] for one in refusals(tmp_path)] == [1, 5, 5, 4]
        later(service)
        await service.services.tick()
        later(service)
        await tamper(client)
        assert [one[3]["count"] for one in refusals(tmp_path)] == [1, 5, 5, 4, 1]


async def test_bad_keys_are_counted_by_the_id_of_a_key_that_exists_or_did(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, _):
        keys = service.services.keys
        live, revoked = [await keys.create(KeyOrder(one, ("acme",), "auditor", None)) for one in ("live", "revoked")]
        short = await keys.create(KeyOrder("short", ("acme",), "auditor", timedelta(seconds=1)))
        await keys.revoke(revoked.split("_")[1])
        later(service, timedelta(seconds=2))
        for bad in (live[:-1] + "!", revoked, short):
            async with service.bare_client(bad) as client:
                for _ in range(30):
                    assert (await client.get("/v1/me")).status_code == 401
        later(service)
        await service.services.tick()
        ids = [one.split("_")[1] for one in (live, revoked, short)]
        expected = [told("unauthenticated", count, key=one) for count in (1, 29) for one in ids]
        assert [one[3] for one in refusals(tmp_path)] == expected
        assert {one[:2] for one in refusals(tmp_path)} == {("unknown", None)}


async def test_invented_keys_are_one_and_the_same_stranger(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, _), service.bare_client() as client:
        sent = [f"Bearer dossier_{uuid4().hex[:12]}_{uuid4().hex}" for _ in range(80)]
        sent += [f"Bearer {uuid4().hex}" for _ in range(5)] + ["Basic eDp5", "Bearer", "Bearer dossier__", "x", "é"]
        for one in sent:
            answer = await client.get(f"{BASE}/history", headers=[(b"Authorization", one.encode())])
            assert answer.status_code == 401
        later(service)
        await service.services.tick()
        where = ("unknown", "acme", "127.0.0.1")
        assert refusals(tmp_path) == [(*where, told("unauthenticated")), (*where, told("unauthenticated", 89))]
    held = b"".join(path.read_bytes() for path in (tmp_path / "var").glob("dossier.db*"))
    assert not any(one.split("_")[1].encode() in held for one in sent[:80])


async def test_who_presents_nothing_is_asked_for_a_key_and_was_not_refused(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, _), service.bare_client() as client:
        for path in ("/v1/me", f"{BASE}/history", "/console/session"):
            assert (await client.get(path)).status_code == 401
        for path in ("/nothing", "/problems/nothing", "/console/files/nothing"):
            assert (await client.get(path)).status_code == 404
        assert refusals(tmp_path) == []
        for _ in range(2):
            assert (await client.get("/v1/me", headers={"Cookie": "dossier_session=forged"})).status_code == 401
        assert refusals(tmp_path) == [("unknown", None, "127.0.0.1", told("unauthenticated"))]


async def test_a_bad_sign_in_and_a_ticket_that_was_used_are_told(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, _), service.bare_client() as client:
        key = await service.services.keys.create(KeyOrder("paula", ("acme",), "auditor", None))
        ticket = await service.services.sessions.make_ticket(key)
        await client.post("/console/session", json={"ticket": ticket})
        client.cookies.clear()
        for body in ({"ticket": ticket}, {"key": "dossier_0_0"}, {"key": key[:-1] + "!"}):
            assert (await client.post("/console/session", json=body)).status_code == 401
        assert [one[3] for one in refusals(tmp_path)] == [
            told("unauthenticated"), told("unauthenticated", key=key.split("_")[1]),
        ]  # fmt: skip


async def test_who_tries_another_data_center_stands_in_its_trail(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, client), await service.client("otto", "auditor", "globex") as otto:
        for path in ("/history", "/audit", f"/exports/{uuid4()}", "/data-sources"):
            assert (await client.get(GLOBEX + path)).status_code == 404
        assert (await client.get(f"/v1/data-centers/{EMAIL}/history")).status_code == 404
        items = (await otto.get(f"{GLOBEX}/audit")).json()["items"]
        assert [(one["actor"], one["details"]) for one in items] == [("maria", told("not-found"))]
        later(service)
        await service.services.tick()
        found = [(*one[:2], one[3]["count"]) for one in refusals(tmp_path)]
        assert found == [("maria", "globex", 1), ("maria", None, 1), ("maria", "globex", 3)]


async def test_ids_of_nothing_and_of_another_data_centers_exports_are_told(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, client), await service.client("boss", "administrator", "globex") as boss:
        foreign = (await request_export(client)).rpartition("/")[2]
        for one in (foreign, str(uuid4()), "no-id"):
            there = f"{GLOBEX}/exports/{one}"
            for method, path in (
                ("GET", ""),
                ("DELETE", ""),
                ("GET", "/archive"),
                ("POST", "/links"),
                ("POST", "/retry"),
            ):
                assert (await boss.request(method, there + path)).status_code == 404
        later(service)
        await service.services.tick()
        where = ("boss", "globex", "127.0.0.1")
        assert refusals(tmp_path) == [(*where, told("not-found")), (*where, told("not-found", 14))]


@pytest.mark.parametrize("list_", ["history", "audit"])
async def test_page_tokens_that_were_changed_are_told(tmp_path: Path, list_: str) -> None:
    async with standing(tmp_path) as (_, client):
        assert (await client.get(f"{BASE}/{list_}?page_token=changed")).status_code == 422
        assert refusals(tmp_path) == [("maria", "acme", "127.0.0.1", told("page-token-invalid"))]


async def test_links_that_nobody_made_are_told(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, _), service.bare_client() as browser:
        for _ in range(20):
            assert (await browser.get(f"/v1/links/{uuid4().hex}")).status_code == 404
        later(service)
        await service.services.tick()
        assert [one[0] + str(one[3]["count"]) for one in refusals(tmp_path)] == ["unknown1", "unknown19"]


async def test_what_a_role_does_not_include_is_told_by_its_permission(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, _), await service.client("ada", "auditor") as ada:
        for _ in range(3):
            assert (await ada.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})).status_code == 403
            assert (await ada.post(f"{BASE}/exports", json={"candidate": "x"})).status_code == 403
        search, create = ({"permission": one} for one in ("visitors:search", "exports:create"))
        assert [one[3] for one in refusals(tmp_path)] == [told("forbidden", **one) for one in (search, create)]


async def test_two_addresses_or_two_keys_are_two_events(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, maria), await service.client("boss") as boss:
        async with from_address(service, maria, "10.0.0.7") as elsewhere:
            for client in (maria, elsewhere, boss) * 2:
                await tamper(client)
        assert [(actor, address) for actor, _, address, _ in refusals(tmp_path)] == [
            ("maria", "127.0.0.1"), ("maria", "10.0.0.7"), ("boss", "127.0.0.1"),
        ]  # fmt: skip


async def test_a_stranger_with_many_addresses_does_not_fill_the_trail(tmp_path: Path) -> None:
    async with standing(tmp_path) as (service, _), service.bare_client("dossier_0_0") as client:
        for number in range(200):
            async with from_address(service, client, f"2001:db8::{number:x}") as stranger:
                assert (await stranger.get("/v1/me")).status_code == 401
        assert len(refusals(tmp_path)) == 51
        later(service)
        await service.services.tick()
        assert refusals(tmp_path)[51:] == [("unknown", None, None, told("unauthenticated", 149))]


async def test_what_was_counted_is_written_when_the_process_closes(tmp_path: Path) -> None:
    async with standing(tmp_path) as (_, client):
        await tamper(client, 10)
        assert [one[3]["count"] for one in refusals(tmp_path)] == [1]
    assert [one[3]["count"] for one in refusals(tmp_path)] == [1, 9]


@pytest.mark.parametrize("statement", [
    "ALTER TABLE audit_events RENAME TO elsewhere",
    "CREATE TRIGGER full BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
])  # fmt: skip
async def test_without_a_trail_they_are_refused_all_the_same_and_told_later(tmp_path: Path, statement: str) -> None:
    undo = "DROP TRIGGER full" if "TRIGGER" in statement else "ALTER TABLE elsewhere RENAME TO audit_events"
    async with standing(tmp_path) as (service, client), await service.client("ada", "auditor") as ada:
        with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database, database:
            database.execute(statement)
        for _ in range(4):
            assert (await ada.post(f"{BASE}/exports", json={"candidate": "x"})).status_code == 403
            assert (await client.post(f"{BASE}/exports", json={"candidate": "x"})).status_code == 409
        with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database, database:
            database.execute(undo)
        later(service)
        await service.services.tick()
        assert sorted((one[0], one[3]["count"]) for one in refusals(tmp_path)) == [("ada", 4), ("maria", 4)]


async def test_refusals_at_the_same_moment_are_all_counted_and_metrics_count_each(tmp_path: Path) -> None:
    async with standing(tmp_path, settings={"metrics": "on"}) as (service, client):
        await asyncio.gather(*(client.get(f"{BASE}/exports/{uuid4()}") for _ in range(60)))
        assert [one[3]["count"] for one in refusals(tmp_path)] == [1]
        later(service)
        await service.services.tick()
        assert [one[3]["count"] for one in refusals(tmp_path)] == [1, 59]
        shown = text_string_to_metric_families((await client.get("/metrics")).text)
        counted = [
            one.value for family in shown for one in family.samples if one.labels.get("action") == "access:refuse"
        ]
        assert 60 in counted
