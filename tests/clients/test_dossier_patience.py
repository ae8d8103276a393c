"""The command `dossier` waits: for an export, for a service that is busy or away for a moment; and not for what is no Dossier."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.desk import COMMAND, JANES_IPHONE, Desk, desk
from tests.site import ROOT, Site, site
from tests.terminal import CTRL_C

# Seconds of work, on any machine.
EVENTS = 600_000


@contextmanager
def gate(target: str, busy: int, retry_after: str) -> Iterator[tuple[str, list[float]]]:
    """A gateway that says for its first answers that the service is busy, and when each request came."""
    came: list[float] = []

    class Gate(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(time.monotonic())
            if len(came) <= busy:
                self.send_response(503)
                self.send_header("Retry-After", retry_after)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            passed = httpx.get(target + self.path, headers={"Authorization": self.headers["Authorization"]})
            self.send_response(passed.status_code)
            for name in ("Content-Type", "Content-Length"):
                self.send_header(name, passed.headers[name])
            self.end_headers()
            self.wfile.write(passed.content)

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    place = site(tmp_path_factory.mktemp("site"))
    with place.serving():
        yield desk(place, tmp_path_factory.mktemp("archives"))


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    place = site(tmp_path_factory.mktemp("slow"), EVENTS)
    with place.serving():
        yield desk(place, tmp_path_factory.mktemp("archives"))


def test_a_service_that_is_busy_is_asked_again_when_it_said_so(at: Desk) -> None:
    with gate(at.url, 2, "3") as (url, came):
        done = at.run("history", "--data-center", "acme", "--url", url)
    assert (done.returncode, done.stderr.count("asks to wait 3 seconds")) == (0, 2)
    assert all(later - sooner >= 3 for sooner, later in pairwise(came))


def test_a_service_that_is_busy_for_longer_is_not_waited_for(at: Desk) -> None:
    with gate(at.url, 1, "3600") as (url, came):
        done = at.run("history", "--data-center", "acme", "--url", url)
    assert (done.returncode, "come back in 3,600 seconds" in done.stderr, len(came)) == (4, True, 1)


def test_what_is_no_dossier_is_told_in_one_sentence(at: Desk) -> None:
    with gate("https://127.0.0.1:9", 99, "0") as (url, _):
        done = at.run("search", JANES_IPHONE[0], "--url", url, "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert "not as Dossier does" in json.loads(done.stderr)["detail"]


def test_ctrl_c_while_waiting_leaves_the_export_going_on(slow: Desk) -> None:
    with slow.sits("export", *JANES_IPHONE, "--output", str(slow.folder)) as shown:
        shown.until("Requested")
        shown.until("Compiling")
        shown.press(CTRL_C)
    assert slow.ended == 130, shown.text
    (export,) = [line.split()[1] for line in shown.text.splitlines() if line.startswith("Requested")]
    assert f"The export goes on. To have it later: dossier download {export}" in " ".join(shown.text.split())
    assert not list(slow.folder.glob(f"*{export}*"))
    # It waits for what is not finished yet.
    assert slow.run("download", export, "--output", str(slow.folder)).returncode == 0
    assert [path.name for path in slow.folder.glob(f"*{export}*")] == [f"export-{export}.zip"]


def test_an_unfinished_export_is_cancelled_by_revoke(slow: Desk) -> None:
    with slow.sits("export", *JANES_IPHONE, "--output", str(slow.folder)) as shown:
        shown.until("Compiling")
        (export,) = [line.split()[1] for line in shown.text.splitlines() if line.startswith("Requested")]
        cancelled = slow.run("revoke", export, "--yes")
    assert (cancelled.returncode, "Cancelled" in cancelled.stdout) == (0, True)
    assert (slow.ended, "The export was cancelled." in shown.text) == (1, True)
    assert not list(slow.folder.glob(f"*{export}*"))


def test_a_service_that_starts_again_while_somebody_waits_is_waited_for(tmp_path: Path) -> None:
    place = site(tmp_path, EVENTS // 4)
    at = desk(place, tmp_path / "archives")
    with place.serving():
        waiting = begun(place, at)
    assert waiting.poll() is None
    with place.serving():
        out, complaints = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, complaints
    assert json.loads(out)["status"] == "ready"
    assert at.left() == {Path(json.loads(out)["path"]).name}


def begun(place: Site, at: Desk) -> subprocess.Popen[bytes]:
    command = [*COMMAND, "export", *JANES_IPHONE, "--output", str(at.folder), "--json"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=at.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with place.client(at.key) as client:
        while not any(
            one["status"] == "compiling" for one in client.get("/v1/data-centers/acme/history").json()["items"]
        ):
            time.sleep(0.02)
    return process
