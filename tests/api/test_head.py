"""HEAD answers wherever GET does: with the same headers, and without the bytes."""

from pathlib import Path

import pytest

from tests.builders import BASE, finished, request_export, running


async def test_head_answers_as_get_without_the_bytes(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        await finished(client, address)
        link = (await client.post(f"{address}/links")).json()["url"]
        filled = {"id": address.rpartition("/")[2], "data_center": "acme", "slug": "not-found", "token": link[10:]}
        served = [path for path, methods in service.app.openapi()["paths"].items() if "get" in methods]
        beside = ("/openapi.json", "/docs", "/console", "/console/session", "/", "/v1/unknown", f"{BASE}/exports/x")
        for path in [*(path.format(**filled) for path in served), *beside]:
            whole, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.content) == (whole.status_code, b""), path
            assert head.headers.get("content-type") == whole.headers.get("content-type"), path
            if path != f"{BASE}/audit" and whole.status_code == 200:
                assert head.headers.get("content-length") == whole.headers.get("content-length"), path


async def test_the_head_of_an_archive_is_no_download(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        export = await finished(client, address)
        head = await client.head(f"{address}/archive")
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(export["size"]))
        assert head.headers["etag"] == f'"{export["sha256"]}"'
        part = await client.head(f"{address}/archive", headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.headers["content-length"]) == (206, "10")
        assert (await client.get(address)).json()["downloads"] == 0
        events = (await client.get(f"{BASE}/audit?action=exports:download")).json()["items"]
        assert events == []
        await client.delete(address)
        assert (await client.head(f"{address}/archive")).status_code == 410


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (f"{BASE}/erasures/preview", "POST"),
        (f"{BASE}/erasures/x", "DELETE, GET, HEAD"),
        ("/v1/me", "GET, HEAD"),
        (f"{BASE}/visitors/search", "POST"),
        (f"{BASE}/exports/x", "DELETE, GET, HEAD"),
    ],
)
async def test_what_is_not_allowed_is_told_with_what_is(tmp_path: Path, path: str, allowed: str) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        refused = await client.put(path)
        assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
        if path.endswith("/search"):
            assert (await client.head(path)).status_code == 405
