"""An export that is stopped at 60 per cent, by whatever: no object, no part, no file and no thread stays behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.builders import finished
from tests.heavy.test_large import made_of, requested
from tests.servers import Postgres, running
from tests.small import write_mappings
from tests.stack import Stack, in_turn, standing

ROWS = 600_000
pytestmark = pytest.mark.heavy


@asynccontextmanager
async def at_sixty_per_cent(
    folder: Path,
) -> AsyncIterator[tuple[Stack, Postgres, httpx.AsyncClient, str, dict[str, int]]]:
    """A stack with a source of its own, an export under way there, and what the worker held before it began."""
    # Text that hardly compresses, so that parts are on their way.
    hardly = " || ".join(f"md5(n::text || '{number}')" for number in range(20))
    environ = {"DOSSIER_DATA_CENTERS": str(write_mappings(folder, made_of(ROWS, hardly)))}
    with running(Postgres, "18") as source, standing(folder / "stack", environ, apis=0, workers=0) as stack:
        stack.environ["LARGE_URL"] = source.url
        stack.add_api()
        stack.add_worker()
        stack.wait_until_ready()
        async with in_turn(stack, stack.key("maria", "acme")) as client:
            await asyncio.sleep(2)
            before = held(stack)
            address = await requested(client)
            await sixty_per_cent(client, address)
            yield stack, source, client, address, before


async def sixty_per_cent(client: httpx.AsyncClient, address: str) -> None:
    async with asyncio.timeout(60):
        while ((await client.get(address)).json()["progress"] or {"rows": 0})["rows"] < ROWS * 0.6:
            await asyncio.sleep(0.05)


def held(stack: Stack) -> dict[str, int]:
    """The worker's threads, and its open files that are no sockets."""
    worker = stack.workers[0].running
    assert worker
    place = Path(f"/proc/{worker.pid}")
    named = [str(one.readlink()) for one in (place / "fd").iterdir() if one.is_symlink()]
    files = [one for one in named if one.startswith("/") and not one.startswith("/dev")]
    threads = [(one / "comm").read_text() for one in (place / "task").iterdir()]
    return {"threads": len(threads), "files": len(files)}


async def nothing_left(stack: Stack, before: dict[str, int], export: dict[str, Any]) -> None:
    async with asyncio.timeout(30):
        while stack.seaweedfs.stored() or remembered(stack):
            await asyncio.sleep(0.5)
    # The pools of threads that wait for the next export are bounded, and part of the house.
    after = held(stack)
    assert after["files"] <= before["files"]
    assert after["threads"] <= before["threads"] + 8
    print(f"{export['status']}, {export['problem']}: nothing left; before {before}, after {after}")


def remembered(stack: Stack) -> bool:
    """Whether the history still knows of something in the store."""
    with psycopg.connect(stack.postgres.url) as database:
        return database.execute("SELECT 1 FROM history_entries WHERE archive_key IS NOT NULL").fetchone() is not None


async def test_the_source_is_killed(tmp_path: Path) -> None:
    async with at_sixty_per_cent(tmp_path) as (stack, source, client, address, before):
        source.stop()
        export = await finished(client, address, seconds=90)
        source.start()
        assert (export["status"], export["problem"]) == ("failed", "source-unavailable")
        await nothing_left(stack, before, export)


async def test_the_store_is_killed(tmp_path: Path) -> None:
    async with at_sixty_per_cent(tmp_path) as (stack, _, client, address, before):
        stack.seaweedfs.stop()
        export = await finished(client, address, seconds=180)
        stack.seaweedfs.start()
        assert (export["status"], export["problem"]) == ("failed", "storage-unavailable")
        await nothing_left(stack, before, export)


async def test_it_is_cancelled(tmp_path: Path) -> None:
    async with at_sixty_per_cent(tmp_path) as (stack, _, client, address, before):
        cancelled = await client.delete(address)
        assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
        await asyncio.sleep(2)
        await nothing_left(stack, before, cancelled.json())
