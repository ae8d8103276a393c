"""GET …/audit: what was done in a data center, newest first, for those who may read it."""

from datetime import timedelta
from pathlib import Path

from tests.builders import BASE, EMAIL, archive, request_export, running

AUDIT = f"{BASE}/audit"


async def test_the_trail_of_an_export_from_the_search_to_the_download(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        await archive(client, address)
        answer = (await client.get(AUDIT)).json()
        assert set(answer) == {"items", "next_page_token"}
        told = [(one["action"], one["actor"], one["outcome"]) for one in answer["items"]]
        assert told == [
            ("exports:sent", "maria", "done"), ("exports:download", "maria", "done"), ("exports:ready", "dossier", "done"),
            ("exports:start", "dossier", "done"), ("exports:request", "maria", "done"), ("visitors:search", "maria", "done"),
        ]  # fmt: skip
        export = (await client.get(address)).json()
        assert {one["entry_id"] for one in answer["items"][:-1]} == {export["id"]}
        assert answer["items"][0]["details"] == {"bytes": export["size"]}
        assert EMAIL not in str(answer)


async def test_it_is_filtered_and_comes_in_pages(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        for _ in range(3):
            await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})
        service.clock.ahead += timedelta(hours=1)
        await request_export(client)

        async def actions(query: str) -> list[str]:
            return [one["action"] for one in (await client.get(AUDIT + query)).json()["items"]]

        assert await actions("?action=exports:request") == ["exports:request"]
        assert await actions("?actor=nobody") == []
        since = (await client.get(AUDIT)).json()["items"][1]["at"]
        assert await actions(f"?from={since}") == ["exports:request", "visitors:search"]
        assert await actions(f"?to={since}&actor=maria") == ["visitors:search"] * 3
        first = (await client.get(f"{AUDIT}?page_size=3")).json()
        await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})
        rest = (await client.get(f"{AUDIT}?page_size=3&page_token={first['next_page_token']}")).json()
        assert [one["action"] for one in rest["items"]] == ["visitors:search"] * 2
        assert rest["next_page_token"] is None
        other = await client.get(f"{BASE}/history?page_token={first['next_page_token']}")
        assert other.json()["type"] == "/problems/page-token-invalid"
        assert (await client.get(f"{AUDIT}?action=nothing")).status_code == 422


async def test_another_data_centers_trail_is_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})
        async with await service.client("otto", "auditor", "globex") as other:
            assert (await other.get("/v1/data-centers/globex/audit")).json()["items"] == []
            assert (await other.get(AUDIT)).status_code == 404
        async with await service.client("paula", "auditor") as auditor:
            told = [(one["action"], one["actor"]) for one in (await auditor.get(AUDIT)).json()["items"]]
            assert told == [("access:refuse", "otto"), ("visitors:search", "maria")]
