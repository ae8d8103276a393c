"""What is true of the own database in a file alone: others' locks, whose files they are, and disks that are full."""

import asyncio
import gc
import os
import random
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from app.kit.db import Database, database_url
from tests.builders import BASE, candidate, request_export, running
from tests.site import ROOT, once, requested, site

# More requests than the pool has connections.
WRITERS = 20
CANCELLED = 300


async def test_who_only_reads_does_not_wait_for_a_lock_that_somebody_else_holds(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address, token = await request_export(client), await candidate(client)
        with closing(sqlite3.connect(tmp_path / "var" / "dossier.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = [
                asyncio.create_task(client.post(f"{BASE}/exports", json={"candidate": token})) for _ in range(WRITERS)
            ]
            # The key that was read before counts for a second.
            await asyncio.sleep(1.5)
            begun = time.monotonic()
            for path in ("/v1/me", f"{BASE}/data-sources", address, f"{BASE}/history", "/health/ready"):
                assert (await client.get(path)).status_code == 200
                assert time.monotonic() - begun < 1, path
            answers = await asyncio.gather(*writing)
            assert time.monotonic() - begun < 12
        refused = {(one.status_code, one.json()["type"]) for one in answers}
        assert refused == {(503, "/problems/database-unavailable")}
        assert (await client.post(f"{BASE}/exports", json={"candidate": token})).status_code == 202


async def test_writes_that_are_cancelled_at_any_moment_keep_no_other_writer_waiting(tmp_path: Path) -> None:
    """A statement that gives rows back is one that a connection may be closed in the middle of."""
    randomly, file = random.Random(7), tmp_path / "own.db"
    database = Database(database_url(f"sqlite:///{file}"))
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE numbers (n INTEGER)"))

    async def write() -> None:
        async with database.writing() as connection:
            await connection.execute(text("INSERT INTO numbers VALUES (1), (2) RETURNING n"))

    # What a failure leaves behind would be collected by chance.
    gc.disable()
    try:
        for _ in range(CANCELLED):
            writing = asyncio.create_task(write())
            await asyncio.sleep(randomly.uniform(0, 0.003))
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
    finally:
        gc.enable()
    await database.close()


async def test_a_disk_that_is_full_is_said_by_the_health_and_in_one_sentence_at_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "var"):
        async with running(tmp_path, work=False) as service, service.bare_client() as client:
            fill(tmp_path / "var")
            answer = await client.get("/health/ready")
            assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "unwritable")
            assert answer.json()["checks"]["storage"] == "degraded"
        (tmp_path / "another").mkdir()
        place = site(tmp_path / "another")
        place.environ["DOSSIER_VAR_DIR"] = str(tmp_path / "var")
        for command in ("api", "migrate"):
            told(place.run(command), tmp_path / "var")


@pytest.mark.parametrize("command", ["api", "migrate", "keys"])
@pytest.mark.parametrize("most_bytes", [0, 1_000, 50_000])
def test_what_cannot_be_written_at_start_is_one_sentence_that_names_the_folder(
    tmp_path: Path, command: str, most_bytes: int
) -> None:
    """A limit on the size of files stands for a full disk or a used-up quota."""
    place = site(tmp_path)
    limited = (sys.executable, "-c", LIMITED, str(most_bytes), command, *(["list"] if command == "keys" else []))
    done = subprocess.run(limited, cwd=ROOT, env=place.environ, capture_output=True, text=True, check=False, timeout=30)
    told(done, tmp_path / "var")


def test_what_lies_in_the_folder_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / "var").mkdir(mode=0o777)
        place = site(tmp_path, 60_000)
        with place.serving(), place.client(place.key()) as client:
            address = requested(client)
            seen: dict[str, str] = {}
            while once(client, address, "queued", "compiling", "ready")["status"] != "ready":
                seen |= modes(tmp_path / "var")
            seen |= modes(tmp_path / "var")
    finally:
        os.umask(before)
    assert {Path(name).suffix for name in seen} >= {".db", ".db-wal", ".db-shm", ".part", ".zip", ""}
    assert {name: mode for name, mode in seen.items() if mode not in ("-rw-------", "drwx------")} == {}


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), resource.RLIM_INFINITY))
runpy.run_module("app", run_name="__main__", alter_sys=True)
"""


def told(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    said = [line for line in done.stderr.splitlines() if line.startswith("dossier: ")]
    assert (done.returncode, len(said)) == (2, 1), done.stderr
    assert str(folder) in said[0]
    assert "Traceback" not in done.stderr


def modes(folder: Path) -> dict[str, str]:
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found[str(path)] = stat.filemode(path.stat().st_mode)
    return found


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(folder)]
    if os.geteuid() != 0:
        pytest.skip("a small disk can be mounted by root alone: run this test as root")
    if (done := subprocess.run(mounting, check=False, capture_output=True, text=True)).returncode:
        pytest.skip(f"this machine lets not even root mount a small disk: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
