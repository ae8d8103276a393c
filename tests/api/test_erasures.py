"""Erasures over HTTP, from the preview to the receipt."""

import asyncio
import base64
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access.keys import KeyOrder
from app.archive.receipt import signed_bytes
from app.erasures.schemas import ErasureReceipt
from app.kit.sign import PublicKey
from tests.beside import archives, beside
from tests.builders import BASE, EMAIL, candidate, candidates, finished, request_export
from tests.erasures import JANES, STEPS, ask, change, erased, eraser, erasing, preview, request_erasure, rows


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def audited(client: httpx.AsyncClient, action: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(f"{BASE}/audit", params={"action": action})).json()["items"]
    return found


async def test_a_preview_says_what_would_go_and_changes_nothing(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        await request_export(client)
        found = await preview(client)
        (export,) = found["exports"]
        assert [(one["table"], one["action"], one["because"], one["rows"]) for one in found["steps"]] == [
            ("events", "delete", None, JANES[0]), ("people", "delete", None, JANES[1]),
        ]  # fmt: skip
        assert found["visitor"]["label"] == "J•••@example.com"
        assert (export["status"], found["scope"], found["needs_approval"]) == ("queued", "visitor", False)
        assert len(rows(tmp_path, "events")) == 6
        (event,) = await audited(client, "erasures:preview")
        assert (event["actor"], event["details"]["rows"]) == ("maria", 6)


async def test_a_preview_waits_for_no_erasure_that_runs(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client, asyncio.timeout(10):
        source = service.services.registry.sources("acme")["website"]
        async with source.erase(2, None, None, "visitor"):
            assert [one["rows"] for one in (await preview(client))["steps"]] == JANES


async def test_all_of_the_visitor_is_gone_afterwards_and_nobody_elses(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, beside(service), await eraser(service) as client:
        others = [row for row in rows(tmp_path, "events") if row[1] != 1]
        item = await erased(client, service, case_reference="DSAR-17")
        assert rows(tmp_path, "events") == others
        assert [row[0] for row in rows(tmp_path, "people")] == [2, 3]
        assert (item["kind"], item["scope"], item["device"], item["browser"]) == ("erasure", "visitor", None, None)
        assert (item["case_reference"], item["requested_by"]) == ("DSAR-17", "maria")
        assert item["erased_at"].endswith("Z")
        assert (item["backups_until"], item["links"]["archive"]) == (None, None)
        own = {"kind": "erasure", "requested_by": "maria"}
        (listed,) = (await client.get(f"{BASE}/history", params=own)).json()["items"]
        assert listed == item
        for action in ("request", "start", "done"):
            assert [one["entry_id"] for one in await audited(client, f"erasures:{action}")] == [item["id"]]


async def test_a_receipt_says_what_was_done_and_is_signed(tmp_path: Path) -> None:
    kept = (
        STEPS
        + """
[[erase]]
table = "orders"
title = {en = "Invoices", de = "Rechnungen"}
action = "keep"
because = "the law wants invoices for eight years"
count = "SELECT 3 WHERE :visitor IS NOT NULL"
"""
    )
    async with erasing(tmp_path, steps=kept, top='backups_until = "35 d"') as service, await eraser(service) as client:
        address = await request_erasure(client)
        assert refusal(await client.get(f"{address}/receipt")) == (409, "erasure-not-done")
        await service.services.run_job()
        item = (await client.get(address)).json()
        receipt = (await client.get(item["links"]["receipt"])).json()
        assert [(one["table"], one["action"], one["rows_before"], one["rows_after"]) for one in receipt["steps"]] == [
            ("events", "delete", 5, 0), ("people", "delete", 1, 0), ("orders", "keep", 3, 3),
        ]  # fmt: skip
        assert receipt["steps"][2]["because"] == "the law wants invoices for eight years"
        assert (receipt["visitor"], receipt["requested_by"]) == ("J•••@example.com", "maria")
        assert receipt["backups_until"] == item["backups_until"] > receipt["erased_at"] == item["erased_at"]
        assert EMAIL.lower() not in json.dumps(receipt).lower()
        (key,) = (await client.get("/v1/keys")).json()["keys"]
        assert set(ErasureReceipt.model_fields) == set(receipt)
        ErasureReceipt.model_validate_json(json.dumps(receipt))
        signature = receipt.pop("signature")
        assert key["id"] == receipt["key"]
        raw = base64.urlsafe_b64decode(signature + "==")
        assert PublicKey.read(key["key"]).holds(raw, signed_bytes(receipt))
        assert not PublicKey.read(key["key"]).holds(raw, signed_bytes(receipt | {"visitor": "k•••@example.com"}))


async def test_a_person_reads_the_receipt_as_a_page(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        item = await erased(client, service)
        answer = await client.get(item["links"]["receipt"], headers={"Accept": "text/html"})
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "script" not in answer.headers["content-security-policy"]
        for text in ("Receipt: personal data erased at Acme", "J•••@example.com", "deleted", item["id"]):
            assert text in answer.text
        assert refusal(await client.get(item["links"]["receipt"], headers={"Accept": "image/png"}))[0] == 406


async def test_a_search_that_finds_the_visitor_again_says_so(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        item = await erased(client, service)
        change(tmp_path, "INSERT INTO people VALUES (1, 'jane@example.com', '183')")
        change(tmp_path, "INSERT INTO events (visitor_id, device, browser, people) VALUES (1, 'iPhone', 'Safari', 1)")
        answer = await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})
        website = next(one for one in answer.json()["data_sources"] if one["id"] == "website")
        told = [(one["erased_at"], [few["warnings"] for few in one["combinations"]]) for one in website["visitors"]]
        assert told == [(item["erased_at"], [["erased-before"]]), (None, [[]])]


async def test_of_a_combination_only_that_is_erased_and_remembered(tmp_path: Path) -> None:
    here = "events WHERE visitor_id = :visitor AND device IS :device AND browser IS :browser"
    steps = f"""
[[erase]]
table = "events"
title = "What you did"
action = "delete"
sql = "DELETE FROM {here}"
count = "SELECT count(*) FROM {here}"
"""
    center = 'erasure = "one"\nerasure_scope = "combination"'
    async with erasing(tmp_path, center, steps) as service, await eraser(service) as client:
        item = await erased(client, service)
        assert (item["device"], item["browser"], item["scope"]) == ("iPhone", "Safari", "combination")
        assert [row[2] for row in rows(tmp_path, "events")] == ["iPad", None, "Windows computer"]
        change(tmp_path, "INSERT INTO events (visitor_id, device, browser, people) VALUES (1, 'iPhone', 'Safari', 1)")
        told = {one["device"]: one["warnings"] for one in await candidates(client)}
        assert told["iPhone"] == ["erased-before"]
        assert told[None] == []


async def test_ready_archives_are_revoked_with_it_unless_that_is_not_wanted(tmp_path: Path) -> None:
    for revokes in (False, True):
        folder = tmp_path / str(revokes)
        folder.mkdir()
        async with erasing(folder) as service, beside(service), await eraser(service) as client:
            export = await request_export(client)
            await service.services.run_job()
            assert (await preview(client))["exports"][0]["status"] == "ready"
            item = await erased(client, service, revoke_exports=revokes)
            status = (await client.get(export)).json()["status"]
            receipt = (await client.get(item["links"]["receipt"])).json()
            assert (status, len(receipt["revoked_exports"])) == (("revoked", 1) if revokes else ("ready", 0))
            await service.services.tick()
            assert len(archives(service)) == (0 if revokes else 1)


async def test_export_and_erasure_of_a_visitor_wait_for_each_other(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, beside(service), await eraser(service) as client:
        planned = await preview(client)
        export = await request_export(client)
        assert refusal(await ask(client, planned)) == (409, "export-unfinished")
        await service.services.run_job()
        assert (await client.get(export)).json()["status"] == "ready"
        token = await candidate(client, "iPad")
        assert (await ask(client, planned)).status_code == 202
        assert refusal(await client.post(f"{BASE}/exports", json={"candidate": token})) == (409, "erasure-unfinished")
        assert refusal(await ask(client, await preview(client))) == (409, "erasure-unfinished")
        # Another visitor's is nobody's concern.
        assert (await request_export(client, "Windows computer")).startswith(f"{BASE}/exports/")


async def test_a_failed_export_is_not_retried_while_its_visitor_is_erased(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        export = await request_export(client)
        (tmp_path / "website.db").rename(tmp_path / "away.db")
        for _ in range(6):
            service.clock.ahead += timedelta(minutes=5)
            await service.services.run_job()
        assert (await client.get(export)).json()["status"] == "failed"
        (tmp_path / "away.db").rename(tmp_path / "website.db")
        await request_erasure(client)
        assert refusal(await client.post(f"{export}/retry")) == (409, "erasure-unfinished")


@pytest.mark.parametrize("how", ["another's", "of another data center", "tampered", "older", "used twice"])
async def test_a_plan_that_does_not_hold_is_refused_and_recorded(tmp_path: Path, how: str) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        planned, sender = await preview(client), client
        if how == "another's":
            sender = await eraser(service, "otto")
        elif how == "of another data center":
            both = KeyOrder("olga", ("acme", "globex"), "administrator", None, ("erasures:create",))
            sender = service.bare_client(await service.services.keys.create(both))
        elif how == "tampered":
            planned["plan"] = planned["plan"][:-2] + ("AA" if planned["plan"][-2:] != "AA" else "BB")
        elif how == "older":
            service.clock.ahead += timedelta(minutes=15, seconds=1)
        else:
            assert (await ask(client, planned)).status_code == 202
            await service.services.run_job()
        center = "globex" if how == "of another data center" else "acme"
        sent = {"plan": planned["plan"], "confirm": planned["visitor"]["handle"]}
        answer = await sender.post(f"/v1/data-centers/{center}/erasures", json=sent)
        assert refusal(answer) == (409, "plan-invalid")
        if center == "acme":
            await service.services.refusals.write_due()
            refused = await audited(client, "access:refuse")
            assert "plan-invalid" in [one["details"]["problem"] for one in refused]


async def test_the_handle_typed_wrong_erases_nothing(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        planned = await preview(client)
        assert refusal(await ask(client, planned, confirm="0" * 12)) == (422, "confirm-mismatch")
        assert (await client.get(f"{BASE}/history")).json()["items"] == []
        # The plan is not used up by it.
        assert (await ask(client, planned)).status_code == 202


@pytest.mark.parametrize(("more", "status"), [(0, 202), (1, 409)])
async def test_a_plan_is_outdated_where_more_than_a_tenth_came_since(tmp_path: Path, more: int, status: int) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        for _ in range(15):
            change(tmp_path, "INSERT INTO events (visitor_id, device, browser) VALUES (1, 'iPhone', 'Safari')")
        planned = await preview(client)
        for _ in range(2 + more):
            change(tmp_path, "INSERT INTO events (visitor_id, device, browser) VALUES (1, 'iPhone', 'Safari')")
        answer = await ask(client, planned)
        assert answer.status_code == status
        if status == 409:
            assert refusal(answer) == (409, "plan-outdated")
            assert "20 rows were counted, now there are 23" in answer.json()["detail"]


async def test_what_grew_between_request_and_turn_fails_by_name_and_erases_nothing(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        address = await request_erasure(client)
        change(tmp_path, "INSERT INTO events (visitor_id, device, browser) VALUES (1, 'iPhone', 'Safari')")
        await service.services.run_job()
        item = (await client.get(address)).json()
        assert (item["status"], item["problem"]) == ("failed", "plan-outdated")
        assert len(rows(tmp_path, "events")) == 7


FAILURES = {
    "rows-remain": STEPS.replace(
        "DELETE FROM events WHERE visitor_id", "DELETE FROM events WHERE device = 'x' AND visitor_id"
    ),
    "rows-mismatch": STEPS.replace(
        "DELETE FROM events WHERE visitor_id = :visitor", "DELETE FROM events WHERE visitor_id - :visitor >= 0"
    ),
    "source-misconfigured": STEPS.replace("DELETE FROM people", "DELETE FROM persons"),
}


@pytest.mark.parametrize("problem", FAILURES)
async def test_what_fails_is_named_with_its_table_and_nothing_is_half_done(tmp_path: Path, problem: str) -> None:
    async with erasing(tmp_path, steps=FAILURES[problem]) as service, beside(service), await eraser(service) as client:
        address = await request_erasure(client)
        await service.services.run_job()
        item = (await client.get(address)).json()
        assert (item["status"], item["problem"], item["links"]["receipt"]) == ("failed", problem, None)
        (event,) = await audited(client, "erasures:fail")
        assert event["details"]["problem"] == problem
        assert (
            "people" in event["details"]["detail"]
            or "events" in event["details"]["detail"]
            or "persons" in event["details"]["detail"]
        )
        assert (len(rows(tmp_path, "events")), len(rows(tmp_path, "people"))) == (6, 3)
        assert refusal(await client.get(f"{address}/receipt")) == (409, "erasure-not-done")


async def test_a_failed_erasure_is_run_again_within_a_day(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, beside(service), await eraser(service) as client:
        change(tmp_path, "CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people (id))")
        change(tmp_path, "INSERT INTO orders VALUES (1, 1)")
        address = await request_erasure(client)
        await service.services.run_job()
        item = (await client.get(address)).json()
        assert (item["status"], item["problem"]) == ("failed", "rows-referred")
        (event,) = await audited(client, "erasures:fail")
        assert "'orders'" in event["details"]["detail"]
        change(tmp_path, "DELETE FROM orders")
        assert (await client.post(f"{address}/retry")).status_code == 202
        await service.services.run_job()
        assert (await client.get(address)).json()["status"] == "done"
        assert refusal(await client.post(f"{address}/retry")) == (409, "erasure-final")


async def test_it_can_be_cancelled_until_it_begins(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, beside(service), await eraser(service) as client:
        address = await request_erasure(client)
        answer = await client.delete(address)
        assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
        assert not await service.services.run_job()
        assert len(rows(tmp_path, "events")) == 6
        again = await request_erasure(client)
        await service.services.run_job()
        assert refusal(await client.delete(again)) == (409, "erasure-final")


async def test_two_administrators_are_needed_where_the_data_center_says_so(tmp_path: Path) -> None:
    async with (
        erasing(tmp_path, 'erasure = "two"') as service,
        beside(service),
        await eraser(service, may=("erasures:create", "erasures:approve")) as maria,
        await eraser(service, "otto", ("erasures:approve",)) as otto,
        await eraser(service, "olga") as olga,
    ):
        assert (await preview(maria))["needs_approval"]
        address = await request_erasure(maria)
        assert (await maria.get(address)).json()["status"] == "requested"
        assert not await service.services.run_job()
        assert refusal(await maria.post(f"{address}/approve")) == (403, "own-erasure")
        assert refusal(await olga.post(f"{address}/approve")) == (403, "forbidden")
        answer = await otto.post(f"{address}/approve")
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")
        assert refusal(await otto.post(f"{address}/approve")) == (409, "erasure-final")
        assert await service.services.run_job()
        receipt = (await maria.get(f"{address}/receipt")).json()
        assert (receipt["requested_by"], receipt["approved_by"]) == ("maria", "otto")
        assert [one["actor"] for one in await audited(maria, "erasures:approve")] == ["otto"]


async def test_an_approval_counts_again(tmp_path: Path) -> None:
    async with (
        erasing(tmp_path, 'erasure = "two"') as service,
        await eraser(service) as maria,
        await eraser(service, "otto", ("erasures:approve",)) as otto,
    ):
        address = await request_erasure(maria)
        change(tmp_path, "INSERT INTO events (visitor_id, device, browser) VALUES (1, 'iPhone', 'Safari')")
        assert refusal(await otto.post(f"{address}/approve")) == (409, "plan-outdated")
        assert (await maria.delete(address)).status_code == 202


async def test_what_nobody_approves_lapses_after_fourteen_days(tmp_path: Path) -> None:
    async with erasing(tmp_path, 'erasure = "two"') as service, beside(service), await eraser(service) as client:
        address = await request_erasure(client)
        service.clock.ahead = timedelta(days=13, hours=23)
        await service.services.tick()
        assert (await client.get(address)).json()["status"] == "requested"
        service.clock.ahead = timedelta(days=14, seconds=5)
        await service.services.tick()
        assert (await client.get(address)).json()["status"] == "cancelled"
        (event,) = await audited(client, "erasures:cancel")
        assert event["actor"] == "dossier"


async def test_an_administrator_erases_only_with_a_key_that_was_made_for_it(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await service.client() as client:
        answer = await client.post(f"{BASE}/erasures/preview", json={"candidate": await candidate(client)})
        assert refusal(answer) == (403, "forbidden")
        answer = await client.post(f"{BASE}/erasures", json={"plan": "x", "confirm": "x"})
        assert refusal(answer) == (403, "forbidden")


async def test_who_lost_the_right_meanwhile_erases_nothing(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client, await service.client("otto") as other:
        address = await request_erasure(client)
        (key,) = [one for one in await service.services.keys.listed() if one.name == "maria"]
        await service.services.keys.revoke(key.id)
        await service.services.run_job()
        assert (await other.get(address)).json()["problem"] == "permission-lost"
        assert len(rows(tmp_path, "events")) == 6


async def test_where_it_is_switched_off_or_not_described_it_is_refused(tmp_path: Path) -> None:
    async with erasing(tmp_path, "") as service, await eraser(service) as client:
        answer = await client.post(f"{BASE}/erasures/preview", json={"candidate": await candidate(client)})
        assert refusal(answer) == (409, "erasure-off")
    async with erasing(tmp_path) as service, await eraser(service, "otto") as client:
        token = await candidate(client, source="shop")
        answer = await client.post(f"{BASE}/erasures/preview", json={"candidate": token})
        assert refusal(answer) == (409, "not-erasable")


async def test_of_a_visitor_who_is_gone_there_is_nothing_to_plan(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        token = await candidate(client)
        await erased(client, service)
        answer = await client.post(f"{BASE}/erasures/preview", json={"candidate": token})
        assert refusal(answer) == (409, "visitor-gone")


async def test_ids_of_exports_and_erasures_are_not_each_others(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        export = (await request_export(client, "Windows computer")).rpartition("/")[2]
        erasure = (await request_erasure(client)).rpartition("/")[2]
        for wrong in (f"{BASE}/erasures/{export}", f"{BASE}/exports/{erasure}", f"{BASE}/exports/{erasure}/archive"):
            assert refusal(await client.get(wrong)) == (404, "not-found")
        assert refusal(await client.delete(f"{BASE}/exports/{erasure}")) == (404, "not-found")


async def test_what_a_killed_worker_had_committed_is_proved_by_the_next(tmp_path: Path) -> None:
    """It died after the data source's commit and before the history's: the counts from before are kept."""
    async with erasing(tmp_path) as service, beside(service), await eraser(service) as client:
        address = await request_erasure(client)
        run = service.services.run_job
        taken = await run.take_up()
        assert taken is not None
        await taken[1].run()
        assert [row for row in rows(tmp_path, "events") if row[1] == 1] == []
        service.clock.ahead += timedelta(minutes=1)
        await service.services.tick()
        assert refusal(await client.delete(address)) == (409, "erasure-final")
        assert await run()
        item = (await client.get(address)).json()
        receipt = (await client.get(item["links"]["receipt"])).json()
        assert [(one["rows_before"], one["rows_after"]) for one in receipt["steps"]] == [(5, 0), (1, 0)]


async def test_the_own_database_holds_nothing_raw_of_an_erasure(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        await erased(client, service)
    with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database:
        dump = "\n".join(database.iterdump())
        assert database.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    assert "jane@" not in dump.lower()


async def test_a_source_that_is_away_is_said_and_nothing_is_recorded(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service, await eraser(service) as client:
        planned = await preview(client)
        (tmp_path / "website.db").rename(tmp_path / "away.db")
        answer = await ask(client, planned)
        assert refusal(answer) == (503, "source-unavailable")
        assert "website.db" not in answer.text
        assert (await client.get(f"{BASE}/history")).json()["items"] == []


async def test_waiting_for_an_erasure_ends_when_it_is_done(tmp_path: Path) -> None:
    async with erasing(tmp_path, work=True) as service, await eraser(service) as client:
        address = await request_erasure(client)
        item = await finished(client, address)
        while item["status"] == "erasing":
            item = await finished(client, address)
        assert item["status"] == "done"


@pytest.mark.parametrize("deed", ["request", "approve", "retry"])
async def test_a_request_an_approval_and_a_retry_are_heard_of_at_once(tmp_path: Path, deed: str) -> None:
    """And not when those who take up work ask by themselves, three seconds later."""
    asked = 0

    async def piece() -> bool:
        nonlocal asked
        asked += 1
        return False

    async with (
        erasing(tmp_path, 'erasure = "two"') as service,
        await eraser(service) as maria,
        await eraser(service, "otto", ("erasures:approve",)) as otto,
    ):
        planned = await preview(maria)
        address = "" if deed == "request" else (await ask(maria, planned)).headers["location"]
        if deed == "retry":
            await otto.post(f"{address}/approve")
            change(tmp_path, "INSERT INTO events (visitor_id, device, browser) VALUES (1, 'iPhone', 'Safari')")
            await service.services.run_job()
        answering = asyncio.create_task(service.services.bell.answer(piece, 1))
        await asyncio.sleep(0.1)
        before = asked
        done = (
            ask(maria, planned) if deed == "request" else (maria if deed == "retry" else otto).post(f"{address}/{deed}")
        )
        assert (await done).status_code == 202
        async with asyncio.timeout(1):
            while asked == before:
                await asyncio.sleep(0.02)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
