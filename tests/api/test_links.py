"""Links that work without a header: five minutes, dead with the archive, every use recorded."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.bootstrap import build_services
from app.main import create_app
from tests.beside import beside
from tests.builders import BASE, Running, environ_of, finished, request_export, running
from tests.servers import SeaweedFS


async def ready(client: httpx.AsyncClient) -> tuple[str, dict[str, Any]]:
    address = await request_export(client)
    return address, await finished(client, address)


async def link(client: httpx.AsyncClient, address: str) -> str:
    made = await client.post(f"{address}/links")
    assert made.status_code == 201, made.text
    return str(made.json()["url"])


def facts(service: Running, action: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(service.folder / "var" / "dossier.db")) as database:
        asked = "SELECT actor, outcome, details, address FROM audit_events WHERE action = ? ORDER BY id"
        return database.execute(asked, (action,)).fetchall()


async def test_a_link_hands_the_archive_to_whoever_has_it_whole_and_in_part(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client, service.bare_client() as browser:
        address, export = await ready(client)
        url = await link(client, address)
        whole = await browser.get(url)
        assert (whole.status_code, sha256(whole.content).hexdigest()) == (200, export["sha256"])
        assert whole.headers["content-disposition"] == f'attachment; filename="export-{export["id"]}.zip"'
        assert whole.headers["referrer-policy"] == "no-referrer"
        part = await browser.get(url, headers={"Range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, whole.content[5:10])
        assert part.headers["content-range"] == f"bytes 5-9/{export['size']}"
        beyond = await browser.get(url, headers={"Range": "bytes=999999999-"})
        assert beyond.status_code == 416
        assert (await client.get(address)).json()["downloads"] == 1


async def test_every_use_is_recorded_with_who_made_it_and_the_bytes_sent(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as service,
        beside(service),
        await service.client() as client,
        service.bare_client() as browser,
    ):
        address, export = await ready(client)
        url = await link(client, address)
        assert len((await browser.get(url)).content) == export["size"]
        await browser.get(url, headers={"Range": "bytes=5-9"})
        assert [(who, outcome) for who, outcome, *_ in facts(service, "exports:link")] == [("maria", "done")]
        sent = facts(service, "exports:sent")
        assert [(who, details) for who, _, details, _ in sent] == [
            ("maria", f'{{"bytes": {export["size"]}}}'), ("maria", '{"bytes": 5}'),
        ]  # fmt: skip
        assert all(address for *_, address in sent)


async def test_a_link_lives_five_minutes_and_never_longer_than_the_export(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as service,
        beside(service),
        await service.client() as client,
        service.bare_client() as browser,
    ):
        address, export = await ready(client)
        made = (await client.post(f"{address}/links")).json()
        service.clock.ahead += timedelta(minutes=4, seconds=58)
        assert (await browser.get(made["url"])).status_code == 200
        service.clock.ahead += timedelta(seconds=3)
        late = await browser.get(made["url"])
        assert (late.status_code, late.json()["type"]) == (410, "/problems/link-expired")
        assert facts(service, "exports:download")[-1][:3] == ("maria", "refused", '{"problem": "link-expired"}')
        service.clock.ahead = timedelta(days=14) - timedelta(minutes=1)
        last = (await client.post(f"{address}/links")).json()
        assert last["expires_at"] == export["expires_at"]
        service.clock.ahead = timedelta(days=14, seconds=1)
        gone = await browser.get(last["url"])
        assert (gone.status_code, gone.json()["type"]) == (410, "/problems/export-expired")
        assert (await client.post(f"{address}/links")).status_code == 410


async def test_a_link_dies_with_a_revoke_and_with_its_makers_key_also_when_that_name_gets_another(
    tmp_path: Path,
) -> None:
    async with (
        running(tmp_path) as service,
        beside(service),
        await service.client() as client,
        service.bare_client() as browser,
    ):
        address, _ = await ready(client)
        async with await service.client("boss") as boss:
            of_boss = await link(boss, address)
        url = await link(client, address)
        (key,) = [one for one in await service.services.keys.listed() if one.name == "boss"]
        await service.services.keys.revoke(key.id)
        refused = await browser.get(of_boss)
        assert (refused.status_code, refused.json()["type"]) == (410, "/problems/link-expired")
        async with await service.client("boss") as next_boss:
            assert (await next_boss.get("/v1/me")).status_code == 200
            still = await browser.get(of_boss)
            assert still.status_code == 410
        assert (await browser.get(url)).status_code == 200
        assert (await client.delete(address)).status_code == 204
        dead = await browser.get(url)
        assert (dead.status_code, dead.json()["type"]) == (410, "/problems/export-revoked")


async def test_only_the_hash_of_a_links_token_is_stored(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address, _ = await ready(client)
        url = await link(client, address)
        token = url.rpartition("/")[2]
        assert len(token) >= 43
        kept = b"".join(path.read_bytes() for path in (tmp_path / "var").glob("dossier.db*"))
        assert token.encode() not in kept
        assert sha256(token.encode()).hexdigest().encode() in kept


async def test_what_is_no_link_is_not_found_and_who_may_not_download_makes_none(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client, service.bare_client() as browser:
        address, _ = await ready(client)
        url = await link(client, address)
        assert (await browser.get(url + "x")).status_code == 404
        assert (await browser.get(f"{url}?a=1")).status_code == 400
        assert (await browser.post(f"{address}/links")).status_code == 401
        async with await service.client("looker", "auditor") as auditor:
            assert (await auditor.post(f"{address}/links")).status_code == 403
        # Its source's connections count as taken, so nobody begins it.
        service.services.run_job.running["acme", "website"] = 1
        unfinished = await request_export(client, "iPad")
        await client.delete(unfinished)
        refused = await client.post(f"{unfinished}/links")
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/export-not-ready")
        assert (await client.post(f"{BASE}/exports/0193/links")).status_code == 404


async def test_another_process_knows_the_link_the_candidate_and_the_revoke(tmp_path: Path) -> None:
    """Two processes share a database and a secret, and nothing else."""
    async with running(tmp_path) as service, await service.client() as client:
        other = build_services(service.services.settings, environ_of(tmp_path), service.clock)
        transport = httpx.ASGITransport(create_app(other))
        async with httpx.AsyncClient(transport=transport, base_url="http://other", headers=client.headers) as elsewhere:
            address, export = await ready(client)
            url = await link(client, address)
            assert sha256((await elsewhere.get(url)).content).hexdigest() == export["sha256"]
            back = await link(elsewhere, address)
            assert (await elsewhere.delete(address)).status_code == 204
            for one in (url, back):
                assert (await client.get(one)).status_code == 410
        await other.close()


def redirecting(server: SeaweedFS) -> dict[str, str]:
    return {
        "s3_endpoint": server.url, "s3_access_key": server.access_key, "s3_secret_key": server.secret_key,
        "s3_bucket": f"b{uuid4().hex}", "downloads": "redirect",
    }  # fmt: skip


@pytest.mark.parametrize("by_link", [False, True])
async def test_where_redirecting_is_on_the_store_hands_it_over_for_five_minutes(
    tmp_path: Path, seaweedfs: SeaweedFS, *, by_link: bool
) -> None:
    async with running(tmp_path, settings=redirecting(seaweedfs)) as service, await service.client() as client:
        address, export = await ready(client)
        asked = await link(client, address) if by_link else f"{address}/archive"
        answer = await client.get(asked)
        assert (answer.status_code, answer.headers["referrer-policy"]) == (307, "no-referrer")
        assert answer.headers["cache-control"] == "no-store"
        async with httpx.AsyncClient() as browser:
            at_store = await browser.get(answer.headers["location"])
            assert sha256(at_store.content).hexdigest() == export["sha256"]
            assert "X-Amz-Expires=300" in answer.headers["location"]
            assert (await client.get(address)).json()["downloads"] == 1
            assert (await client.delete(address)).status_code == 204
            assert (await browser.get(answer.headers["location"])).status_code == 404
        assert (await client.get(asked)).status_code == 410
        assert facts(service, "exports:download")[0][2] == '{"redirected_seconds": 300}'


async def test_a_redirect_never_outlives_the_export(tmp_path: Path, seaweedfs: SeaweedFS) -> None:
    async with running(tmp_path, settings=redirecting(seaweedfs)) as service, await service.client() as client:
        address, _ = await ready(client)
        service.clock.ahead = timedelta(days=14) - timedelta(seconds=20)
        location = (await client.get(f"{address}/archive")).headers["location"]
        seconds = int(location.partition("X-Amz-Expires=")[2].partition("&")[0])
        assert 1 <= seconds <= 20
