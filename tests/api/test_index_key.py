"""A rotation of the secret changes no handle, and the history stays searchable: its hashes have a key of their own."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.access.index_key import IndexKeyLost
from app.bootstrap import build_services
from app.kit.errors import Misconfigured
from app.startup import prepare_index
from tests.builders import BASE, EMAIL, candidates, environ_of, finished, request_export, running

OLD, NEW = "the first secret of the tests, long enough", "the second secret of the tests, long enough"
BOTH = {"secret_key": NEW, "secret_key_previous": OLD}


def sealed(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "var" / "dossier.db")) as database:
        ((found,),) = database.execute("SELECT sealed FROM index_keys")
        return str(found)


async def seen(folder: Path, name: str, settings: dict[str, Any]) -> tuple[str, list[str]]:
    """Jane's handle, and the exports that a search of the history by her email finds."""
    async with running(folder, settings=settings) as service, await service.client(name) as client:
        (one, *_) = await candidates(client)
        history = await client.post(f"{BASE}/history/search", json={"identifier": EMAIL})
        return one["handle"], [item["id"] for item in history.json()["items"]]


async def requested(folder: Path, settings: dict[str, Any]) -> str:
    async with running(folder, settings=settings) as service, await service.client("first") as client:
        return str((await finished(client, await request_export(client)))["id"])


async def test_a_rotation_of_the_secret_only_seals_the_key_anew(tmp_path: Path) -> None:
    made = await requested(tmp_path, {"secret_key": OLD})
    before, under_old = await seen(tmp_path, "second", {"secret_key": OLD}), sealed(tmp_path)
    assert before[1] == [made]
    assert await seen(tmp_path, "third", BOTH) == before
    assert sealed(tmp_path) != under_old
    assert await seen(tmp_path, "fourth", {"secret_key": NEW}) == before


async def test_hashes_from_before_there_was_a_key_stay_as_they_were(tmp_path: Path) -> None:
    """An earlier version took the secret itself for them."""
    given = {"secret_key": OLD, "migrate": "manual"}
    async with running(tmp_path, settings=given, revision="0010") as service, await service.client() as client:
        assert (await client.get("/health/ready")).json()["checks"]["database"] == "behind"
        (one, *_) = await candidates(client)
        made = (await finished(client, await request_export(client)))["id"]
    assert await seen(tmp_path, "second", BOTH) == (one["handle"], [made])
    assert await seen(tmp_path, "third", {"secret_key": NEW}) == (one["handle"], [made])


async def test_a_secret_that_cannot_open_the_key_stops_the_start_and_hashes_nothing(tmp_path: Path) -> None:
    await requested(tmp_path, {"secret_key": OLD})
    async with running(tmp_path, work=False, settings={"secret_key": NEW}) as service:
        with pytest.raises(Misconfigured, match="Set DOSSIER_SECRET_KEY_PREVIOUS to the one before"):
            await prepare_index(service.services.index_key)
        async with await service.client("second") as client:
            answer = await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})
            assert (answer.status_code, answer.json()["type"]) == (503, f"/problems/{IndexKeyLost.slug}")


async def test_processes_that_start_at_once_make_one_key(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service:
        given = service.services.settings
        others = [build_services(given, environ_of(tmp_path), service.clock) for _ in range(4)]
        made = await asyncio.gather(*(one.index_key.hashes() for one in others))
        assert len({one.one("handle", b"x").digest for one in made}) == 1
        root = service.services.index_key._keyring.open("index key", sealed(tmp_path), service.clock())
        for path in (tmp_path / "var").glob("dossier.db*"):
            assert root not in path.read_bytes()
        for one in others:
            await one.close()
