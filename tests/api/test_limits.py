"""How often one administrator may do what in one data center, what answers tell of it, and who is reported."""

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access.keys import KeyOrder
from tests.builders import BASE, EMAIL, Running, archive, candidate, finished, request_export, running
from tests.site import site

SEARCH = f"{BASE}/visitors/search"


async def search(client: httpx.AsyncClient, identifier: str = EMAIL) -> httpx.Response:
    return await client.post(SEARCH, json={"identifier": identifier})


async def service_client(service: Running, name: str = "robot") -> httpx.AsyncClient:
    order = KeyOrder(name, ("acme",), "administrator", None, service=True)
    return service.bare_client(await service.services.keys.create(order))


def told(answer: httpx.Response, header: str) -> dict[str, dict[str, int]]:
    """`"day";r=1;t=2, …` by name."""
    members = dict(re.fullmatch(r'"(\w+)"((?:;\w+=\d+)+)', one).groups() for one in answer.headers[header].split(", "))  # type: ignore[union-attr,misc]
    return {name: {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", rest)} for name, rest in members.items()}


def is_exceeded(answer: httpx.Response, said: str) -> bool:
    problem = answer.json()
    return (answer.status_code, problem["type"]) == (429, "/problems/quota-exceeded") and said in problem["detail"]


async def events(client: httpx.AsyncClient, action: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(f"{BASE}/audit?action={action}")).json()["items"]
    return found


async def test_thirty_searches_a_minute_and_after_retry_after_the_next(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        service.clock.frozen = datetime(2026, 11, 1, tzinfo=UTC)
        first = await search(client)
        assert told(first, "ratelimit-policy") == {"minute": {"q": 30, "w": 60}, "day": {"q": 500, "w": 86_400}}
        assert told(first, "ratelimit") == {"minute": {"r": 29, "t": 61}, "day": {"r": 499, "t": 86_401}}
        service.clock.frozen += timedelta(seconds=20, milliseconds=500)
        assert [(await search(client)).status_code for _ in range(29)] == [200] * 29
        refused = await search(client)
        assert is_exceeded(refused, "More than 30 searches a minute.")
        assert told(refused, "ratelimit") == {"minute": {"r": 0, "t": 40}, "day": {"r": 470, "t": 86_380}}
        assert refused.headers["retry-after"] == "40"
        service.clock.frozen += timedelta(seconds=39)
        assert (await search(client)).status_code == 429
        service.clock.frozen += timedelta(seconds=1)
        answer = await search(client)
        assert (answer.status_code, told(answer, "ratelimit")["minute"]["r"]) == (200, 0)


async def test_a_day_has_its_own_limit_and_retry_after_waits_for_both(tmp_path: Path) -> None:
    given = {"searches_per_minute": 2, "searches_per_day": 3}
    async with running(tmp_path, work=False, settings=given) as service, await service.client() as client:
        service.clock.frozen = datetime(2026, 11, 1, tzinfo=UTC)
        assert (await search(client)).status_code == 200
        service.clock.frozen += timedelta(hours=1)
        assert [(await search(client)).status_code for _ in range(3)] == [200, 200, 429]
        refused = await search(client)
        assert is_exceeded(refused, "More than 3 searches in 24 hours.")
        service.clock.frozen += timedelta(seconds=int(refused.headers["retry-after"]))
        assert service.clock.frozen == datetime(2026, 11, 2, 0, 0, 1, tzinfo=UTC)
        assert (await search(client)).status_code == 200


async def test_each_administrator_and_data_center_is_counted_alone(tmp_path: Path) -> None:
    given = {"searches_per_minute": 1}
    async with running(tmp_path, work=False, settings=given) as service:
        async with await service.client("maria", "administrator", "acme", "globex") as maria:
            assert [(await search(maria)).status_code for _ in range(2)] == [200, 429]
            other = await maria.post("/v1/data-centers/globex/visitors/search", json={"identifier": EMAIL})
            assert other.status_code == 200
        async with await service.client("otto") as otto:
            assert (await search(otto)).status_code == 200


async def test_who_gets_a_new_key_of_the_same_name_goes_on_counting(tmp_path: Path) -> None:
    async with running(tmp_path, work=False, settings={"searches_per_minute": 1}) as service:
        async with await service.client() as client:
            assert (await search(client)).status_code == 200
        key_id = str((await service.services.keys.listed())[0].id)
        await service.services.keys.revoke(key_id)
        async with await service.client() as client:
            assert (await search(client)).status_code == 429


async def test_what_is_no_search_is_not_counted(tmp_path: Path) -> None:
    async with (
        running(tmp_path, work=False, settings={"searches_per_minute": 1}) as service,
        await service.client() as client,
    ):
        assert (await search(client, " ")).status_code == 422
        assert (await search(client)).status_code == 200


@pytest.mark.parametrize("limit", ["searches_per_minute", "searches_per_day"])
async def test_zero_switches_a_limit_off(tmp_path: Path, limit: str) -> None:
    given = {"searches_per_minute": 1, "searches_per_day": 1} | {limit: 0}
    async with running(tmp_path, work=False, settings=given) as service, await service.client() as client:
        assert len(told(await search(client), "ratelimit")) == 1
    both = {"searches_per_minute": 0, "searches_per_day": 0, "exports_per_day": 0, "unfinished_exports": 0}
    async with running(tmp_path, work=False, settings=both) as service, await service.client("otto") as client:
        answers = [await search(client) for _ in range(3)]
        assert {(one.status_code, "ratelimit" in one.headers) for one in answers} == {(200, False)}
        assert await request_export(client)


async def test_a_service_has_limits_of_its_own(tmp_path: Path) -> None:
    given = {"searches_per_minute": 1, "service_searches_per_minute": 3}
    async with running(tmp_path, work=False, settings=given) as service, await service_client(service) as robot:
        # The day's 100,000 could not be reached at three a minute, and are not named.
        assert told(await search(robot), "ratelimit-policy") == {"minute": {"q": 3, "w": 60}}
        assert [(await search(robot)).status_code for _ in range(3)] == [200, 200, 429]


def test_a_key_made_for_a_service_is_listed_as_one(tmp_path: Path) -> None:
    place = site(tmp_path)
    made = place.run(
        "keys", "create", "--name", "robot", "--data-center", "acme", "--role", "administrator", "--service"
    )
    assert made.returncode == 0, made.stderr
    assert "\trobot\tadministrator+service\tacme\tlive\t" in place.run("keys", "list").stdout


async def test_a_refusal_says_in_the_trail_which_limit_it_was(tmp_path: Path) -> None:
    given = {"searches_per_minute": 1}
    async with running(tmp_path, work=False, settings=given) as service, await service.client() as client:
        assert [(await search(client)).status_code for _ in range(3)] == [200, 429, 429]
        (refused,) = await events(client, "access:refuse")
        assert (refused["actor"], refused["outcome"]) == ("maria", "refused")
        assert refused["details"] == {"problem": "quota-exceeded", "limit": "searches/minute", "count": 1}


async def test_exports_of_a_day_count_those_that_are_new(tmp_path: Path) -> None:
    given = {"exports_per_day": 2}
    async with running(tmp_path, work=False, settings=given) as service, await service.client() as client:
        wish = {"candidate": await candidate(client)}
        headers = {"Idempotency-Key": "one"}
        assert (await client.post(f"{BASE}/exports", json={"candidate": "bad"})).status_code == 409
        first = await client.post(f"{BASE}/exports", json=wish, headers=headers)
        assert (first.status_code, told(first, "ratelimit")["day"]["r"]) == (202, 1)
        assert told(first, "ratelimit-policy") == {"day": {"q": 2, "w": 86_400}}
        for again in ({}, headers):
            assert (await client.post(f"{BASE}/exports", json=wish, headers=again)).json()["id"] == first.json()["id"]
        second = {"candidate": await candidate(client, "iPad")}
        assert (await client.post(f"{BASE}/exports", json=second)).status_code == 202
        third = {"candidate": await candidate(client, None)}
        refused = await client.post(f"{BASE}/exports", json=third, headers={"Idempotency-Key": "three"})
        assert is_exceeded(refused, "More than 2 exports in 24 hours.")
        assert len((await client.get(f"{BASE}/history")).json()["items"]) == 2
        service.clock.ahead += timedelta(seconds=int(refused.headers["retry-after"]))
        third = {"candidate": await candidate(client, None)}
        assert (
            await client.post(f"{BASE}/exports", json=third, headers={"Idempotency-Key": "three"})
        ).status_code == 202


async def test_downloads_of_a_day_count_those_by_link_for_its_maker(tmp_path: Path) -> None:
    async with running(tmp_path, settings={"downloads_per_day": 2}) as service, await service.client() as client:
        address = await request_export(client)
        export = await finished(client, address)
        url = (await client.post(f"{address}/links")).json()["url"]
        async with service.bare_client() as browser:
            assert (await browser.head(url)).status_code == 200
            by_link = await browser.get(url)
            assert (by_link.status_code, told(by_link, "ratelimit")["day"]["r"]) == (200, 1)
            assert (await client.get(f"{address}/archive")).status_code == 200
            assert is_exceeded(await browser.get(url), "More than 2 downloads in 24 hours.")
        assert is_exceeded(await client.get(f"{address}/archive"), "More than 2 downloads in 24 hours.")
        later = {"Range": f"bytes=100-{export['size'] - 1}"}
        assert [(await client.get(f"{address}/archive", headers=later)).status_code for _ in range(20)] == [206] * 20
        assert is_exceeded(await client.get(f"{address}/archive", headers=later), "More than 20 continued downloads")
        refused = await events(client, "access:refuse")
        assert {one["actor"] for one in refused} == {"maria"}


async def test_many_different_people_who_are_not_there_are_an_alarm_once_an_hour(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given: Mapping[str, Any] = {"misses_per_hour": 3, "metrics": "on"}
    async with running(tmp_path, work=False, settings=given) as service, await service.client() as client:
        for identifier in ("a@x.example", "a@x.example", "A@x.example", "b@x.example", EMAIL):
            await search(client, identifier)
        assert await events(client, "visitors:alarm") == []
        for identifier in ("c@x.example", "d@x.example"):
            assert (await search(client, identifier)).status_code == 200
        (alarm,) = await events(client, "visitors:alarm")
        assert (alarm["actor"], alarm["details"]) == ("maria", {"misses": 3})
        assert "a key searched data center acme for 3 different people who are not there" in caplog.text
        counted = 'dossier_events_total{action="visitors:alarm",data_center="acme",outcome="done"} 1.0'
        assert counted in (await client.get("/metrics")).text
        service.clock.ahead += timedelta(hours=1, seconds=1)
        for number in range(3):
            await search(client, f"{number}@x.example")
        assert [one["details"] for one in await events(client, "visitors:alarm")] == [{"misses": 3}] * 2
        assert "x.example" not in caplog.text


async def test_no_alarm_where_nobody_is_missed_or_it_is_switched_off(tmp_path: Path) -> None:
    async with (
        running(tmp_path, work=False, settings={"misses_per_hour": 0}) as service,
        await service.client() as client,
    ):
        for number in range(3):
            await search(client, f"{number}@x.example")
        assert await events(client, "visitors:alarm") == []


async def test_reading_is_not_limited(tmp_path: Path) -> None:
    async with running(tmp_path, settings={"searches_per_minute": 1}) as service, await service.client() as client:
        await archive(client, await request_export(client))
        answers = [await client.get(f"{BASE}/{page}") for page in ("history", "audit") for _ in range(40)]
        assert {(one.status_code, "ratelimit" in one.headers) for one in answers} == {(200, False)}


async def test_an_export_that_is_run_again_needs_room_among_the_unfinished(tmp_path: Path) -> None:
    given = {"unfinished_exports": 1, "exports_per_day": 2}
    async with running(tmp_path, work=False, settings=given) as service, await service.client() as client:
        address = await request_export(client)
        with closing(sqlite3.connect(tmp_path / "website.db")) as database:
            database.execute("ALTER TABLE events RENAME TO away")
            await service.services.run_job()
            database.execute("ALTER TABLE away RENAME TO events")
        assert (await client.get(address)).json()["status"] == "failed"
        other = await request_export(client, "iPad")
        assert is_exceeded(await client.post(f"{address}/retry"), "More than 1 exports that are not finished.")
        assert (await client.get(address)).json()["status"] == "failed"
        assert (await client.delete(other)).status_code == 202
        # Two of two a day are requested; this is neither of them anew.
        assert (await client.post(f"{address}/retry")).status_code == 202
