"""A document of 5 GiB: every common tool opens it, a streaming parser counts its rows, and memory stays bounded."""

import asyncio
import shutil
import subprocess
import zipfile
from pathlib import Path

import httpx
import ijson  # type: ignore[import-untyped]
import psycopg
import pytest

from tests.builders import BASE, finished
from tests.small import mapping, section, toml, write_mappings
from tests.stack import Stack, in_turn, standing

ROWS, ROW_BYTES = 2_700_000, 2_000
GIB = 1 << 30
WHAT = f"repeat(md5(n::text), {ROW_BYTES // 32})"
FIND = {
    "tracking_id": "SELECT 1 AS visitor, 'somebody' AS label WHERE :tracking_id = 'large'",
    "combinations": "SELECT 'iPhone' AS device, 'Safari' AS browser WHERE :visitor = 1",
}
pytestmark = pytest.mark.heavy


async def test_five_gibibytes_pass_in_256_mebibytes_and_open_everywhere(tmp_path: Path) -> None:
    environ = {"DOSSIER_DATA_CENTERS": str(write_mappings(tmp_path, made_of(ROWS, WHAT)))}
    with standing(tmp_path / "stack", environ, apis=0, workers=0) as stack:
        stack.environ["LARGE_URL"] = stack.postgres.url
        stack.add_api()
        stack.add_worker()
        stack.wait_until_ready()
        async with in_turn(stack, stack.key("maria", "acme")) as client:
            export = await finished(client, await requested(client), seconds=900)
            assert export["status"] == "ready", stack.said()[-3000:]
            peak = highest(stack)
            print(f"{export['size']:,} bytes of ZIP; the worker's peak was {peak / (1 << 20):.0f} MiB")
            assert peak < 256 << 20
            await download(client, export["links"]["archive"], tmp_path / "export.zip")
        with psycopg.connect(stack.postgres.url) as database:
            assert database.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    look_at(tmp_path / "export.zip")


def made_of(rows: int, what: str) -> str:
    """A mapping whose one section the server makes out of numbers."""
    sql = f"""SELECT n AS id, timestamptz '2020-01-01' + n * interval '1 minute' AS at, {what} AS what
    FROM generate_series(1, {rows}) AS n WHERE :visitor = 1 AND 'iPhone' IS NOT DISTINCT FROM :device
    AND 'Safari' IS NOT DISTINCT FROM :browser ORDER BY n"""
    return toml(mapping(section("interactions", sql, time="at"), find=FIND, dsn="LARGE_URL"))


async def requested(client: httpx.AsyncClient) -> str:
    found = (await client.post(f"{BASE}/visitors/search", json={"identifier": "large"})).json()
    (one,) = found["data_sources"][0]["visitors"][0]["combinations"]
    return str((await client.post(f"{BASE}/exports", json={"candidate": one["candidate"]})).headers["location"])


async def download(client: httpx.AsyncClient, address: str, target: Path) -> None:
    with target.open("wb") as file:
        async with client.stream("GET", address) as answer:
            async for chunk in answer.aiter_raw():
                await asyncio.to_thread(file.write, chunk)


def highest(stack: Stack) -> int:
    """The worker's peak of resident memory, in bytes."""
    worker = stack.workers[0].running
    assert worker
    status = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024


def look_at(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert opened.getinfo("personal-data.json").file_size > 5 * GIB
        with opened.open("personal-data.json") as document:
            assert sum(1 for _ in ijson.items(document, "sections.interactions.item.id")) == ROWS
    opening = (["unzip", "-tq"], ["7z", "t"], ["bsdtar", "-xOf"])
    tried = [words for words in opening if shutil.which(words[0])]
    print("opened by zipfile", *(words[0] for words in tried), sep=", ")
    for words in tried:
        subprocess.run([*words, str(archive)], check=True, stdout=subprocess.DEVNULL)
