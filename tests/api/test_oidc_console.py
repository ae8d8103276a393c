"""Signing in at the console by an identity provider: the whole flow, and every way in which it is no proof."""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from app.access.grants import OUTLIVES
from tests.builders import BASE, EMAIL, Running, running
from tests.servers import Issuer
from tests.servers import running as served

BEGIN, CALLBACK, CONSOLE = "/console/oidc/begin", "/console/oidc/callback", "https://console.example"
ADMINISTRATOR = {"dossier": {"acme": ["administrator"]}}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with served(Issuer) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Door:
    """A console that trusts an issuer, and a browser before it."""

    service: Running
    browser: httpx.AsyncClient
    issuer: Issuer

    async def begun(self) -> httpx.URL:
        answer = await self.browser.get(BEGIN)
        assert answer.status_code == 303, answer.text
        return httpx.URL(answer.headers["location"])

    async def led(self, away: httpx.URL, claims: Mapping[str, object] = ADMINISTRATOR) -> str:
        """Signed in as maria there: the path and query that the browser is led back to."""
        async with httpx.AsyncClient() as there:
            await there.put(f"{self.issuer.url}/users/maria", json=claims)
            back = httpx.URL((await there.post(away, data={"sub": "maria"})).headers["location"])
        assert back.copy_with(query=None) == self.browser.base_url.copy_with(path=CALLBACK)
        return back.raw_path.decode()

    async def ends(self, path: str) -> str:
        answer = await self.browser.get(path)
        assert (answer.status_code, answer.headers["location"].partition("=")[0]) == (303, "/console#oidc")
        assert 'dossier_sign_in=""' in answer.headers["set-cookie"]
        return str(answer.headers["location"]).partition("=")[2]


@asynccontextmanager
async def door(folder: Path, issuer: Issuer, at: str = CONSOLE) -> AsyncIterator[Door]:
    given = {
        "oidc_issuer": issuer.url, "oidc_audience": "api", "oidc_client_id": "console",
        "oidc_client_secret": "of the tests",
    }  # fmt: skip
    async with running(folder, work=False, settings=given) as service, service.bare_client() as browser:
        browser.base_url = httpx.URL(at)
        yield Door(service, browser, issuer)


def told(folder: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(folder / "var" / "dossier.db")) as database:
        found = database.execute("SELECT action, actor, details FROM audit_events WHERE actor <> 'dossier' ORDER BY id")
        return found.fetchall()


@pytest.mark.parametrize("at", [CONSOLE, "http://localhost:8000"])
async def test_who_signs_in_there_has_a_session_here(tmp_path: Path, issuer: Issuer, at: str) -> None:
    async with door(tmp_path, issuer, at) as console:
        away = await console.begun()
        assert away.params["scope"] == "openid"
        assert away.params["code_challenge_method"] == "S256"
        assert await console.ends(await console.led(away)) == "done"
        session = (await console.browser.get("/console/session")).json()
        assert session["name"] == "oidc:maria"
        console.browser.headers["X-CSRF-Token"] = session["csrf"]
        assert (await console.browser.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})).status_code == 200
        console.service.clock.ahead = timedelta(minutes=31)
        assert (await console.browser.get("/v1/me")).status_code == 401
        await console.service.services.grouped.close()
    assert next(one[:2] for one in told(tmp_path)) == ("console:sign-in", "oidc:maria")


async def test_the_cookie_meanwhile_is_for_ten_minutes_and_its_address_alone(tmp_path: Path, issuer: Issuer) -> None:
    async with door(tmp_path, issuer) as console:
        answer = await console.browser.get(BEGIN)
        cookie = answer.headers["set-cookie"]
        assert all(one in cookie for one in ("HttpOnly", "SameSite=lax", "Path=/console/oidc", "Secure", "Max-Age=600"))
        secret = console.browser.cookies["dossier_sign_in"]
        assert secret not in answer.headers["location"]
        assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")


async def test_what_is_no_proof_opens_nothing_and_stands_in_the_trail(tmp_path: Path, issuer: Issuer) -> None:
    async with door(tmp_path, issuer) as console:
        mine = await console.led(await console.begun())
        foreign = await console.led(await console.begun())
        wrong = {
            "of a sign-in before": mine,
            "without a state": CALLBACK + "?code=x",
            "with another state": str(httpx.URL(foreign).copy_set_param("state", "another")),
            "a code that nobody gave": foreign.partition("?")[0] + "?code=x&" + foreign.partition("&")[2],
            "of another issuer": f"{foreign}&iss=https%3A%2F%2Felsewhere.example",
            "not allowed there": f"{CALLBACK}?error=access_denied&{foreign.partition('&')[2]}",
        }
        kept = httpx.Cookies(console.browser.cookies)
        for name, path in wrong.items():
            console.browser.cookies = httpx.Cookies(kept)
            assert await console.ends(path) == "refused", name
            assert "dossier_session" not in console.browser.cookies, name
        console.browser.cookies = httpx.Cookies(kept)
        assert await console.ends(foreign) == "done"
        console.browser.cookies = httpx.Cookies(kept)
        assert await console.ends(foreign) == "refused", "its code counts once"
        console.browser.cookies.clear()
        assert await console.ends(foreign) == "late"
        await console.service.services.refusals.close()
    refused = [one for one in told(tmp_path) if one[0] == "access:refuse"]
    assert {actor for _, actor, _ in refused} == {"unknown"}
    assert sum(json.loads(details)["count"] for _, _, details in refused) == len(wrong) + 2


async def test_a_token_for_another_sign_in_or_client_is_none(tmp_path: Path, issuer: Issuer) -> None:
    """What the provider itself would never mix up: the nonce and the client are changed on the way there."""
    async with door(tmp_path, issuer) as console:
        for name, value in (("nonce", "another"), ("client_id", "another")):
            away = await console.begun()
            path = await console.led(away.copy_set_param(name, value))
            assert await console.ends(path) == "refused", name
            assert "dossier_session" not in console.browser.cookies


async def test_a_verifier_of_another_sign_in_is_none(tmp_path: Path, issuer: Issuer) -> None:
    async with door(tmp_path, issuer) as console:
        away = await console.begun()
        assert await console.ends(await console.led(away.copy_set_param("code_challenge", "another"))) == "refused"


async def test_while_the_issuer_is_away_the_page_says_so(tmp_path: Path) -> None:
    with served(Issuer) as leaving:
        async with door(tmp_path, leaving) as console:
            path = await console.led(await console.begun())
            leaving.stop()
            assert await console.ends(path) == "away"
        async with door(tmp_path, leaving) as console:
            answer = await console.browser.get(BEGIN)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console#oidc=away")
            assert "set-cookie" not in answer.headers


async def test_the_session_ends_with_what_was_granted(tmp_path: Path, issuer: Issuer) -> None:
    async with door(tmp_path, issuer) as console:
        assert await console.ends(await console.led(await console.begun())) == "done"
        async with door(tmp_path, issuer) as other:
            other.service.clock.ahead = timedelta(seconds=2)
            assert await other.ends(await other.led(await other.begun(), {"dossier": {"acme": ["auditor"]}})) == "done"
        console.browser.headers["X-CSRF-Token"] = (await console.browser.get("/console/session")).json()["csrf"]
        (center,) = (await console.browser.get("/v1/me")).json()["data_centers"]
        assert center["permissions"] == ["history:read", "audit:read"]
        console.service.clock.ahead = timedelta(hours=1) + OUTLIVES + timedelta(minutes=1)
        assert (await console.browser.get("/console/session")).status_code == 401


async def test_the_page_offers_it_where_it_is_configured(tmp_path: Path, issuer: Issuer) -> None:
    async with door(tmp_path, issuer) as console:
        assert '<html lang="en" data-oidc="yes">' in (await console.browser.get("/console")).text
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        assert "data-oidc" not in (await client.get("/console")).text
        assert (await client.get(BEGIN)).status_code == 404
