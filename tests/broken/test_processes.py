"""The service as a process of its own: killed, stopped, started twice, started wrongly."""

import signal
import sqlite3
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from pathlib import Path

from tests.builders import document
from tests.site import once, requested, site

EVENTS = 120_000


def test_what_a_killed_process_left_is_taken_up_at_the_next_start(tmp_path: Path) -> None:
    place = site(tmp_path, EVENTS)
    archives = tmp_path / "var" / "archives"
    key = place.key()
    with place.serving() as process, place.client(key) as client:
        address = requested(client)
        once(client, address, "compiling")
        while not list(archives.rglob("*.part")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert list(archives.rglob("*.part"))
    with place.serving(), place.client(key) as client:
        export = once(client, address, "ready", "failed")
        assert export["status"] == "ready", export
        opened = zipfile.ZipFile(BytesIO(client.get(export["links"]["archive"]).content))
        assert len(document(opened)["sections"]["events"]) == EVENTS
    assert len([path for path in archives.rglob("*") if path.is_file()]) == 1
    with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database:
        assert database.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    kept = {path.name for path in (tmp_path / "var").iterdir()}
    assert kept <= {"archives", "dossier.db", "dossier.db-wal", "dossier.db-shm", "lock", "secret-key"}


def test_it_stops_when_told_and_goes_on_where_it_was(tmp_path: Path) -> None:
    place = site(tmp_path, EVENTS)
    key = place.key()
    with place.serving() as process, place.client(key) as client:
        address = requested(client)
        once(client, address, "compiling")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    assert not list((tmp_path / "var" / "archives").rglob("*.part"))
    with place.serving(), place.client(key) as client:
        assert once(client, address, "ready", "failed")["status"] == "ready"


def test_who_waits_for_a_change_is_answered_when_the_process_is_told_to_stop(tmp_path: Path) -> None:
    place = site(tmp_path)
    key = place.key()
    with place.serving() as process, place.client(key) as client, ThreadPoolExecutor(1) as beside:
        address = requested(client)
        once(client, address, "ready")
        etag = client.get(address).headers["etag"]
        waiting = beside.submit(client.get, f"{address}?wait=25", headers={"If-None-Match": etag})
        time.sleep(1)
        assert not waiting.done()
        process.send_signal(signal.SIGTERM)
        assert waiting.result(timeout=2).status_code == 304
        assert process.wait(timeout=4) == 0
