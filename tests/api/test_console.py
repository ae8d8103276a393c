"""Signing in at the console: a key becomes a cookie, which counts with its header, for a while, and as long as the key."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access.keys import KeyOrder
from tests.builders import BASE, EMAIL, Running, running

SESSION = "/console/session"


async def key_of(service: Running, name: str = "maria") -> str:
    return await service.services.keys.create(KeyOrder(name, ("acme",), "administrator", None))


async def signed_in(service: Running, client: httpx.AsyncClient, **body: str) -> dict[str, Any]:
    answer = await client.post(SESSION, json=body or {"key": await key_of(service)})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    client.headers["X-CSRF-Token"] = told["csrf"]
    return told


async def test_a_key_becomes_a_cookie_that_no_script_reads_and_no_other_site_sends(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        answer = await client.post(SESSION, json={"key": await key_of(service)})
        cookie = answer.headers["set-cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/", "Secure"))
        assert "Expires" not in cookie
        assert set(answer.json()) == {"name", "csrf", "expires_at", "idle_seconds"}
        client.base_url = httpx.URL("http://localhost:8000")
        answer = await client.post(SESSION, json={"key": await key_of(service, "otto")})
        assert "Secure" not in answer.headers["set-cookie"]


async def test_the_cookie_counts_for_every_address_with_its_header_alone(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        client.base_url = httpx.URL("https://console.example")
        told = await signed_in(service, client)
        found = await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})
        assert found.status_code == 200
        assert (await client.get("/v1/me")).json()["name"] == "maria"
        for header in ("", told["csrf"][:-1], "é"):
            answer = await client.get("/v1/me", headers={b"X-CSRF-Token": header.encode()})
            assert answer.status_code == 401, header
        del client.headers["X-CSRF-Token"]
        assert (await client.get("/v1/me")).status_code == 401
        assert (await client.delete(SESSION)).status_code == 401
        assert (await client.get(SESSION)).json()["csrf"] == told["csrf"]


async def test_it_lives_while_it_is_used_and_ends_after_half_a_day_in_any_case(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        client.base_url = httpx.URL("https://console.example")
        await signed_in(service, client)
        for minutes in range(25, 12 * 60, 25):
            service.clock.ahead = timedelta(minutes=minutes)
            assert (await client.get("/v1/me")).status_code == 200, minutes
        service.clock.ahead = timedelta(hours=12, seconds=1)
        assert (await client.get("/v1/me")).status_code == 401


async def test_half_an_hour_of_rest_ends_it_and_the_tick_deletes_it(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        client.base_url = httpx.URL("https://console.example")
        await signed_in(service, client)
        service.clock.ahead = timedelta(minutes=30, seconds=1)
        assert (await client.get("/v1/me")).status_code == 401
        await service.services.sessions.delete_old()
    with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database:
        assert database.execute("SELECT count(*) FROM console_sessions WHERE kind = 'session'").fetchone() == (0,)


async def test_it_ends_with_its_key_and_with_signing_out(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        client.base_url = httpx.URL("https://console.example")
        await signed_in(service, client)
        kept = httpx.Cookies(client.cookies)
        assert (await client.delete(SESSION)).status_code == 204
        client.cookies = kept
        assert (await client.get("/v1/me")).status_code == 401
        await signed_in(service, client, key=await key_of(service, "otto"))
        (row,) = [one for one in await service.services.keys.listed() if one.name == "otto"]
        await service.services.keys.revoke(row.id)
        assert (await client.get("/v1/me")).status_code == 401
        actions = [one for one in ("console:sign-in", "console:sign-out") if await _told(tmp_path, one)]
        assert actions == ["console:sign-in", "console:sign-out"]


async def _told(folder: Path, action: str) -> bool:
    with closing(sqlite3.connect(folder / "var" / "dossier.db")) as database:
        found = database.execute("SELECT 1 FROM audit_events WHERE action = ? AND actor = 'maria'", (action,))
        return found.fetchone() is not None


async def test_a_link_signs_in_once_and_for_ten_minutes(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        client.base_url = httpx.URL("https://console.example")
        key = await key_of(service)
        ticket = await service.services.sessions.make_ticket(key)
        await signed_in(service, client, ticket=ticket)
        assert (await client.get("/v1/me")).status_code == 200
        assert (await client.post(SESSION, json={"ticket": ticket})).status_code == 401
        late = await service.services.sessions.make_ticket(key)
        service.clock.ahead = timedelta(minutes=10, seconds=1)
        assert (await client.post(SESSION, json={"ticket": late})).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"key": "dossier_0_0"}, 401),
        ({"ticket": "never made"}, 401),
        ({}, 422),
        ({"key": "x", "ticket": "y"}, 422),
        ({"key": "x" * 201}, 422),
        ({"password": "x"}, 422),
    ],
)
async def test_nobody_else_gets_in(tmp_path: Path, body: dict[str, str], status: int) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        answer = await client.post(SESSION, json=body)
        assert answer.status_code == status
        assert "set-cookie" not in answer.headers
        form = await client.post(SESSION, data={"key": await key_of(service)})
        assert form.status_code == 415


async def test_the_database_holds_no_secret_of_a_session(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        told = await signed_in(service, client)
        secret = client.cookies["dossier_session"]
        ticket = await service.services.sessions.make_ticket(await key_of(service, "otto"))
    held = b"".join(path.read_bytes() for path in (tmp_path / "var").glob("dossier.db*"))
    for one in (secret, told["csrf"], ticket):
        assert one.encode() not in held


async def test_every_view_is_the_page_under_a_strict_policy_with_files_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        assert (await client.get("/")).headers["location"] == "/console"
        paths = ("", "?data_center=acme", "/history?status=ready", "/exports/1", "/erasures/1")
        views = [f"/console{path}" for path in paths]
        pages = [await client.get(view) for view in views]
        assert {one.status_code for one in pages} == {200}
        assert len({one.text for one in pages}) == 1
        policy = pages[0].headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        known = {"If-None-Match": pages[0].headers["etag"]}
        assert (await client.get("/console", headers=known)).status_code == 304
        for missing in ("/console/files/none.js", "/console/files/index.html", "/console/files/..%2fendpoints.py"):
            assert (await client.get(missing)).status_code == 404


async def test_switched_off_there_is_no_page(tmp_path: Path) -> None:
    async with running(tmp_path, work=False, settings={"console": "off"}) as service, service.bare_client() as client:
        for path in ("/", "/console", "/console/session", "/console/files/app.js"):
            assert (await client.get(path)).json()["type"] == "/problems/not-found"
