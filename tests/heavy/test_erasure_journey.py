"""A hundred erasures and a hundred exports of overlapping visitors, while everything that can be killed is killed: each
erasure is done and proved or fails by name, nobody else's row is touched, and no export delivers what is half erased."""

import asyncio
import io
import json
import random
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.builders import BASE, write_shop
from tests.erasures import write_erasable
from tests.heavy.test_fault_journey import Journey, faults, one_number
from tests.servers import new_database
from tests.stack import in_turn, standing

PEOPLE, EXPORTED, ERASED = 150, range(100), range(50, 150)
BATCH = """DELETE FROM events WHERE ctid IN (SELECT ctid FROM events WHERE visitor_id = :visitor LIMIT :batch)"""
STEPS = f"""
[[erase]]
table = "events"
title = "What you did"
action = "delete"
batch = 300
sql = "{BATCH}"
count = "SELECT count(*) FROM events WHERE visitor_id = :visitor"

[[erase]]
table = "people"
title = "Who you are"
action = "delete"
sql = "DELETE FROM people WHERE id = :visitor"
count = "SELECT count(*) FROM people WHERE id = :visitor"
"""
# What was there stays beside it, for whoever reads what is left.
TABLES = f"""
CREATE TABLE people (id bigint PRIMARY KEY, email text, cookie text);
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, visitor_id bigint, device text, browser text,
    os text, at text, what text, meta text, people bigint);
INSERT INTO people SELECT n, 'v' || n || '@example.com', 'cookie-' || n FROM generate_series(0, {PEOPLE - 1}) AS n;
INSERT INTO events (visitor_id, device, browser, at, what, people)
    SELECT v, 'iPhone', 'Safari', '2026-01-02T03:04:05Z', v || ':' || md5(v || '/' || n), 1
    FROM generate_series(0, {PEOPLE - 1}) AS v, generate_series(1, 500 + 40 * v) AS n;
INSERT INTO events (visitor_id, device, browser, people) SELECT v, 'iPad', 'Safari', 1
    FROM generate_series(0, {PEOPLE - 1}) AS v;
CREATE INDEX ON events (visitor_id);
CREATE TABLE before AS SELECT * FROM events;
CREATE INDEX ON before (visitor_id);
"""
pytestmark = pytest.mark.heavy


async def token_of(journey: Journey, visitor: int) -> str | None:
    found = await journey.ask("POST", f"{BASE}/visitors/search", json={"identifier": f"cookie-{visitor}"})
    (website,) = [one for one in found.json()["data_sources"] if one["id"] == "website"]
    offered = [one for found in website["visitors"] for one in found["combinations"] if one["device"] == "iPhone"]
    return offered[0]["candidate"] if offered else None


async def refused(journey: Journey, answer: httpx.Response) -> bool:
    """Whether to try again a little later."""
    if answer.status_code == 202:
        return False
    slug = answer.json()["type"].removeprefix("/problems/")
    assert slug in ("export-unfinished", "erasure-unfinished", "visitor-gone", "plan-invalid"), answer.text
    journey.refused[answer.status_code] += 1
    await asyncio.sleep(1)
    return True


async def export(journey: Journey, exports: dict[int, str], visitor: int) -> None:
    while token := await token_of(journey, visitor):
        answer = await journey.ask("POST", f"{BASE}/exports", json={"candidate": token})
        if not await refused(journey, answer):
            exports[visitor] = journey.addresses[visitor] = answer.headers["location"]
            journey.states[visitor] = answer.json()
            return


async def erase(journey: Journey, erasures: dict[int, str], visitor: int) -> None:
    while token := await token_of(journey, visitor):
        found = await journey.ask("POST", f"{BASE}/erasures/preview", json={"candidate": token})
        if found.status_code == 503:
            continue
        if found.status_code != 200:
            await refused(journey, found)
            continue
        planned = found.json()
        sent = {"plan": planned["plan"], "confirm": planned["visitor"]["handle"], "revoke_exports": False}
        answer = await journey.ask("POST", f"{BASE}/erasures", json=sent)
        # The answer to the one before may have been lost with an API: then it is this visitor's erasure that is in the
        # way, and the history has it.
        if answer.status_code != 202 and (known := await begun(journey, planned["visitor"]["handle"])):
            erasures[visitor] = known
            return
        if not await refused(journey, answer):
            erasures[visitor] = answer.headers["location"]
            return


async def begun(journey: Journey, handle: str) -> str | None:
    found = await journey.ask("GET", f"{BASE}/history", params={"kind": "erasure", "page_size": 200})
    mine = [one for one in found.json()["items"] if one["visitor"]["handle"] == handle]
    return str(mine[0]["links"]["self"]) if mine else None


async def ended(journey: Journey, address: str) -> dict[str, Any]:
    while True:
        item: dict[str, Any] = (await journey.ask("GET", address)).json()
        if item["status"] in ("done", "failed", "ready", "cancelled"):
            return item
        await asyncio.sleep(1)


async def test_100_erasures_and_100_exports_survive_every_fault(tmp_path: Path) -> None:
    random.seed(7)
    write_shop(tmp_path / "shop.db")
    with standing(tmp_path / "stack", {}) as stack:
        url = new_database(stack.postgres.url, "website")
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(TABLES.encode())
        shop = f"sqlite:///{tmp_path / 'shop.db'}"
        stack.environ |= {"WEBSITE_URL": url, "WEBSITE_ERASE_URL": url, "SHOP_URL": shop, "SHOP_ERASE_URL": shop}
        stack.environ["DOSSIER_DATA_CENTERS"] = str(write_erasable(tmp_path, steps=STEPS))
        for process in (*stack.apis, *stack.workers):
            process.kill()
            process.environ = {
                **process.environ,
                **stack.environ,
                "DOSSIER_VAR_DIR": process.environ["DOSSIER_VAR_DIR"],
            }
            process.start()
        stack.wait_until_ready()
        key = stack.run(
            "keys", "create", "--name", "maria", "--data-center", "acme", "--role", "administrator",
            "--may", "erasures:create",
        )  # fmt: skip
        async with in_turn(stack, key) as client:
            await walk(Journey(stack, client), url)


async def walk(journey: Journey, url: str) -> None:
    exports, erasures = dict[int, str](), dict[int, str]()
    asked = [export(journey, exports, one) for one in EXPORTED] + [erase(journey, erasures, one) for one in ERASED]
    random.shuffle(asked)
    async with asyncio.timeout(1200):
        asking = asyncio.gather(*asked)
        await faults(journey)
        await asking
        journey.tell("all are requested")
        made = {visitor: await ended(journey, address) for visitor, address in exports.items()}
        gone = {visitor: await ended(journey, address) for visitor, address in erasures.items()}
    journey.tell("all have ended")
    with psycopg.connect(url) as database:
        wrong = [one for one in range(PEOPLE) if not as_it_should(database, one, gone.get(one))]
    right = [one for one, item in made.items() if await is_right(journey, url, one, item)]
    unproved = [
        one for one, item in gone.items() if item["status"] == "done" and not await proves(journey, url, one, item)
    ]
    told = {
        "exports requested": len(exports), "exports ready": sum(one["status"] == "ready" for one in made.values()),
        "right archives": len(right), "visitors erased before they were exported": len(EXPORTED) - len(exports),
        "erasures requested": len(erasures),
        "erasures, by how they ended": dict(Counter(one["problem"] or one["status"] for one in gone.values())),
        "visitors whose rows are not as they should": len(wrong), "receipts that do not prove": len(unproved),
        "answers refused meanwhile, by status": dict(journey.refused),
        "workers killed": sum("worker" in what and "killed" in what for _, what, _ in journey.told),
    }  # fmt: skip
    for name, value in told.items():
        print(f"{name:58} {value}", flush=True)
    with psycopg.connect(journey.stack.postgres.url) as database:
        assert one_number(database, "SELECT count(*) FROM jobs WHERE keep_until IS NULL") == 0
    assert (wrong, unproved, len(erasures)) == ([], [], len(ERASED))
    assert sorted(right) == sorted(made), journey.stack.said()[-5000:]


def as_it_should(database: psycopg.Connection[Any], visitor: int, erased: dict[str, Any] | None) -> bool:
    """All of it is gone where the erasure is done; where it failed, or nobody asked, the record is there, and what was
    not erased is what it was."""
    now = database.execute("SELECT * FROM events WHERE visitor_id = %s ORDER BY id", (visitor,)).fetchall()
    before = database.execute("SELECT * FROM before WHERE visitor_id = %s ORDER BY id", (visitor,)).fetchall()
    known = database.execute("SELECT count(*) FROM people WHERE id = %s", (visitor,)).fetchall()[0][0]
    if erased is None:
        return now == before and known == 1
    if erased["status"] == "done":
        return not now and not known
    return erased["problem"] is not None and known == 1 and set(now) <= set(before)


async def is_right(journey: Journey, url: str, visitor: int, item: dict[str, Any]) -> bool:
    """Everything that there was before anything was erased: an export of half of it would be short."""
    if item["status"] != "ready":
        return False
    content = (await journey.ask("GET", item["links"]["archive"])).content
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        document = json.loads(opened.read("personal-data.json"))
    rows = document["sections"]["events"]
    assert document["export"]["as_of"]
    with psycopg.connect(url) as database:
        query = "SELECT id, what FROM before WHERE visitor_id = %s AND device = 'iPhone' ORDER BY at, id"
        return [(row["id"], row["what"]) for row in rows] == database.execute(query, (visitor,)).fetchall()


async def proves(journey: Journey, url: str, visitor: int, item: dict[str, Any]) -> bool:
    receipt = (await journey.ask("GET", item["links"]["receipt"])).json()
    counts = [(one["rows_before"], one["rows_after"]) for one in receipt["steps"]]
    with psycopg.connect(url) as database:
        before = one_number(database, f"SELECT count(*) FROM before WHERE visitor_id = {visitor}")
    return counts == [(before, 0), (1, 0)]
