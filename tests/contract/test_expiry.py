"""The archive's 14 days, with a clock that the test moves."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from app.history.tables import HISTORY_ENTRIES
from tests.beside import archives, beside
from tests.builders import BASE, WITHOUT_LIMITS, candidate, finished, request_export, running

FORTNIGHT = timedelta(hours=14 * 24)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_the_link_works_until_the_last_second_and_not_one_longer(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        export = await finished(client, address)
        assert moment(export["expires_at"]) == moment(export["compiled_at"]) + FORTNIGHT
        service.clock.frozen = moment(export["expires_at"]) - timedelta(seconds=1)
        assert (await client.get(f"{address}/archive")).status_code == 200
        service.clock.frozen = moment(export["expires_at"]) + timedelta(seconds=1)
        refused = await client.get(f"{address}/archive")
        assert (refused.status_code, refused.json()["type"]) == (410, "/problems/export-expired")


async def test_expired_is_true_before_any_tick_and_the_next_one_removes_the_object(tmp_path: Path) -> None:
    async with running(tmp_path) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        export = await finished(client, address)
        assert len(archives(service)) == 1
        service.clock.frozen = moment(export["expires_at"])
        shown = (await client.get(address)).json()
        assert (shown["status"], shown["links"]["archive"]) == ("expired", None)
        own = f"{BASE}/history?requested_by=maria&status="
        assert [one["id"] for one in (await client.get(f"{own}expired")).json()["items"]] == [shown["id"]]
        assert (await client.get(f"{own}ready")).json()["items"] == []
        await service.services.tick()
        assert archives(service) == []
        await service.services.tick()
        assert (await client.get(address)).json()["status"] == "expired"
        # Told once, and nothing is left that somebody would look for again.
        told = (await client.get(f"{BASE}/audit", params={"action": "exports:expire"})).json()["items"]
        assert [one["entry_id"] for one in told] == [shown["id"]]
        async with service.services.database.reading() as connection:
            key = select(HISTORY_ENTRIES.c.archive_key).where(HISTORY_ENTRIES.c.id == UUID(shown["id"]))
            assert (await connection.execute(key)).scalar_one() is None


async def test_a_revoked_archive_is_gone_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        await finished(client, address)
        assert (await client.delete(address)).status_code == 204
        refused = await client.get(f"{address}/archive")
        assert (refused.status_code, refused.json()["type"]) == (410, "/problems/export-revoked")
        assert (await client.get(address)).json()["links"]["archive"] is None
        assert archives(service) == []
        again = await client.delete(address)
        assert (again.status_code, again.json()["type"]) == (409, "/problems/export-final")


async def test_a_revoke_while_the_store_is_away_holds_and_the_tick_removes_the_object_later(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, beside(service), await service.client() as client:
        address = await request_export(client)
        await service.services.run_job()
        store = tmp_path / "var" / "archives"
        store.rename(tmp_path / "away")
        assert (await client.delete(address)).status_code == 204
        assert (await client.get(f"{address}/archive")).status_code == 410
        (tmp_path / "away").rename(store)
        await service.services.tick()
        assert archives(service) == []


async def test_what_ended_without_an_archive_keeps_none_from_being_removed(tmp_path: Path) -> None:
    """The tick takes a hundred at a time."""
    async with running(tmp_path, work=False, settings=WITHOUT_LIMITS) as service, await service.client() as client:
        token = {"candidate": await candidate(client)}
        for _ in range(101):
            requested = await client.post(f"{BASE}/exports", json=token)
            await client.delete(requested.headers["location"])
        address = await request_export(client)
        await service.services.run_job()
        service.clock.ahead = FORTNIGHT
        await service.services.tick()
        assert (archives(service), (await client.get(address)).json()["status"]) == ([], "expired")
