"""GET …/history: newest first, in pages that survive what comes in between."""

from pathlib import Path
from typing import Any

import httpx

from tests.builders import BASE, finished, request_export, running

HISTORY = f"{BASE}/history"


async def ids(client: httpx.AsyncClient, query: str = "") -> list[str]:
    return [one["id"] for one in (await client.get(HISTORY + query)).json()["items"]]


async def several(client: httpx.AsyncClient, count: int) -> list[str]:
    """Exports one after the other, oldest first."""
    made = []
    for number in range(count):
        address = await request_export(client, ("iPhone", "iPad", None)[number % 3])
        made.append((await finished(client, address))["id"])
    return made


async def test_items_are_exports_newest_first(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        made = await several(client, 3)
        page = (await client.get(HISTORY)).json()
        assert set(page) == {"items", "next_page_token"}
        assert page["next_page_token"] is None
        assert [one["id"] for one in page["items"]] == made[::-1]
        assert page["items"][0] == (await client.get(f"{BASE}/exports/{made[-1]}")).json()


async def test_pages_neither_repeat_nor_miss_when_something_is_added(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        made = await several(client, 5)
        page: dict[str, Any] = (await client.get(f"{HISTORY}?page_size=2")).json()
        seen = [one["id"] for one in page["items"]]
        await several(client, 1)
        while page["next_page_token"]:
            page = (await client.get(f"{HISTORY}?page_size=2&page_token={page['next_page_token']}")).json()
            seen += [one["id"] for one in page["items"]]
        assert seen == made[::-1]


async def test_filters_narrow_the_list(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        shop = (await client.get(await request_export(client, "iPhone", "shop"))).json()["id"]
        await service.services.run_job()
        waiting = (await client.get(await request_export(client))).json()["id"]
        assert await ids(client) == [waiting, shop]
        assert await ids(client, "?data_source=shop") == [shop]
        assert await ids(client, "?status=ready") == [shop]
        assert await ids(client, "?status=queued&data_source=website") == [waiting]
        assert await ids(client, "?kind=export") == [waiting, shop]
        assert await ids(client, "?kind=erasure") == []
        assert await ids(client, "?status=expired") == []


async def test_another_data_centers_history_is_its_own(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        (made,) = await several(client, 1)
        async with await service.client("otto", "administrator", "globex") as other:
            assert (await other.get("/v1/data-centers/globex/history")).json()["items"] == []
            assert (await other.get(f"/v1/data-centers/globex/exports/{made}")).status_code == 404
            assert (await other.get(f"{BASE}/exports/{made}")).status_code == 404
