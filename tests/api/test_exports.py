"""Exports over HTTP, from the request to the download."""

import base64
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.beside import beside
from tests.builders import BASE, candidate, finished, request_export, running

FIELDS = {
    "id", "kind", "status", "data_source", "visitor", "device", "browser", "case_reference", "requested_by",
    "requested_at", "compiled_at", "expires_at", "progress", "size", "sha256", "downloads", "last_downloaded_at",
    "problem", "scope", "erased_at", "backups_until", "links",
}  # fmt: skip


async def test_a_request_is_accepted_with_its_address_and_when_to_ask_again(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        sent = {"candidate": await candidate(client), "case_reference": "DSAR-17"}
        answer = await client.post(f"{BASE}/exports", json=sent)
        export = answer.json()
        assert answer.status_code == 202
        assert answer.headers["location"] == export["links"]["self"] == f"{BASE}/exports/{export['id']}"
        assert answer.headers["retry-after"] == "1"
        assert set(export) == FIELDS
        assert (export["status"], export["kind"], export["case_reference"]) == ("queued", "export", "DSAR-17")
        assert export["requested_by"] == "maria"
        assert export["visitor"]["label"] == "J•••@example.com"
        assert (export["links"]["archive"], export["expires_at"], export["problem"]) == (None, None, None)


async def test_the_same_request_again_answers_with_the_same_export_until_it_ends(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, beside(service), await service.client() as client:
        first = await request_export(client)
        assert await request_export(client) == first
        async with await service.client("otto") as other:
            refused = await other.post(f"{BASE}/exports", json={"candidate": await candidate(other)})
            assert (refused.status_code, refused.json()["type"]) == (409, "/problems/export-unfinished")
            assert "maria" not in refused.text
        await service.services.run_job()
        assert await request_export(client) != first


async def test_a_candidate_stays_dead_when_its_makers_name_gets_another_key(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service:
        async with await service.client() as client:
            sent = {"candidate": await candidate(client)}
        (key,) = await service.services.keys.listed()
        await service.services.keys.revoke(key.id)
        async with await service.client() as client:
            answer = await client.post(f"{BASE}/exports", json=sent)
            assert (answer.status_code, answer.json().get("type")) == (409, "/problems/candidate-token-invalid")


async def test_an_id_has_one_spelling(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        base, _, id_ = address.rpartition("/")
        assert (await client.get(address)).status_code == 200
        others = (id_.upper(), id_.replace("-", ""), f"{{{id_}}}", f"urn:uuid:{id_}", f"{id_} ", f"uuid:{id_}")
        for other in others:
            at = f"{base}/{quote(other)}"
            asked = [client.get(at), client.get(f"{at}/archive"), client.post(f"{at}/retry"), client.delete(at)]
            assert {(await one).status_code for one in asked} == {404}, other
        assert (await client.get(address)).json()["status"] == "queued"


async def test_an_etag_says_whether_anything_changed(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        seen = await client.get(address)
        assert seen.headers["retry-after"] == "1"
        same = await client.get(address, headers={"If-None-Match": f'"other", {seen.headers["etag"]}'})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", seen.headers["etag"])
        await service.services.run_job()
        changed = await client.get(address, headers={"If-None-Match": seen.headers["etag"]})
        assert changed.status_code == 200
        assert "retry-after" not in changed.headers


async def test_a_download_is_named_hashed_counted_and_kept_by_nobody(tmp_path: Path) -> None:
    async with running(tmp_path) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        export = await finished(client, address)
        assert (export["progress"], export["downloads"], export["last_downloaded_at"]) == (None, 0, None)
        answer = await client.get(f"{address}/archive")
        digest = hashlib.sha256(answer.content)
        assert (export["size"], export["sha256"]) == (len(answer.content), digest.hexdigest())
        told = answer.headers
        assert told["content-type"] == "application/zip"
        assert told["content-disposition"] == f'attachment; filename="export-{export["id"]}.zip"'
        assert told["content-length"] == str(export["size"])
        assert told["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
        assert (told["cache-control"], told["referrer-policy"]) == ("no-store", "no-referrer")
        assert (told["x-content-type-options"], told["accept-ranges"]) == ("nosniff", "bytes")
        after = (await client.get(address)).json()
        assert after["downloads"] == 1
        assert after["last_downloaded_at"].endswith("Z")


async def test_a_download_that_the_store_did_not_give_is_recorded_as_failed_and_not_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        await finished(client, address)
        for path in (tmp_path / "var" / "archives").rglob("*.zip"):
            path.unlink()
        assert (await client.get(f"{address}/archive")).status_code == 503
        export = (await client.get(address)).json()
        assert (export["downloads"], export["last_downloaded_at"]) == (0, None)
    with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database:
        (last,) = database.execute("SELECT action, outcome, details FROM audit_events ORDER BY id DESC LIMIT 1")
    assert last == ("exports:download", "failed", '{"problem": "storage-unavailable"}')


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=10-19", 206, slice(10, 20)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=0-99999999", 206, slice(0, None)),
        ("bytes=-99999999", 206, slice(0, None)),
        ("bytes=5-1", 200, slice(0, None)),
        ("bytes=0-1,5-6", 200, slice(0, None)),
        ("lines=1-2", 200, slice(0, None)),
        ("bytes=99999999-", 416, None),
        ("bytes=-0", 416, None),
    ],
)
async def test_a_range_resumes_a_broken_download(tmp_path: Path, asked: str, status: int, part: slice | None) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        await finished(client, address)
        whole = (await client.get(f"{address}/archive")).content
        answer = await client.get(f"{address}/archive", headers={"Range": asked})
        assert answer.status_code == status
        if part is None:
            assert answer.headers["content-range"] == f"bytes */{len(whole)}"
            assert answer.json()["type"] == "/problems/range-not-satisfiable"
        else:
            assert answer.content == whole[part]
            start, end, _ = part.indices(len(whole))
            assert answer.headers.get("content-range") == (
                f"bytes {start}-{end - 1}/{len(whole)}" if status == 206 else None
            )


async def test_a_range_of_another_version_is_answered_with_the_whole(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        export = await finished(client, address)
        for etag, status in ((f'"{export["sha256"]}"', 206), ('"another"', 200)):
            answer = await client.get(f"{address}/archive", headers={"Range": "bytes=0-9", "If-Range": etag})
            assert answer.status_code == status


async def test_without_an_archive_there_is_no_download(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        refused = await client.get(f"{address}/archive")
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/export-not-ready")


async def test_only_what_failed_can_be_retried(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        assert (await client.post(f"{address}/retry")).json()["type"] == "/problems/export-unfinished"
        await service.services.run_job()
        assert (await client.post(f"{address}/retry")).json()["type"] == "/problems/export-final"


async def test_progress_is_told_while_it_compiles(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        assert (await client.get(address)).json()["progress"] == {
            "sections_done": 0, "sections_total": 0, "rows": 0, "rows_estimated": None, "bytes": 0,
        }  # fmt: skip


async def test_a_download_that_breaks_off_is_recorded_with_what_was_sent(tmp_path: Path) -> None:
    async with running(tmp_path, events=60_000) as service, await service.client() as client:
        address = await request_export(client)
        export = await finished(client, address)
        sent = 0

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, object]) -> None:
            nonlocal sent
            if sent:
                raise OSError("the client went away")
            sent += len(message.get("body", b""))  # type: ignore[arg-type]

        headers = [(b"authorization", client.headers["authorization"].encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "method": "GET", "path": f"{address}/archive",
            "raw_path": b"", "query_string": b"", "headers": headers, "client": None, "server": None, "scheme": "http",
            "http_version": "1.1", "root_path": "",
        }  # fmt: skip
        with pytest.raises(ConnectionError):
            await service.app(scope, receive, send)
    with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database:
        (told,) = database.execute("SELECT details FROM audit_events WHERE action = 'exports:sent'").fetchone()
    assert json.loads(told) == {"bytes": sent}
    assert 0 < sent < export["size"]
