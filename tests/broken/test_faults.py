"""What breaks on the way: sources, stores, workers, keys. Nothing is lost, nothing half-done stays behind."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from app.access.keys import KeyOrder
from app.bootstrap import build_services
from app.exports.work import ExportAttempt
from app.main import create_app
from tests.beside import archives as files
from tests.beside import beside
from tests.builders import (
    BASE,
    Running,
    archive,
    candidate,
    candidates,
    document,
    environ_of,
    finished,
    request_export,
    running,
    write_website,
)


def jobs(service: Running) -> int:
    with closing(sqlite3.connect(service.folder / "var" / "dossier.db")) as database:
        mine = "SELECT count(*) FROM jobs JOIN history_entries ON id = entry_id WHERE requested_by <> 'olga'"
        count: int = database.execute(mine).fetchone()[0]
        return count


async def threads_end(before: set[threading.Thread]) -> None:
    """The loop's own pool apart, every thread that was started since has ended, or ends within seconds."""
    async with asyncio.timeout(5):
        while {one for one in threading.enumerate() if not one.name.startswith("asyncio_")} - before:
            await asyncio.sleep(0.05)


async def tried(service: Running, times: int) -> None:
    """So many attempts, each when it is due."""
    for _ in range(times):
        assert await service.services.run_job()
        service.clock.ahead += timedelta(minutes=1)


async def test_a_source_that_stays_down_fails_the_export_by_name_and_a_retry_finishes_it(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        (tmp_path / "website.db").rename(tmp_path / "away.db")
        await tried(service, 5)
        assert (await client.get(address)).json()["status"] == "queued"
        await tried(service, 1)
        failed = (await client.get(address)).json()
        assert (failed["status"], failed["problem"]) == ("failed", "source-unavailable")
        assert files(service) == []
        assert not (tmp_path / "website.db").exists()
        assert await service.services.run_job() is False
        (tmp_path / "away.db").rename(tmp_path / "website.db")
        retried = await client.post(f"{address}/retry")
        assert (retried.status_code, retried.json()["problem"]) == (202, None)
        await tried(service, 1)
        assert (await client.get(address)).json()["status"] == "ready"
        assert jobs(service) == 0


async def test_attempts_are_1_2_4_8_and_16_seconds_apart_or_a_little_more(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, beside(service), await service.client() as client:
        await request_export(client)
        (tmp_path / "website.db").unlink()
        for wait in (1, 2, 4, 8, 16):
            assert await service.services.run_job()
            service.clock.ahead += timedelta(seconds=wait - 0.5)
            assert await service.services.run_job() is False
            service.clock.ahead += timedelta(seconds=0.5 + wait * 0.25)
        assert await service.services.run_job()


async def test_a_failed_export_can_be_retried_for_24_hours_and_not_longer(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        (tmp_path / "website.db").unlink()
        await tried(service, 6)
        service.clock.ahead += timedelta(hours=24)
        await service.services.tick()
        refused = await client.post(f"{address}/retry")
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/export-final")
        assert jobs(service) == 0


@pytest.mark.parametrize("break_it", [lambda path: path.rename(path.with_name("away")), lambda path: path.rmdir()])
async def test_a_vanished_archive_directory_is_storage_unavailable(tmp_path: Path, break_it: object) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        break_it(tmp_path / "var" / "archives")  # type: ignore[operator]
        await tried(service, 6)
        failed = (await client.get(address)).json()
        assert (failed["status"], failed["problem"]) == ("failed", "storage-unavailable")
        assert not (tmp_path / "var" / "archives").exists()


async def test_a_full_store_leaves_no_half_archive(tmp_path: Path) -> None:
    """A file where the data center's folder belongs stands for a place that takes no more."""
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        (tmp_path / "var" / "archives" / "acme").write_text("in the way")
        await tried(service, 6)
        assert (await client.get(address)).json()["problem"] == "storage-unavailable"
        assert [path.name for path in (service.folder / "var" / "archives").rglob("*") if path.is_file()] == ["acme"]


async def test_an_archive_that_vanished_from_the_store_is_told_before_any_byte(tmp_path: Path) -> None:
    async with running(tmp_path) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        await finished(client, address)
        files(service)[0].unlink()
        answer = await client.get(f"{address}/archive")
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/storage-unavailable")


async def test_a_cancel_in_the_middle_stops_the_work_and_leaves_nothing(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    async with running(tmp_path, events=300_000) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        async with asyncio.timeout(20):
            while not files(service):
                await asyncio.sleep(0.01)
        cancelled = await client.delete(address)
        assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
        async with asyncio.timeout(5):
            while files(service):
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        assert (files(service), jobs(service)) == ([], 0)
        assert (await client.get(address)).json()["status"] == "cancelled"
        assert (await client.get(f"{address}/archive")).json()["type"] == "/problems/export-not-ready"
    await threads_end(before)


async def test_a_lost_lease_is_taken_back_and_the_twentieth_is_the_last(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        for lost in range(1, 21):
            assert await service.services.run_job.take_up()
            assert (await client.get(address)).json()["status"] == "compiling"
            service.clock.ahead += timedelta(seconds=31)
            await service.services.tick()
            status = (await client.get(address)).json()["status"]
            assert status == ("queued" if lost < 20 else "failed")
        assert (await client.get(address)).json()["problem"] == "attempts-exhausted"
        assert (await client.post(f"{address}/retry")).status_code == 202
        await tried(service, 1)
        assert (await client.get(address)).json()["status"] == "ready"


async def test_only_one_of_two_attempts_gets_a_job(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        assert sorted(await asyncio.gather(service.services.run_job(), service.services.run_job())) == [False, True]
        assert (await client.get(address)).json()["status"] == "ready"
        assert len(files(service)) == 1


async def test_a_worker_that_wakes_too_late_does_not_take_the_next_ones_archive_along(tmp_path: Path) -> None:
    """It was thought dead before it had noted where its archive goes, and notes it after the next one began."""
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address, run_job = await request_export(client), service.services.run_job
        late = await run_job.take_up()
        service.clock.ahead += timedelta(seconds=31)
        await service.services.tick()
        next_one = await run_job.take_up()
        assert late
        assert next_one
        assert isinstance(late[1], ExportAttempt)
        assert isinstance(next_one[1], ExportAttempt)
        await late[1].write_key()
        await run_job.run(*next_one)
        await late[1].discard()
        assert [f"acme/{path.name}" for path in files(service)] == [next_one[1].key]
        assert (await client.get(f"{address}/archive")).status_code == 200
        assert (await client.delete(address)).status_code == 204
        assert files(service) == []


async def test_a_worker_that_stops_hands_its_job_back_at_once(tmp_path: Path) -> None:
    async with (
        running(tmp_path, work=False, events=300_000) as service,
        beside(service),
        await service.client() as client,
    ):
        address = await request_export(client)
        attempt = asyncio.create_task(service.services.run_job())
        while not files(service):
            await asyncio.sleep(0.01)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        assert (await client.get(address)).json()["status"] == "queued"
        assert files(service) == []
        await tried(service, 1)
        assert (await client.get(address)).json()["status"] == "ready"


async def test_a_key_that_was_revoked_before_the_job_began_exports_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, beside(service), await service.client("maria") as client:
        address = await request_export(client)
        (key,) = [one for one in await service.services.keys.listed() if one.name == "maria"]
        await service.services.keys.revoke(key.id)
        await tried(service, 1)
        async with await service.client("boss") as other:
            failed = (await other.get(address)).json()
        assert (failed["status"], failed["problem"]) == ("failed", "permission-lost")
        assert files(service) == []


async def test_a_choice_sealed_under_another_secret_is_key_changed(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        settings = service.services.settings.model_copy(update={"secret_key": "another secret, also long enough"})
        rebuilt = build_services(settings, environ_of(tmp_path), service.clock)
        await rebuilt.run_job()
        await rebuilt.close()
        assert (await client.get(address)).json()["problem"] == "key-changed"


async def test_after_a_rotation_the_previous_secret_still_opens_what_it_sealed(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        token = await candidate(client)
        old = service.services.settings
        new = old.model_copy(
            update={"secret_key": "a new secret, also long enough....", "secret_key_previous": old.secret_key}
        )
        rebuilt = build_services(new, environ_of(tmp_path), service.clock)
        key = await rebuilt.keys.create(KeyOrder("other", ("acme",), "administrator", None))
        bare = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(rebuilt)), base_url="http://test")
        async with bare:
            headers = {"Authorization": f"Bearer {key}"}
            assert (await bare.post(f"{BASE}/exports", json={"candidate": token}, headers=headers)).status_code == 409
            mine = {"Authorization": client.headers["authorization"]}
            assert (await bare.post(f"{BASE}/exports", json={"candidate": token}, headers=mine)).status_code == 202
        await rebuilt.close()


async def test_a_visitor_that_is_gone_before_the_snapshot_is_named(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
            database.execute("DELETE FROM events WHERE device = 'iPhone'")
        await tried(service, 1)
        assert (await client.get(address)).json()["problem"] == "visitor-gone"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE events SET meta = 'no json' WHERE id = 2", "value-not-encodable"),
        ("UPDATE events SET what = CAST(x'ff41' AS TEXT) WHERE id = 2", "value-not-encodable"),
        ("ALTER TABLE events RENAME COLUMN what TO that", "source-misconfigured"),
    ],
)
async def test_an_export_that_cannot_be_whole_fails_by_name(tmp_path: Path, change: str, problem: str) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
            database.execute(change)
        await tried(service, 1)
        assert (await client.get(address)).json()["problem"] == problem
        assert files(service) == []


@pytest.mark.parametrize("ceiling", [{"max_rows": 2}, {"max_archive_bytes": 1_000}])
async def test_an_export_with_more_rows_or_bytes_than_is_allowed_fails_by_name_at_once(
    tmp_path: Path, ceiling: dict[str, int]
) -> None:
    async with running(tmp_path, settings=ceiling) as service, await service.client() as client:
        address = await request_export(client)
        assert (await finished(client, address))["problem"] == "export-too-large"
        assert [path for path in (tmp_path / "var" / "archives").rglob("*") if path.is_file()] == []
        events = (await client.get(f"{BASE}/audit?action=exports:start")).json()["items"]
        assert len(events) == 1


@pytest.mark.parametrize(("most", "status"), [(4, "ready"), (3, "failed")])
async def test_an_export_of_just_as_many_rows_as_are_allowed_is_made(tmp_path: Path, most: int, status: str) -> None:
    """Three visits on the iPhone, and the record of her."""
    async with running(tmp_path, settings={"max_rows": most}) as service, await service.client() as client:
        assert (await finished(client, await request_export(client)))["status"] == status


async def test_sections_that_come_out_empty_where_interactions_were_counted_are_refused(tmp_path: Path) -> None:
    """A planted mistake: the section compares with a time at which nothing happened."""
    mappings = tmp_path / "data-centers"
    for name in ("center.toml", "website.toml"):
        text = (Path(__file__).parents[1] / "sources" / "acme" / name).read_text()
        target = mappings / "acme" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.replace("FROM :browser ORDER BY at", "FROM :browser AND at = 'never' ORDER BY at"))
    write_website(tmp_path / "website.db")
    environ = {"WEBSITE_URL": f"sqlite:///{tmp_path / 'website.db'}"}
    async with (
        running(tmp_path, work=False, mappings=mappings, environ=environ) as service,
        await service.client() as client,
    ):
        address = await request_export(client)
        await tried(service, 1)
        assert (await client.get(address)).json()["problem"] == "combination-empty"
        assert files(service) == []


async def test_a_data_center_with_many_exports_does_not_hold_up_another(tmp_path: Path) -> None:
    async with (
        running(tmp_path, work=False) as service,
        await service.client("maria", "administrator", "acme", "globex") as client,
    ):
        with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
            devices = [(f"device {number}",) for number in range(50)]
            database.executemany("INSERT INTO events (visitor_id, device, browser) VALUES (1, ?, 'Safari')", devices)
        for one in await candidates(client):
            await client.post(f"{BASE}/exports", json={"candidate": one["candidate"]})
        found = await client.post("/v1/data-centers/globex/visitors/search", json={"identifier": "jane@example.com"})
        token = found.json()["data_sources"][0]["visitors"][0]["combinations"][0]["candidate"]
        other = await client.post("/v1/data-centers/globex/exports", json={"candidate": token})
        await tried(service, 2)
        assert (await client.get(other.headers["location"])).json()["status"] == "ready"


async def test_the_stranger_who_typed_the_same_email_stays_out(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        opened = await archive(client, await request_export(client))
        assert b"stranger" not in opened.read("personal-data.json") + opened.read("report.html")
        assert len(document(opened)["sections"]["events"]) == 3
