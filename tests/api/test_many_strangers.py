"""Many strangers and slow readers at once, against an API as operators start it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # a library of the tests alone

from tests.sample import wait_until_it_answers
from tests.site import ROOT, Site, large_site, once, requested, site

HALF = b"GET /health/live HTTP/1.1\r\nHo"
READERS, EACH = 60, 300_000


@contextmanager
def narrow(place: Site) -> Iterator[str]:
    """Served by a process that may have 600 descriptors, of which it has been given 300."""
    address = f"http://127.0.0.1:{place.environ['DOSSIER_PORT']}"
    command = ["sh", "-c", 'ulimit -H -n 600; ulimit -S -n 300; exec "$@"', "sh", sys.executable, "-m", "app", "api"]
    with (
        (place.folder / "log").open("ab") as log,
        subprocess.Popen(command, cwd=ROOT, env=place.environ, stderr=log) as process,
    ):
        try:
            wait_until_it_answers(address)
            yield address
        finally:
            process.kill()


def test_more_half_sent_requests_than_there_are_descriptors_keep_nobody_out(tmp_path: Path) -> None:
    place = site(tmp_path)
    with narrow(place) as address, ExitStack() as lines:
        for _ in range(700):
            line = socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=5)
            lines.enter_context(line).sendall(HALF)
        for _ in range(5):
            begun = time.monotonic()
            assert httpx.get(f"{address}/health/live", timeout=5).status_code == 200
            assert time.monotonic() - begun < 1
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert len(log) < 100_000


def test_a_slow_reader_of_an_archive_holds_little_of_it(tmp_path: Path) -> None:
    place = large_site(tmp_path)
    with place.serving() as process, place.client(key := place.key()) as client, ExitStack() as lines:
        address = requested(client)
        assert once(client, address, "ready")["size"] > 10_000_000
        used = psutil.Process(process.pid).memory_info().rss
        asked = f"GET {address}/archive HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        for _ in range(READERS):
            line = lines.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(("127.0.0.1", int(place.environ["DOSSIER_PORT"])))
            line.sendall(asked)
            line.recv(100)
        time.sleep(1)
        assert psutil.Process(process.pid).memory_info().rss - used < READERS * EACH
