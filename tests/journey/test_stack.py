"""Two APIs and two workers on PostgreSQL, Valkey and SeaweedFS: the story goes on whoever answers, and whoever dies."""

import asyncio
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from tests.builders import (
    BASE,
    EMAIL,
    MAPPINGS,
    archive,
    candidate,
    document,
    environ_of,
    finished,
    health,
    request_export,
    write_shop,
    write_website,
)
from tests.servers import free_port
from tests.stack import ROOT, Stack, in_turn, standing

EVENTS = 400_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    write_website(folder / "website.db", EVENTS)
    write_shop(folder / "shop.db")
    environ = environ_of(folder) | {"DOSSIER_DATA_CENTERS": str(MAPPINGS), "DOSSIER_MAX_EXPORTS": "1"}
    # Enough for each administrator of these tests, and reached by one of them on purpose.
    environ |= {"DOSSIER_SEARCHES_PER_MINUTE": "30", "DOSSIER_SEARCHES_PER_DAY": "500"}
    with standing(folder, environ) as started:
        yield started


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    return stack.key("maria", "acme")


async def compiling(client: httpx.AsyncClient, address: str) -> None:
    async with asyncio.timeout(20):
        while (await client.get(address)).json()["status"] != "compiling":
            await asyncio.sleep(0.02)


async def test_search_export_download_and_revoke_each_at_another_process(stack: Stack, key: str) -> None:
    async with in_turn(stack, key) as client:
        address = await request_export(client)
        opened = await archive(client, address)
        assert len(document(opened)["sections"]["events"]) == EVENTS
        url = (await client.post(f"{address}/links")).json()["url"]
        by_link = [await client.get(url, headers={"Authorization": ""}) for _ in stack.apis]
        assert all(zipfile.is_zipfile(io.BytesIO(one.content)) for one in by_link)
        assert (await client.get(f"{BASE}/history")).json()["items"][0]["downloads"] == 1 + len(stack.apis)
        assert (await client.delete(address)).status_code == 204
        assert {(await client.get(url)).status_code for _ in stack.apis} == {410}
        assert stack.seaweedfs.stored() == []
    assert "compiling up to" in stack.said()


async def test_one_idempotency_key_at_the_same_instant_at_two_processes_is_one_export(stack: Stack) -> None:
    key = await asyncio.to_thread(stack.key, "otto", "acme")
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "of one instant"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        async with in_turn(stack, key) as searching:
            wish = {"candidate": await candidate(searching, "iPad")}
        asked = [client.post(f"{stack.address(api)}{BASE}/exports", json=wish) for api in (0, 1, 0, 1)]
        answers = [(one.status_code, one.json()) for one in await asyncio.gather(*asked)]
        made = {told["id"] for status, told in answers if status == httpx.codes.ACCEPTED}
        assert len(made) == 1
        others = [told["type"] for status, told in answers if status != httpx.codes.ACCEPTED]
        assert set(others) <= {"/problems/idempotency-key-in-use"}
    async with in_turn(stack, key) as looking:
        me = (await looking.get("/v1/me")).json()["name"]
        listed = (await looking.get(f"{BASE}/history?requested_by={me}")).json()["items"]
        assert [one["id"] for one in listed] == list(made)
        # The next test asks for the same combination under another name.
        assert (await finished(looking, f"{BASE}/exports/{listed[0]['id']}"))["status"] == "ready"


async def test_fifty_clients_at_two_processes_share_one_limit(stack: Stack) -> None:
    key = await asyncio.to_thread(stack.key, "rosa", "acme")
    limits = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60, limits=limits) as client:

        async def search(number: int) -> httpx.Response:
            address = f"{stack.address(number % 2)}{BASE}/visitors/search"
            return await client.post(address, json={"identifier": EMAIL})

        answers = await asyncio.gather(*(search(number) for number in range(200)))
        allowed = [number % 2 for number, one in enumerate(answers) if one.is_success]
        assert {one.status_code for one in answers} == {200, 429}
        assert (len(allowed), set(allowed)) == (30, {0, 1})
        waits = [int(one.headers["retry-after"]) for one in answers if not one.is_success]
        assert min(waits) > 30
    async with in_turn(stack, key) as looking:
        searched = (await looking.get(f"{BASE}/audit?action=visitors:search&actor=rosa&page_size=200")).json()["items"]
        assert len(searched) == 30


async def test_a_worker_is_woken_at_once_and_the_api_compiles_nothing(stack: Stack, key: str) -> None:
    async with in_turn(stack, key) as client:
        address = await request_export(client, "iPad")
        assert (await finished(client, address, seconds=2))["status"] == "ready"
    with psycopg.connect(stack.postgres.url) as database:
        assert database.execute("SELECT count(*) FROM jobs").fetchone() == (0,)


async def test_a_cancel_at_an_api_stops_the_worker_and_leaves_nothing(stack: Stack, key: str) -> None:
    async with in_turn(stack, key) as client:
        before = stack.seaweedfs.stored()
        address = await request_export(client)
        await compiling(client, address)
        cancelled = await client.delete(address)
        assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
        again = await request_export(client, None)
        assert (await finished(client, again, seconds=4))["status"] == "ready"
        assert (await client.delete(again)).status_code == 204
        async with asyncio.timeout(10):
            while stack.seaweedfs.stored() != before:
                await asyncio.sleep(0.1)
        assert (await client.get(address)).json()["status"] == "cancelled"


async def test_a_killed_workers_export_is_finished_by_another(stack: Stack, key: str) -> None:
    async with in_turn(stack, key) as client:
        before = stack.seaweedfs.stored()
        address = await request_export(client)
        await compiling(client, address)
        for worker in stack.workers:
            worker.kill()
            worker.start()
        with psycopg.connect(stack.postgres.url) as database:
            # As if the dead worker had been away for most of its lease of 30 s already.
            database.execute("UPDATE jobs SET lease_until = lease_until - interval '25 seconds'")
        export = await finished(client, address, seconds=60)
        assert export["status"] == "ready", stack.said()
        assert len(stack.seaweedfs.stored()) == len(before) + 1
        assert (await client.delete(address)).status_code == 204
        assert stack.seaweedfs.stored() == before


async def test_a_worker_that_is_told_to_stop_loses_nothing_and_says_that_all_is_well(stack: Stack, key: str) -> None:
    async with in_turn(stack, key) as client:
        address = await request_export(client)
        await compiling(client, address)
        codes = await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in stack.workers))
        assert codes == [0, 0]
        status = (await client.get(address)).json()["status"]
        assert status in ("queued", "ready")
        for worker in stack.workers:
            worker.start()
        assert (await finished(client, address))["status"] == "ready"


async def test_redis_never_holds_anything_but_rings_and_counts(stack: Stack, key: str) -> None:
    async with in_turn(stack, key) as client:
        held = set[str]()
        for _ in range(3):
            address = await request_export(client, "iPad")
            for _ in range(10):
                held |= stack.held_in_redis()
                await asyncio.sleep(0.01)
            export = await finished(client, address)
        assert held
        for secret in (export["id"], "acme", "website", "jane", "iPad"):
            assert not [one for one in held if secret in one]


def test_probes_say_whether_a_process_goes_on(stack: Stack) -> None:
    def probe(environ: dict[str, str], name: str) -> int:
        command = [sys.executable, "-m", "app", "probe", name]
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=False).returncode

    assert [probe(dict(one.environ), "api") for one in stack.apis] == [0, 0]
    assert [probe(dict(one.environ), "worker") for one in stack.workers] == [0, 0]
    assert probe({**stack.environ, "DOSSIER_PORT": str(free_port())}, "api") == 1
    assert probe(stack.environ, "worker") == 1


async def test_the_health_names_what_is_away(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.address(0)) as client:
        assert (await client.get("/health/ready")).json()["status"] == "ok"
        stack.valkey.stop()
        stack.seaweedfs.stop()
        answer = await health(client, queue="degraded", storage="degraded")
        checks = {"database": "ok", "queue": "degraded", "storage": "degraded", "sources": "ok", "threads": "ok"}
        assert (answer.status_code, answer.json()) == (200, {"status": "degraded", "checks": checks})
        stack.valkey.start()
        stack.seaweedfs.start()
        assert (await health(client, queue="ok", storage="ok")).json()["status"] == "ok"


async def test_a_worker_serves_its_own_metrics_where_it_is_told_to(stack: Stack, key: str) -> None:
    port = free_port()
    others = stack.workers[:]
    for one in others:
        one.stop()
    worker = stack.add_worker(DOSSIER_METRICS_PORT=str(port))
    try:
        async with in_turn(stack, key) as client:
            assert (await finished(client, await request_export(client, "iPad")))["status"] == "ready"
            own = await asyncio.to_thread(httpx.get, f"http://127.0.0.1:{port}/metrics")
            answers = [(await client.get("/metrics")).text, own.text]
    finally:
        worker.stop()
        stack.workers.remove(worker)
        for one in others:
            one.start()
    done = 'dossier_attempt_seconds_count{data_center="acme",data_source="website",kind="export",outcome="done"} 1.0'
    assert [done in text for text in answers] == [False, True]
    assert 'dossier_jobs{state="waiting"} 0.0' in answers[0]
