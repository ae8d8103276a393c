"""HEAD answers wherever GET does: with the same headers, and without the bytes."""

from pathlib import Path

import pytest

from tests.builders import BASE, finished, request_export, running


async def test_head_answers_as_get_without_the_bytes(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        await finished(client, address)
        paths = ["/v1/me", f"{BASE}/data-sources", f"{BASE}/history", f"{BASE}/history.csv", f"{BASE}/audit", address]
        for path in [
            *paths,
            "/health/live",
            "/openapi.json",
            "/problems/not-found",
            "/v1/unknown",
            f"{BASE}/exports/x",
        ]:
            whole, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.content) == (whole.status_code, b""), path
            assert head.headers["content-type"] == whole.headers["content-type"], path
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
    [("/v1/me", "GET, HEAD"), (f"{BASE}/visitors/search", "POST"), (f"{BASE}/exports/x", "DELETE, GET, HEAD")],
)
async def test_what_is_not_allowed_is_told_with_what_is(tmp_path: Path, path: str, allowed: str) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        refused = await client.put(path)
        assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
        if allowed == "POST":
            assert (await client.head(path)).status_code == 405
