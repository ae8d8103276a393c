"""GET /health/ready: it looks and never writes, once for all who ask, and answers in time whatever hangs."""

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.builders import Running, running
from tests.proxy import Proxy
from tests.servers import SeaweedFS, Valkey, new_database
from tests.small import CENTER, mapping, toml

READY = "/health/ready"
LIMIT = 3.0
WELL = {"database": "ok", "queue": "ok", "storage": "ok", "sources": "ok", "threads": "ok"}


class Counted(Proxy):
    """A proxy that keeps what clients sent, piece by piece."""

    def __init__(self, url: str) -> None:
        super().__init__("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0]))
        self.pieces: list[bytes] = []

    def begin(self) -> None:
        self.pieces.clear()
        self.silence_when(self._keep)

    def times(self, said: bytes) -> int:
        return sum(piece.count(said) for piece in self.pieces)

    def _keep(self, piece: bytes) -> bool:
        self.pieces.append(piece)
        return False


async def asked(client: httpx.AsyncClient, many: int = 50) -> list[httpx.Response]:
    return await asyncio.gather(*(client.get(READY) for _ in range(many)))


def stored_in(server: SeaweedFS, bucket: str, endpoint: str | None = None) -> dict[str, Any]:
    keys = {"s3_access_key": server.access_key, "s3_secret_key": server.secret_key}
    return {"s3_bucket": bucket, "s3_endpoint": endpoint or server.url, **keys}


def mapped(folder: Path) -> Path:
    (folder / "centers" / "acme").mkdir(parents=True)
    (folder / "centers" / "acme" / "center.toml").write_text(CENTER)
    (folder / "centers" / "acme" / "site.toml").write_text(toml(mapping()))
    return folder / "centers"


async def commits(database: str) -> int:
    """As the server itself counts them, and says once a session has ended."""
    await asyncio.sleep(1.5)
    with psycopg.connect(database.rpartition("/")[0] + "/postgres") as connection:
        name = (database.rpartition("/")[2],)
        found = connection.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = %s", name).fetchone()
    assert found
    return int(found[0])


async def test_however_many_ask_each_part_is_looked_at_once(
    postgres_18: str, valkey: Valkey, seaweedfs: SeaweedFS, tmp_path: Path
) -> None:
    own, source, bucket = new_database(postgres_18), new_database(postgres_18), f"b{uuid4().hex}"
    with ExitStack() as stack:
        ways = [stack.enter_context(Counted(url)) for url in (own, valkey.url, seaweedfs.url)]
        database, queue, store = ways
        settings = stored_in(seaweedfs, bucket, store.url_of(seaweedfs.url)) | {"redis_url": queue.url_of(valkey.url)}
        seaweedfs.client().make_bucket(bucket)
        before = await commits(source)
        async with running(
            tmp_path, work=False, database_url=database.url_of(own), settings=settings, mappings=mapped(tmp_path),
            environ={"WEBSITE_URL": source},
        ) as service, service.bare_client() as client:  # fmt: skip
            for way in ways:
                way.begin()
            answers = [*await asked(client), *await asked(client)]
            assert {(one.status_code, one.json()["status"]) for one in answers} == {(200, "ok")}
            assert answers[0].json()["checks"] == WELL
        looks = {
            "the own database": database.times(b"FROM alembic_version"),
            "the queue": queue.times(b"PING\r\n"),
            "the store": store.times(b"HEAD /"),
            # To connect and to prepare are transactions of their own.
            "the source": await commits(source) - before - 2,
        }
    assert looks == dict.fromkeys(looks, 1)


async def test_asking_whether_it_is_ready_makes_no_bucket(seaweedfs: SeaweedFS, tmp_path: Path) -> None:
    bucket = f"b{uuid4().hex}"
    async with (
        running(tmp_path, work=False, settings=stored_in(seaweedfs, bucket)) as service,
        service.bare_client() as client,
    ):
        answer = await client.get(READY)
        assert not seaweedfs.client().bucket_exists(bucket)
        assert (answer.status_code, answer.json()["checks"]) == (200, WELL | {"storage": "degraded"})


async def test_it_starts_while_the_store_is_silent_and_makes_the_bucket_afterwards(
    seaweedfs: SeaweedFS, tmp_path: Path
) -> None:
    bucket, begun = f"b{uuid4().hex}", time.monotonic()
    with Counted(seaweedfs.url) as proxy:
        proxy.silence()
        async with running(tmp_path, settings=stored_in(seaweedfs, bucket, proxy.url_of(seaweedfs.url))):
            assert time.monotonic() - begun < 15
            proxy.heal(hang_up=True)
            async with asyncio.timeout(20):
                while not seaweedfs.client().bucket_exists(bucket):
                    await asyncio.sleep(0.2)


async def answers_in_time(service: Running, expected: dict[str, str]) -> None:
    async with service.bare_client() as client:
        begun = time.monotonic()
        answers = await asked(client)
        assert time.monotonic() - begun < LIMIT
    assert {one.status_code for one in answers} == {503}
    assert answers[0].json()["checks"] == expected


@pytest.mark.parametrize("busy", [0, 20])
async def test_while_its_own_database_is_silent_it_says_so_in_time(postgres_18: str, tmp_path: Path, busy: int) -> None:
    """Also where requests wait on all of its connections."""
    own = new_database(postgres_18)
    with Counted(own) as proxy:
        async with running(tmp_path, work=False, database_url=proxy.url_of(own)) as service:
            client = await service.client()
            proxy.silence()
            waiting = [asyncio.create_task(client.get("/v1/data-centers/acme/history")) for _ in range(busy)]
            await asyncio.sleep(0.2)
            await answers_in_time(service, WELL | {"database": "unreachable"})
            await asyncio.gather(*waiting)
            await client.aclose()
