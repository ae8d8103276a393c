"""What breaks in the middle of an erasure: a kill in each step, a lock, a database that goes away. It is done and proved
in the end, or fails by name, and touches nobody else's rows."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.broken.test_faults import tried
from tests.builders import environ_of
from tests.erasures import STEPS, eraser, erasing, request_erasure, write_erasable
from tests.servers import new_database
from tests.site import Site, once, site

BATCHED = STEPS.replace(
    'sql = "DELETE FROM events WHERE visitor_id = :visitor"',
    'batch = 40\nsql = """DELETE FROM events WHERE ctid IN'
    ' (SELECT ctid FROM events WHERE visitor_id = :visitor LIMIT :batch)"""',
)
# A step waits for whoever holds the lock of its number.
TABLES = """
CREATE TABLE people (id bigint PRIMARY KEY, email text, cookie text);
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, visitor_id bigint, device text, browser text,
    os text, at text, what text, meta text, people bigint);
INSERT INTO people VALUES (1, 'Jane@example.com', '183'), (2, 'otto@example.com', '9f3');
INSERT INTO events (visitor_id, device, browser, people)
    SELECT 1 + n % 2, 'iPhone', 'Safari', 1 FROM generate_series(1, 200) AS n;
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::int); RETURN OLD; END $$;
CREATE TRIGGER first_rows BEFORE DELETE ON events FOR EACH ROW WHEN (OLD.id < 20) EXECUTE FUNCTION hold(1);
CREATE TRIGGER later_rows BEFORE DELETE ON events FOR EACH ROW WHEN (OLD.id > 150) EXECUTE FUNCTION hold(2);
CREATE TRIGGER the_person BEFORE DELETE ON people FOR EACH ROW EXECUTE FUNCTION hold(3);
"""


@pytest.fixture
def url(postgres_18: str) -> str:
    made = new_database(postgres_18)
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(TABLES.encode())
    return made


def left(url: str) -> list[int]:
    """Jane's events, the record of her, and everybody else's of both."""
    asked = [
        f"SELECT count(*) FROM {table} WHERE {'' if mine else 'NOT '} {column} = 1"
        for mine in (True, False)
        for table, column in (("events", "visitor_id"), ("people", "id"))
    ]
    with psycopg.connect(url) as connection:
        return [connection.execute(one.encode()).fetchall()[0][0] for one in asked]


@contextmanager
def held(url: str, number: int) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """For as long as the block, what asks for this lock waits."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SELECT pg_advisory_lock({number})".encode())
        yield connection


def waits(connection: psycopg.Connection[tuple[object, ...]], number: int) -> bool:
    """Whether somebody waits for the lock."""
    query = f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = {number} AND NOT granted"
    return connection.execute(query.encode()).fetchone() is not None


def place_of(folder: Path, url: str) -> Site:
    place = site(folder, mappings=write_erasable(folder, steps=BATCHED))
    place.environ |= environ_on(folder, url)
    return place


def environ_on(folder: Path, url: str) -> dict[str, str]:
    shop = environ_of(folder)["SHOP_URL"]
    return dict.fromkeys(("WEBSITE_URL", "WEBSITE_ERASE_URL"), url) | dict.fromkeys(
        ("SHOP_URL", "SHOP_ERASE_URL"), shop
    )


@pytest.mark.everywhere
def test_whichever_step_it_is_killed_in_the_next_process_erases_and_proves_the_rest(tmp_path: Path, url: str) -> None:
    place = place_of(tmp_path, url)
    made = place.run("keys", "create", "--name", "maria", "--data-center", "acme", "--role", "administrator",
                     "--may", "erasures:create")  # fmt: skip
    address = ""
    with place.client(made.stdout.strip()) as client:
        for number, least in ((1, 100), (2, 1), (3, 0)):
            with held(url, number) as connection, place.serving() as process:
                address = address or _requested(client)
                until = time.monotonic() + 30
                while not waits(connection, number):
                    assert time.monotonic() < until, client.get(address).json()
                    time.sleep(0.02)
                process.kill()
                process.wait()
            assert left(url)[0] >= least
            assert left(url)[1:] == [1, 100, 1]
        with place.serving():
            item = once(client, address, "done", "failed")
            assert (item["status"], item["problem"]) == ("done", None)
            receipt = client.get(item["links"]["receipt"]).json()
    assert [(one["rows_before"], one["rows_after"]) for one in receipt["steps"]] == [(100, 0), (1, 0)]
    assert left(url) == [0, 0, 100, 1]


def _requested(client: httpx.Client) -> str:
    found = client.post("/v1/data-centers/acme/visitors/search", json={"identifier": "183"}).json()
    website = next(one for one in found["data_sources"] if one["id"] == "website")
    token = website["visitors"][0]["combinations"][0]["candidate"]
    planned = client.post("/v1/data-centers/acme/erasures/preview", json={"candidate": token}).json()
    sent = {"plan": planned["plan"], "confirm": planned["visitor"]["handle"]}
    return str(client.post("/v1/data-centers/acme/erasures", json=sent).headers["location"])


async def test_a_database_that_goes_away_in_the_middle_is_tried_again(tmp_path: Path, url: str) -> None:
    async with erasing(tmp_path, environ=environ_on(tmp_path, url)) as service, await eraser(service) as client:
        address = await request_erasure(client)
        with held(url, 3) as connection:
            working = asyncio.create_task(service.services.run_job())
            while not waits(connection, 3):
                await asyncio.sleep(0.02)
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            connection.execute(f"{others} AND pid <> pg_backend_pid()".encode())
            assert await working
        assert (await client.get(address)).json()["status"] == "queued"
        assert left(url) == [100, 1, 100, 1]
        service.clock.ahead += timedelta(minutes=1)
        await tried(service, 1)
        assert (await client.get(address)).json()["status"] == "done"
        assert left(url) == [0, 0, 100, 1]


@pytest.mark.everywhere
async def test_a_lock_that_somebody_keeps_is_named_and_waited_for(
    tmp_path: Path, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten seconds at a time, so that others do not wait behind it."""
    async with erasing(tmp_path, environ=environ_on(tmp_path, url)) as service, await eraser(service) as client:
        address = await request_erasure(client)
        with psycopg.connect(url) as connection:
            connection.execute("SELECT 1 FROM people FOR UPDATE")
            await tried(service, 1)
        assert "rows-locked: erase 'people': canceling statement due to lock timeout" in caplog.text
        assert left(url) == [100, 1, 100, 1]
        await tried(service, 1)
        assert (await client.get(address)).json()["status"] == "done"


async def test_rows_that_come_back_after_the_steps_are_not_called_gone(tmp_path: Path, url: str) -> None:
    """An importer that never stops: a trigger writes a row as soon as the visitor's own record goes."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO events (visitor_id, device) VALUES (OLD.id, 'again'); RETURN NULL; END $$;"
            " CREATE TRIGGER import AFTER DELETE ON people FOR EACH ROW EXECUTE FUNCTION back()"
        )
    async with (
        erasing(tmp_path, steps=BATCHED, environ=environ_on(tmp_path, url)) as service,
        await eraser(service) as client,
    ):
        address = await request_erasure(client)
        await tried(service, 1)
        item = (await client.get(address)).json()
        assert (item["status"], item["problem"]) == ("failed", "rows-remain")
        (event,) = (await client.get("/v1/data-centers/acme/audit", params={"action": "erasures:fail"})).json()["items"]
        assert event["details"]["detail"] == "What you did (events): 1 rows are there still."
