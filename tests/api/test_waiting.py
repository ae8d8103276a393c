"""GET …/exports/{id}?wait=: an answer as soon as something changed, and not before; a thousand cost as much as one."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event

from tests.builders import BASE, candidate, finished, request_export, running


async def waited(client: httpx.AsyncClient, address: str, etag: str, seconds: int) -> tuple[httpx.Response, float]:
    begun = time.monotonic()
    answer = await client.get(f"{address}?wait={seconds}", headers={"If-None-Match": etag}, timeout=40)
    return answer, time.monotonic() - begun


async def test_it_answers_once_the_export_is_another_and_from_step_to_step_to_its_end(tmp_path: Path) -> None:
    async with running(tmp_path, work=False, events=60_000) as service, await service.client() as client:
        address = await request_export(client)
        etag = (await client.get(address)).headers["etag"]
        waiting = asyncio.create_task(waited(client, address, etag, 20))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        running_it = asyncio.create_task(service.services.run_job())
        answer, took = await waiting
        seen = [answer.json()["status"]]
        while seen[-1] in ("queued", "compiling"):
            answer, _ = await waited(client, address, answer.headers["etag"], 20)
            assert answer.status_code == 200
            seen.append(answer.json()["status"])
        await running_it
        assert (seen[0] in ("compiling", "ready"), seen[-1], took < 5) == (True, "ready", True)


async def test_without_a_change_it_says_304_when_the_wait_is_over(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        etag = (await client.get(address)).headers["etag"]
        answer, took = await waited(client, address, etag, 1)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
        assert 0.9 < took < 2


async def test_who_knows_another_state_or_none_does_not_wait(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        assert (await waited(client, address, '"other"', 20))[1] < 0.5
        begun = time.monotonic()
        assert (await client.get(f"{address}?wait=20")).status_code == 200
        assert time.monotonic() - begun < 0.5


async def test_the_end_of_the_14_days_is_a_change_too(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        await finished(client, address)
        etag = (await client.get(address)).headers["etag"]
        waiting = asyncio.create_task(waited(client, address, etag, 20))
        await asyncio.sleep(0.3)
        service.clock.ahead += timedelta(days=14)
        answer, took = await waiting
        assert (answer.json()["status"], took < 3) == ("expired", True)


@pytest.mark.parametrize("seconds", ["-1", "31", "soon"])
async def test_a_wait_of_another_length_is_refused(tmp_path: Path, seconds: str) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        refused = await client.get(f"{await request_export(client)}?wait={seconds}")
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/wait")


async def test_a_thousand_that_wait_ask_the_database_as_seldom_as_one(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        etag = (await client.get(address)).headers["etag"]
        asked: list[float] = []
        database = service.services.database
        for engine in {database._engine, database._reader}:
            event.listen(engine.sync_engine, "before_cursor_execute", lambda *_: asked.append(time.monotonic()))
        waiting = [asyncio.create_task(waited(client, address, etag, 30)) for _ in range(1_000)]
        async with asyncio.timeout(25):
            while len(asked) < 1_000 or asked[-100] > time.monotonic() - 2:
                await asyncio.sleep(0.5)
        asked.clear()
        await asyncio.sleep(1)
        assert 2 <= len(asked) <= 20
        await client.delete(address)
        answers = await asyncio.gather(*waiting)
        assert {answer.json()["status"] for answer, _ in answers} == {"cancelled"}


async def test_a_data_center_is_told_of_its_own_exports_alone(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        answer = await client.post(f"{BASE}/exports", json={"candidate": await candidate(client)})
        async with await service.client("otto", "administrator", "globex") as other:
            path = f"/v1/data-centers/globex/exports/{answer.json()['id']}?wait=5"
            assert (await other.get(path, headers={"If-None-Match": "*"})).status_code == 404
