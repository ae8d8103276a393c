"""The command `dossier` brings an archive whole or not at all, whatever breaks on the way."""

import random
import signal
import stat
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.desk import COMMAND, JANES_IPHONE, Desk
from tests.proxy import Proxy
from tests.site import ROOT, Site, events_of, large_site
from tests.terminal import CTRL_C

BROKEN_AFTER = 3_000_000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = large_site(tmp_path_factory.mktemp("site"))
    with place.serving():
        yield place


@pytest.fixture
def proxy(place: Site) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", int(place.environ["DOSSIER_PORT"])) as between:
        yield between


@contextmanager
def stuck(at: Desk, proxy: Proxy, export: str) -> Iterator[subprocess.Popen[bytes]]:
    """A download whose connection has fallen silent on the way."""
    proxy.silence_after(BROKEN_AFTER)
    command = [*COMMAND, "download", export, "--output", str(at.folder)]
    environ = at.environ | {"DOSSIER_URL": proxy.url_of(at.url)}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert proxy.fell_silent(30)
        yield process


def whole(at: Desk, export: str) -> bool:
    return at.left() == {f"export-{export}.zip"} and not zipfile.ZipFile(next(at.folder.iterdir())).testzip()


def test_a_broken_connection_is_taken_up_where_it_broke(place: Site, at: Desk, proxy: Proxy) -> None:
    export = at.ready()["id"]
    with stuck(at, proxy, export) as process:
        proxy.heal(hang_up=True)
        said, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    assert b"The connection broke off at 2." in said or b"The connection broke off at 3." in said
    assert whole(at, export)
    assert events_of(place.folder, "exports:download")[-1]["from"] > BROKEN_AFTER * 0.9


def test_a_download_that_was_killed_goes_on_when_it_is_started_again(place: Site, at: Desk, proxy: Proxy) -> None:
    export = at.ready()["id"]
    part = at.folder / f"export-{export}.zip.part"
    with stuck(at, proxy, export) as process:
        while not part.exists() or part.stat().st_size < BROKEN_AFTER * 0.9:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert at.left() == {part.name, f"{part.name}.etag"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in at.folder.iterdir()} == {0o600}
    assert at.run("download", export, "--output", str(at.folder)).returncode == 0
    assert whole(at, export)
    assert events_of(place.folder, "exports:download")[-1]["from"] > BROKEN_AFTER * 0.9


def test_ctrl_c_keeps_what_came_and_says_how_to_go_on(at: Desk, proxy: Proxy) -> None:
    export = at.ready()["id"]
    proxy.silence_after(BROKEN_AFTER)
    with at.sits("download", export, "--output", str(at.folder), DOSSIER_URL=proxy.url_of(at.url)) as shown:
        assert proxy.fell_silent(30)
        shown.until("%")
        time.sleep(0.5)
        shown.press(CTRL_C)
    assert at.ended == 130
    assert f"To go on from there: dossier download {export} --output" in " ".join(shown.text.split())
    assert f"export-{export}.zip.part" in at.left()


def test_what_is_revoked_on_the_way_leaves_nothing(at: Desk, proxy: Proxy) -> None:
    export = at.ready()["id"]
    with stuck(at, proxy, export) as process:
        assert at.run("revoke", export, "--yes").returncode == 0
        proxy.heal(hang_up=True)
        _, complaints = process.communicate(timeout=60)
    assert (process.returncode, b"revoked" in complaints) == (1, True)
    assert at.left() == set()


def test_a_part_of_another_archive_is_not_gone_on_with(at: Desk) -> None:
    export = at.ready()["id"]
    part = at.folder / f"export-{export}.zip.part"
    part.write_bytes(random.randbytes(5000))
    for etag in ('"of another"', ""):
        part.with_name(f"{part.name}.etag").write_text(etag)
        assert at.run("download", export, "--output", str(at.folder)).returncode == 0
        assert whole(at, export)
        (at.folder / f"export-{export}.zip").rename(part)


def test_an_archive_that_is_not_what_was_compiled_does_not_get_its_name(place: Site, at: Desk) -> None:
    export = at.ready()
    (stored,) = [path for path in (place.folder / "var" / "archives").rglob("*") if path.is_file() and newest(path)]
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.write_bytes(content)
    done = at.run("download", export["id"], "--output", str(at.folder))
    assert (done.returncode, "its SHA-256 differs" in done.stderr) == (1, True)
    assert at.left() == set()


def newest(path: Path) -> bool:
    return all(
        path.stat().st_mtime >= other.stat().st_mtime for other in path.parent.parent.rglob("*") if other.is_file()
    )


def test_what_lies_there_is_never_overwritten(at: Desk) -> None:
    export = at.ready()["id"]
    other = at.folder / "mine.zip"
    other.write_text("mine")
    for command in (("download", export), ("export", *JANES_IPHONE)):
        refused = at.run(*command, "--output", str(other))
        assert (refused.returncode, "is not overwritten" in refused.stderr) == (2, True)
    assert other.read_text() == "mine"
    other.unlink()
    assert at.run("download", export, "--output", str(other)).returncode == 0
    again = at.run("download", export, "--output", str(other))
    assert (again.returncode, "It has been downloaded before" in again.stdout) == (0, True)
    nowhere = at.run("download", export, "--output", str(at.folder / "missing" / "it.zip"))
    assert (nowhere.returncode, "There is no folder" in nowhere.stderr) == (2, True)
