"""GET …/history: newest first, in pages that survive what comes in between."""

import csv
import io
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.bootstrap import build_services
from app.main import create_app
from tests.builders import (
    BASE,
    COOKIE,
    EMAIL,
    candidate,
    candidates,
    environ_of,
    finished,
    request_export,
    running,
)

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


async def test_every_filter_of_the_contract_narrows_the_list(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client, await service.client("otto") as otto:
        begun = service.clock()
        (first,) = await several(client, 1)
        service.clock.ahead += timedelta(hours=1)
        body = {"candidate": await candidate(otto, "iPad"), "case_reference": "DSR-7"}
        second = (await otto.post(f"{BASE}/exports", json=body)).json()["id"]
        assert await ids(client, "?requested_by=maria") == [first]
        assert await ids(client, "?requested_by=otto") == [second]
        assert await ids(client, "?case_reference=DSR-7") == [second]
        assert await ids(client, "?case_reference=DSR") == []
        assert await ids(client, "?sort=requested_at") == [first, second]
        assert await ids(client, "?sort=-requested_at") == [second, first]
        moment = (await client.get(f"{BASE}/exports/{second}")).json()["requested_at"]
        assert await ids(client, f"?from={moment}") == [second]
        assert await ids(client, f"?to={moment}") == [first]
        assert await ids(client, f"?from={begun.isoformat().replace('+00:00', 'Z')}&to={moment}") == [first]


async def test_pages_go_on_in_the_order_that_they_began_in(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        made = await several(client, 3)
        first = (await client.get(f"{HISTORY}?sort=requested_at&page_size=2")).json()
        token = first["next_page_token"]
        rest = (await client.get(f"{HISTORY}?sort=requested_at&page_size=2&page_token={token}")).json()
        assert [one["id"] for one in first["items"] + rest["items"]] == made
        turned = await client.get(f"{HISTORY}?page_size=2&page_token={token}")
        assert (turned.status_code, turned.json()["type"]) == (422, "/problems/page-token-invalid")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("sort=id", "/sort"), ("from=yesterday", "/from"), ("to=2026-01-01T00:00:00", "/to"), ("page_size=0", "/page_size"),
     ("requested_by=%01", "/requested_by"), ("page_size=201", "/page_size"), ("kind=copy", "/kind")],
)  # fmt: skip
async def test_a_filter_of_another_form_is_named(tmp_path: Path, query: str, pointer: str) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        answer = await client.get(f"{HISTORY}?{query}")
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation-error")
        assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


async def test_the_history_of_one_identifier_is_found_without_keeping_it(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        by_email = await several(client, 2)
        (found,) = [one for one in await candidates(client, COOKIE) if one["device"] == "iPhone"]
        by_cookie = (await client.post(f"{BASE}/exports", json={"candidate": found["candidate"]})).json()["id"]

        async def searched(**body: object) -> list[str]:
            answer = await client.post(f"{HISTORY}/search", json=body)
            assert answer.status_code == 200, answer.text
            return [one["id"] for one in answer.json()["items"]]

        assert await searched(identifier=f" {EMAIL.upper()} ") == by_email[::-1]
        assert await searched(identifier=COOKIE) == [by_cookie]
        assert await searched(identifier=COOKIE, kind="email") == []
        assert await searched(identifier="nobody@example.com") == []
        first = (await client.post(f"{HISTORY}/search", json={"identifier": EMAIL, "page_size": 1})).json()
        assert await searched(identifier=EMAIL, page_size=1, page_token=first["next_page_token"]) == by_email[:1]
        refused = await client.post(f"{HISTORY}/search", json={"identifier": EMAIL, "page_size": 0})
        assert refused.json()["errors"][0]["pointer"] == "/page_size"


async def test_after_a_rotation_of_the_secret_an_identifier_is_still_found(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        made = await several(client, 1)
        old = service.services.settings
        new = {"secret_key": "a new secret, also long enough....", "secret_key_previous": old.secret_key}
        rebuilt = build_services(old.model_copy(update=new), environ_of(tmp_path), service.clock)
        transport, headers = httpx.ASGITransport(create_app(rebuilt)), dict(client.headers)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as other:
            found = await other.post(f"{HISTORY}/search", json={"identifier": EMAIL})
        assert [one["id"] for one in found.json()["items"]] == made
        await rebuilt.close()


async def test_the_history_as_csv_runs_nothing_in_a_spreadsheet(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        made = await several(client, 2)
        for number, start in enumerate("=+-@"):
            service.clock.ahead += timedelta(minutes=1)
            body = {"candidate": await candidate(client, "iPad"), "case_reference": f'{start}1+"{number}"'}
            address = (await client.post(f"{BASE}/exports", json=body)).headers["location"]
            await finished(client, address)
        answer = await client.get(f"{HISTORY}.csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="history-acme.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["case_reference"] for row in rows] == ['\'@1+"3"', '\'-1+"2"', '\'+1+"1"', '\'=1+"0"', "", ""]
        last = (await client.get(f"{BASE}/exports/{made[0]}")).json()
        for name in ("id", "status", "device", "requested_at", "expires_at", "sha256", "size"):
            assert rows[-1][name] == str(last[name])
        assert (rows[-1]["visitor"], rows[-1]["data_source"]) == ("J•••@example.com", "website")
        narrowed = await client.get(f"{HISTORY}.csv?case_reference=-1%2B%222%22")
        assert len(narrowed.text.splitlines()) == 2
        assert (await client.get(f"{HISTORY}.csv", headers={"Accept": "application/json"})).status_code == 406
        assert (await client.get(f"{HISTORY}.csv?page_size=1")).status_code == 400


async def test_a_history_of_thousands_comes_whole_as_csv(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        await client.delete(address)
        columns = (
            "kind, status, data_center, source_id, source_title, label, handle, subject, identifier_hash, key_id,"
            " requested_by, requested_at, downloads"
        )
        # One moment for all of them, so that only the id tells where a page ends.
        with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database, database:
            database.execute(
                f"WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2345)"
                f" INSERT INTO history_entries (id, {columns})"
                f" SELECT printf('%032x', n), {columns} FROM n, history_entries"
            )
        rows = list(csv.DictReader(io.StringIO((await client.get(f"{HISTORY}.csv")).text)))
        assert len({row["id"] for row in rows}) == len(rows) == 2346
