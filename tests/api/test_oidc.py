"""Tokens of an identity provider: which count, how its keys change, and what outlives a token."""

import asyncio
import base64
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from app.access.grants import OUTLIVES
from app.access.keys import KeyOrder
from app.access.port import ROLES
from app.bootstrap import build_services
from app.kit.errors import Misconfigured
from app.settings import read_settings
from tests.builders import BASE, Running, archive, candidate, environ_of, request_export, running
from tests.servers import Issuer
from tests.servers import running as served

ADMINISTRATOR = {"dossier": {"acme": ["administrator"]}}
OIDC = {
    "DOSSIER_OIDC_ISSUER": "https://id.example", "DOSSIER_OIDC_AUDIENCE": "dossier",
    "DOSSIER_OIDC_CLIENT_ID": "dossier", "DOSSIER_OIDC_CLIENT_SECRET": "of the tests",
}  # fmt: skip


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with served(Issuer) as server:
        yield server


@asynccontextmanager
async def trusting(folder: Path, issuer: Issuer, *, work: bool = False) -> AsyncIterator[Running]:
    given = {
        "oidc_issuer": issuer.url, "oidc_audience": "dossier", "oidc_client_id": "dossier",
        "oidc_client_secret": "of the tests",
    }  # fmt: skip
    async with running(folder, work=work, settings=given) as service:
        yield service


async def me(service: Running, token: str) -> httpx.Response:
    async with service.bare_client(token) as client:
        return await client.get("/v1/me")


def forged(issuer: Issuer, **changes: Any) -> str:
    """Signed with the issuer's own key, but it would not say so."""
    good = issuer.signed("maria", ADMINISTRATOR)
    header, key = jwt.get_unverified_header(good), (issuer.folder / "key.pem").read_text()
    claims = jwt.decode(good, options={"verify_signature": False}) | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, "RS256", {"kid": header["kid"]})


def part(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


async def test_a_token_of_the_issuer_counts_for_what_its_claim_says(tmp_path: Path, issuer: Issuer) -> None:
    async with trusting(tmp_path, issuer, work=True) as service:
        token = issuer.signed("maria", ADMINISTRATOR)
        async with service.bare_client(token) as client:
            told = (await client.get("/v1/me")).json()
            assert (told["name"], [one["id"] for one in told["data_centers"]]) == ("oidc:maria", ["acme"])
            assert (await archive(client, await request_export(client))).namelist()
        given = {"acme": ["auditor", "exports:create", "king", 7], "nowhere": ["administrator"], "globex": "auditor"}
        told = (await me(service, issuer.signed("otto", {"dossier": given}))).json()
        (center,) = told["data_centers"]
        assert center["permissions"] == ["exports:create", "history:read", "audit:read"]
        for role, permissions in ROLES.items():
            told = (await me(service, issuer.signed(role, {"dossier": {"acme": [role]}}))).json()
            assert told["data_centers"][0]["permissions"] == list(permissions), role
        empty: tuple[dict[str, Any], ...] = ({}, {"dossier": "administrator"}, {"dossier": {"acme": []}})
        for nothing in empty:
            answer = await me(service, issuer.signed("nobody", nothing))
            assert (answer.status_code, answer.json()["data_centers"]) == (200, [])
        assert not (await me(service, forged(issuer, sub="x" * 50))).is_error


async def test_the_claim_may_lie_within_another(tmp_path: Path, issuer: Issuer) -> None:
    given = {"oidc_issuer": issuer.url, "oidc_audience": "dossier", "oidc_client_id": "d", "oidc_client_secret": "s"}
    async with running(tmp_path, work=False, settings=given | {"oidc_claim": "apps.dossier"}) as service:
        answer = await me(service, issuer.signed("maria", {"apps": ADMINISTRATOR}))
        assert [one["id"] for one in answer.json()["data_centers"]] == ["acme"]
        assert (await me(service, issuer.signed("maria", {"apps": 1}))).json()["data_centers"] == []


async def test_every_other_token_is_refused_like_a_key_that_nobody_made(tmp_path: Path, issuer: Issuer) -> None:
    now, good = int(time.time()), issuer.signed("maria", ADMINISTRATOR)
    head, body, signature = good.split(".")
    kid = {"kid": jwt.get_unverified_header(good)["kid"]}
    claims = jwt.decode(good, options={"verify_signature": False})
    own = generate_private_key(65537, 2048)
    public = (await asyncio.to_thread(httpx.get, f"{issuer.url}/jwks")).json()["keys"][0]["n"]
    bad = {
        "another issuer": forged(issuer, iss=issuer.url + "/"),
        "another audience": issuer.signed("maria", ADMINISTRATOR, client="another"),
        "no audience": forged(issuer, aud=None),
        "expired": forged(issuer, exp=now - 1),
        "no end": forged(issuer, exp=None),
        "an end that is none": forged(issuer, exp="soon"),
        "an end beyond all time": forged(issuer, exp=10**18),
        "not yet": forged(issuer, nbf=now + 60),
        "issued tomorrow": forged(issuer, iat=now + 86_400),
        "no subject": forged(issuer, sub=None),
        "an empty subject": forged(issuer, sub=""),
        "a long subject": forged(issuer, sub="x" * 51),
        "an unprintable subject": forged(issuer, sub="a\nb"),
        "no algorithm": f"{part({'alg': 'none', **kid})}.{body}.",
        "a secret that everybody knows": jwt.encode(claims, public, "HS256", kid),
        "a key of somebody else's": jwt.encode(claims, own, "RS256", kid),
        "an unknown key": jwt.encode(claims, own, "RS256", {"kid": "unknown"}),
        "another algorithm of the same key": jwt.encode(claims, own, "PS256", kid),
        "no key": jwt.encode(claims, own, "RS256"),
        "a key that is no text": f"{part({'alg': 'RS256', 'kid': 7})}.{body}.{signature}",
        "a changed payload": f"{head}.{part(claims | {'sub': 'boss'})}.{signature}",
        "a changed signature": f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        "a header without end": f"{base64.urlsafe_b64encode(b'[' * 9000).decode().rstrip('=')}.{body}.{signature}",
        "nothing": "..",
        "too long": good + "A" * 16_000,
    }  # fmt: skip
    async with trusting(tmp_path, issuer) as service:
        assert (await me(service, good)).status_code == 200
        invented = (await me(service, "dossier_000000000000_nothing")).json()
        for name, token in bad.items():
            answer = await me(service, token)
            assert answer.status_code == 401, name
            assert answer.json() | {"instance": ""} == invented | {"instance": ""}, name
        service.clock.ahead = timedelta(hours=1, seconds=1)
        assert (await me(service, good)).status_code == 401


async def test_nobody_has_the_name_of_a_key(tmp_path: Path, issuer: Issuer) -> None:
    async with trusting(tmp_path, issuer) as service, await service.client("maria") as client:
        assert (await client.get("/v1/me")).json()["name"] == "maria"
        assert (await me(service, issuer.signed("maria", ADMINISTRATOR))).json()["name"] == "oidc:maria"
        with pytest.raises(Misconfigured, match="oidc:"):
            await service.services.keys.create(KeyOrder("oidc:maria", ("acme",), "administrator", None))


@pytest.mark.parametrize("options", [pytest.param((), marks=pytest.mark.everywhere), ("nameless",)])
async def test_a_rotation_of_the_issuers_keys_under_load_counts_within_10_seconds(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with served(Issuer, *options) as rotating:
        async with trusting(tmp_path, rotating) as service:
            old = await asyncio.to_thread(rotating.signed, "maria", ADMINISTRATOR)
            assert (await me(service, old)).status_code == 200
            current, seen, over = [old], set[int](), asyncio.Event()

            async def ask() -> None:
                while not over.is_set():
                    seen.add((await me(service, current[0])).status_code)
                    # Within one process nothing else would have its turn.
                    await asyncio.sleep(0.1)

            asking = [asyncio.create_task(ask()) for _ in range(20)]
            await asyncio.to_thread(rotating.stop)
            await asyncio.sleep(0.5)
            assert seen == {200}
            await asyncio.to_thread(rotating.start)
            current[0] = await asyncio.to_thread(rotating.signed, "maria", ADMINISTRATOR)
            begun = time.monotonic()
            while (await me(service, current[0])).status_code != 200:
                assert time.monotonic() - begun < 11
                await asyncio.sleep(0.1)
            over.set()
            await asyncio.gather(*asking)
            assert seen <= {200, 401}
            assert (await me(service, old)).status_code == 401


async def test_while_the_issuer_is_away_known_keys_count_and_nothing_else(tmp_path: Path) -> None:
    with served(Issuer) as leaving:
        token = leaving.signed("maria", ADMINISTRATOR)
        unknown = jwt.encode({"sub": "maria"}, generate_private_key(65537, 2048), "RS256", {"kid": "unknown"})
        (tmp_path / "other").mkdir()
        async with trusting(tmp_path, leaving) as service, trusting(tmp_path / "other", leaving) as late:
            assert (await me(service, token)).status_code == 200
            leaving.stop()
            assert (await me(service, token)).status_code == 200
            assert (await me(service, unknown)).status_code == 401
            answer = await me(late, token)
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/identity-provider-unavailable")
            assert "127.0.0.1" not in answer.text
            async with await late.client("maria") as client:
                assert (await client.get("/v1/me")).status_code == 200


async def test_a_worker_asks_what_was_granted_and_for_how_long_and_never_the_issuer(tmp_path: Path) -> None:
    with served(Issuer) as leaving:
        async with trusting(tmp_path, leaving) as service:
            async with service.bare_client(leaving.signed("maria", ADMINISTRATOR)) as client:
                first, second = await request_export(client), await request_export(client, "iPad")
            leaving.stop()
            settings = service.services.settings.model_copy(update={"oidc_issuer": None})
            worker = build_services(settings, environ_of(tmp_path), service.clock, process="worker")
            service.clock.ahead = timedelta(hours=1) + OUTLIVES - timedelta(minutes=1)
            assert await worker.run_job()
            service.clock.ahead += timedelta(minutes=2)
            assert await worker.run_job()
            async with await service.client("boss") as boss:
                told = [(await boss.get(address)).json() for address in (first, second)]
            assert [one["status"] for one in told] == ["ready", "failed"]
            assert told[1]["problem"] == "permission-lost"
            await worker.close()


async def test_a_newer_token_with_less_takes_what_waits_along(tmp_path: Path, issuer: Issuer) -> None:
    async with trusting(tmp_path, issuer) as service:  # noqa: SIM117  one more line than fits
        async with service.bare_client(issuer.signed("maria", ADMINISTRATOR)) as client:
            link = await _linked(service, client)
            address = await request_export(client)
            await asyncio.sleep(1)
            assert (await me(service, issuer.signed("maria", {}))).status_code == 200
            assert (await client.get(link)).status_code == 410
            assert await service.services.run_job()
            assert (await client.get(address)).json()["problem"] == "permission-lost"


async def _linked(service: Running, client: httpx.AsyncClient) -> str:
    """The address of a link that works."""
    address = await request_export(client, "iPad")
    while (await client.get(address)).json()["status"] != "ready":
        await service.services.run_job()
    link = str((await client.post(f"{address}/links")).json()["url"])
    assert (await client.get(link)).status_code == 200
    return link


async def test_a_candidate_is_for_whom_it_was_found_alone(tmp_path: Path, issuer: Issuer) -> None:
    async with trusting(tmp_path, issuer) as service:
        async with service.bare_client(issuer.signed("maria", ADMINISTRATOR)) as client:
            token = await candidate(client)
        async with service.bare_client(issuer.signed("otto", ADMINISTRATOR)) as other:
            assert (await other.post(f"{BASE}/exports", json={"candidate": token})).status_code == 409
        async with service.bare_client(issuer.signed("maria", ADMINISTRATOR)) as again:
            assert (await again.post(f"{BASE}/exports", json={"candidate": token})).status_code == 202


async def test_grants_that_ended_are_deleted_and_no_token_is_kept(tmp_path: Path, issuer: Issuer) -> None:
    async with trusting(tmp_path, issuer) as service:
        token = issuer.signed("maria", ADMINISTRATOR)
        await me(service, token)
        assert token.rpartition(".")[2].encode() not in (tmp_path / "var" / "dossier.db").read_bytes()
        service.clock.ahead = timedelta(hours=1, minutes=1) + OUTLIVES
        await service.services.tick()
    with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database:
        assert database.execute("SELECT count(*) FROM access_grants").fetchone() == (0,)


@pytest.mark.parametrize("name", sorted(OIDC))
def test_half_of_the_settings_is_one_sentence(name: str) -> None:
    half = {one: value for one, value in OIDC.items() if one != name}
    with pytest.raises(Misconfigured, match="belong together"):
        read_settings(half)


@pytest.mark.parametrize("url", ["http://id.example", "http://127.0.0.1.example", "ftp://id.example", "https://a?b"])
def test_the_issuer_is_reached_over_tls_or_on_this_machine(url: str) -> None:
    with pytest.raises(Misconfigured, match="DOSSIER_OIDC_ISSUER"):
        read_settings(OIDC | {"DOSSIER_OIDC_ISSUER": url})
