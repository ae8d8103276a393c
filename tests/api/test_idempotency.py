"""Idempotency-Key: the same request is done once, whichever process gets it, and answered in the same words."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from app.bootstrap import build_services
from app.main import create_app
from tests.builders import BASE, candidate, environ_of, finished, running
from tests.servers import new_database

EXPORTS = f"{BASE}/exports"
engines = pytest.mark.parametrize("own", ["sqlite", "postgres_18"])


def url_of(request: pytest.FixtureRequest, own: str) -> str | None:
    return None if own == "sqlite" else new_database(request.getfixturevalue(own))


@engines
async def test_the_same_key_and_body_get_the_same_answer_even_when_the_export_has_ended(
    request: pytest.FixtureRequest, own: str, tmp_path: Path
) -> None:
    url = url_of(request, own)
    async with running(tmp_path, database_url=url) as service, await service.client() as client:
        body, key = {"candidate": await candidate(client)}, {"Idempotency-Key": str(uuid4())}
        first = await client.post(EXPORTS, json=body, headers=key)
        await finished(client, first.headers["location"])
        again = await client.post(EXPORTS, json=body, headers=key)
        assert (first.status_code, again.status_code) == (202, 202)
        assert again.content == first.content
        assert again.headers["location"] == first.headers["location"]
        without = await client.post(EXPORTS, json=body)
        assert without.json()["id"] != first.json()["id"]
        assert len((await client.get(f"{BASE}/history")).json()["items"]) == 2


async def test_another_body_under_the_same_key_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        body, key = {"candidate": await candidate(client)}, {"Idempotency-Key": "k"}
        assert (await client.post(EXPORTS, json=body, headers=key)).status_code == 202
        refused = await client.post(EXPORTS, json=body | {"case_reference": "DSR-1"}, headers=key)
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/idempotency-key-reused")


async def test_a_key_belongs_to_who_sent_it(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        key = {"Idempotency-Key": "k"}
        first = await client.post(EXPORTS, json={"candidate": await candidate(client)}, headers=key)
        async with await service.client("otto") as other:
            second = await other.post(EXPORTS, json={"candidate": await candidate(other, "iPad")}, headers=key)
        assert (first.status_code, second.status_code) == (202, 202)
        assert first.json()["id"] != second.json()["id"]


async def test_what_was_refused_may_be_sent_again_under_its_key(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        key = {"Idempotency-Key": "k"}
        async with await service.client("otto") as other:
            await other.post(EXPORTS, json={"candidate": await candidate(other)})
            body = {"candidate": await candidate(client)}
            refused = await client.post(EXPORTS, json=body, headers=key)
            assert refused.json()["type"] == "/problems/export-unfinished"
            await service.services.run_job()
        assert (await client.post(EXPORTS, json=body, headers=key)).status_code == 202


async def test_after_24_hours_a_key_is_new_and_the_tick_has_deleted_it(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        key = {"Idempotency-Key": "k"}
        first = await client.post(EXPORTS, json={"candidate": await candidate(client)}, headers=key)
        await service.services.run_job()
        service.clock.ahead += timedelta(hours=24)
        second = await client.post(EXPORTS, json={"candidate": await candidate(client)}, headers=key)
        assert second.json()["id"] != first.json()["id"]
        service.clock.ahead += timedelta(hours=24)
        await service.services.tick()
        async with service.services.database.reading() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM idempotency_keys"))).scalar_one() == 0


@engines
async def test_at_the_same_instant_at_two_processes_it_is_one_export(
    request: pytest.FixtureRequest, own: str, tmp_path: Path
) -> None:
    url = url_of(request, own)
    async with running(tmp_path, work=False, database_url=url) as service, await service.client() as client:
        other = build_services(service.services.settings, environ_of(tmp_path), service.clock)
        transport = httpx.ASGITransport(create_app(other))
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=client.headers) as second:
            for device in ("iPhone", "iPad", None):
                body, key = {"candidate": await candidate(client, device)}, {"Idempotency-Key": str(uuid4())}
                posting = (one.post(EXPORTS, json=body, headers=key) for one in (client, second) * 3)
                answers = await asyncio.gather(*posting)
                kinds = {(one.status_code, one.json().get("type")) for one in answers}
                assert kinds <= {(202, None), (409, "/problems/idempotency-key-in-use")}
                assert len({one.json()["id"] for one in answers if one.status_code == 202}) == 1
        assert len((await client.get(f"{BASE}/history")).json()["items"]) == 3
        await other.close()


@engines
async def test_a_process_that_died_over_a_request_leaves_its_key_for_a_minute(
    request: pytest.FixtureRequest, own: str, tmp_path: Path
) -> None:
    url = url_of(request, own)
    async with running(tmp_path, work=False, database_url=url) as service, await service.client() as client:
        body, key = {"candidate": await candidate(client)}, {"Idempotency-Key": "k"}
        first = await client.post(EXPORTS, json=body, headers=key)
        async with service.services.database.writing() as connection:
            await connection.execute(text("UPDATE idempotency_keys SET answer = NULL"))
        waiting = await client.post(EXPORTS, json=body, headers=key)
        assert (waiting.status_code, waiting.json()["type"]) == (409, "/problems/idempotency-key-in-use")
        service.clock.ahead += timedelta(minutes=1)
        assert (await client.post(EXPORTS, json=body, headers=key)).json()["id"] == first.json()["id"]


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_of_another_length_is_refused(tmp_path: Path, key: str) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        body = {"candidate": await candidate(client)}
        refused = await client.post(EXPORTS, json=body, headers={"Idempotency-Key": key})
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/validation-error")


async def test_where_it_is_not_served_it_is_not_ignored(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        for path in (f"{BASE}/visitors/search", f"{BASE}/history/search"):
            refused = await client.post(path, json={"identifier": "a"}, headers={"Idempotency-Key": "k"})
            assert (refused.status_code, refused.json()["type"]) == (400, "/problems/unknown-parameter")
