"""What a real server does with requests that are too large, or none, before the application sees them."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPResponse
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # a library of the tests alone
import pytest

from tests.builders import BASE, environ_of, write_shop, write_website
from tests.servers import free_port
from tests.stack import ROOT

LIMIT = 64 * 1024
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, psutil.Process]]:
    with serving(tmp_path_factory.mktemp("api")) as (port, process):
        yield port, psutil.Process(process.pid)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """An API as operators start it."""
    write_website(folder / "website.db")
    write_shop(folder / "shop.db")
    port = free_port()
    own = {"DOSSIER_PORT": str(port), "DOSSIER_VAR_DIR": str(folder / "var")}
    sources = {"DOSSIER_DATA_CENTERS": str(ROOT / "tests" / "sources"), **environ_of(folder)}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DOSSIER_")}
    with subprocess.Popen([sys.executable, "-m", "app", "api"], cwd=ROOT, env=inherited | own | sources) as process:
        try:
            wait_for(port)
            yield port, process
        finally:
            process.kill()


def wait_for(port: int) -> None:
    begun = time.monotonic()
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() - begun > 30:
                raise
            time.sleep(0.05)


def answers(port: int, *pieces: bytes, pause: float = 0) -> tuple[int, dict[str, object]]:
    """Status and body of what the server says to these bytes before it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        for piece in pieces:
            try:
                line.sendall(piece)
            except ConnectionError:
                break
            time.sleep(pause)
        said = b""
        while part := line.recv(LIMIT):
            said += part
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return int(head[9:12]), json.loads(body)


def status_of_next(line: socket.socket) -> int:
    answer = HTTPResponse(line)
    answer.begin()
    answer.read()
    return answer.status


TOO_LARGE = {
    "one giant header": [LIVE + b"X-A: " + b"a" * 2 * LIMIT + b"\r\n\r\n"],
    "a header just over the limit": [LIVE + b"X-A: " + b"a" * LIMIT + b"\r\n\r\n"],
    "a header without end": [LIVE + b"X-A: ", *[b"a" * LIMIT] * 20],
    "a header's name without end": [LIVE, *[b"a" * LIMIT] * 20],
    "many small headers": [LIVE + b"X: 1\r\n" * 20_000 + b"\r\n"],
    "many small headers without end": [LIVE, *[b"X: 1\r\n" * 1000] * 100],
    "a giant address": [b"GET /health/live?" + b"a" * 2 * LIMIT + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
    "an address without end": [b"GET /", *[b"a" * LIMIT] * 20],
    "empty lines without end": [b"\r\n" * LIMIT],
}


@pytest.mark.parametrize("sent", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_head_over_64_kib_is_a_431_and_the_end_of_its_connection(
    api: tuple[int, psutil.Process], sent: list[bytes]
) -> None:
    status, told = answers(api[0], *sent)
    assert (status, told["status"], told["type"]) == (431, 431, "/problems/headers-too-large")


def test_a_head_that_drips_is_refused_as_soon_as_it_is_too_large(api: tuple[int, psutil.Process]) -> None:
    status, told = answers(api[0], LIVE + b"X-A: ", *[b"a" * 1024] * 70, pause=0.005)
    assert (status, told["type"]) == (431, "/problems/headers-too-large")


@pytest.mark.parametrize("endless", [b"0\r\nX-A: ", b"5;a="], ids=["trailer", "chunk's extension"])
def test_nor_may_trailers_and_chunks_lines_go_on_without_end(api: tuple[int, psutil.Process], endless: bytes) -> None:
    before = api[1].memory_info().rss
    sent = b"POST /v1/me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + endless
    status, told = answers(api[0], sent, *[b"a" * LIMIT] * 1_500)
    assert (status, told["status"]) in [(405, 405), (431, 431)]
    assert api[1].memory_info().rss - before < 8_000_000


def test_memory_does_not_grow_while_a_client_goes_on_sending(api: tuple[int, psutil.Process]) -> None:
    before = api[1].memory_info().rss
    answers(api[0], LIVE + b"X-A: ", *[b"a" * LIMIT] * 1_500)
    assert api[1].memory_info().rss - before < 8_000_000


def test_60_kib_still_pass_as_header_address_or_both_and_in_pieces(api: tuple[int, psutil.Process]) -> None:
    large = b"a" * 60 * 1024
    with socket.create_connection(("127.0.0.1", api[0]), timeout=10) as line:
        for whole in (LIVE + b"X-A: " + large + b"\r\n\r\n", LIVE + b"X-A: 1234567890\r\n" * 3_500 + b"\r\n"):
            for at in range(0, len(whole), 10_000):
                line.sendall(whole[at : at + 10_000])
            assert status_of_next(line) == 200
        line.sendall(b"GET /health/live?" + large + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of_next(line) == 400  # read, understood, and its parameter unknown


def test_the_requests_of_one_connection_do_not_add_up(api: tuple[int, psutil.Process]) -> None:
    with socket.create_connection(("127.0.0.1", api[0]), timeout=10) as line:
        for _ in range(40):
            line.sendall(LIVE + b"X-A: " + b"a" * 10_000 + b"\r\n\r\n")
            assert status_of_next(line) == 200


def test_requests_one_behind_the_other_in_one_piece_are_counted_each_by_itself(
    api: tuple[int, psutil.Process],
) -> None:
    with socket.create_connection(("127.0.0.1", api[0]), timeout=10) as line:
        line.sendall((LIVE + b"X-A: " + b"a" * 10_000 + b"\r\n\r\n") * 20)
        said = b""
        while said.count(b"HTTP/1.1 200 ") < 20:
            part = line.recv(LIMIT)
            assert part, said
            said += part


def test_what_is_no_http_is_a_problem_too(api: tuple[int, psutil.Process]) -> None:
    status, told = answers(api[0], b"SESAME\r\n\r\n")
    assert (status, told["type"]) == (400, "/problems/malformed-request")
    assert "SESAME" not in json.dumps(told)


def test_an_api_ends_within_five_seconds_though_its_database_hangs_and_a_body_never_comes(tmp_path: Path) -> None:
    with serving(tmp_path) as (port, process), closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database:
        search = f"POST {BASE}/visitors/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key(tmp_path)}\r\n"
        head = f"{search}Content-Type: application/json\r\nContent-Length: 18\r\n\r\n".encode()
        database.execute("BEGIN EXCLUSIVE")
        # The one waits in the driver's thread for the lock, the other for the rest of its body.
        with ExitStack() as lines:
            for body in (b'{"identifier":"a"}', b"{"):
                lines.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(head + body)
            time.sleep(0.5)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert 2.5 < time.monotonic() - begun < 5


def key(folder: Path) -> str:
    command = [sys.executable, "-m", "app", "keys", "create", "--name", "maria", "--data-center", "acme"]
    environ = {"DOSSIER_VAR_DIR": str(folder / "var"), "DOSSIER_DATA_CENTERS": str(ROOT / "tests" / "sources")}
    done = subprocess.run(
        [*command, "--role", "administrator"], cwd=ROOT, env=os.environ | environ | environ_of(folder),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()
