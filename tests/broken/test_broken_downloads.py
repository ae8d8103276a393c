"""A download that breaks off is recorded with the bytes that were sent, whoever ended it."""

import random
import signal
import socket
import time
from pathlib import Path

import httpx

from tests.site import Site, events_of, large_site, once, requested, site

DISCONNECTS = 60


def ready_archive(client: httpx.Client) -> tuple[str, int]:
    address = requested(client)
    return address, once(client, address, "ready")["size"]


def broken_off(place: Site, key: str, address: str, most: int) -> int:
    """Reads so many bytes of the archive, then goes away without a word. Returns how many of the body came."""
    port = int(place.environ["DOSSIER_PORT"])
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        line.sendall(f"GET {address} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        got = b""
        while len(got) < most and (some := line.recv(min(65536, most - len(got)))):
            got += some
    return len(got.partition(b"\r\n\r\n")[2])


def counted(client: httpx.Client, address: str) -> tuple[int, bool]:
    export = client.get(address).json()
    return export["downloads"], export["last_downloaded_at"] is not None


def waited_for(folder: Path, number: int) -> list[int]:
    until = time.monotonic() + 10
    while len(sent := events_of(folder, "exports:sent")) < number and time.monotonic() < until:
        time.sleep(0.05)
    return [one["bytes"] for one in sent]


def test_every_disconnect_is_recorded_with_the_bytes_that_were_sent(tmp_path: Path) -> None:
    place = large_site(tmp_path)
    key = place.key()
    with place.serving(), place.client(key) as client:
        address, size = ready_archive(client)
        came = [
            broken_off(place, key, f"{address}/archive", random.randrange(1, size // 2)) for _ in range(DISCONNECTS)
        ]
        sent = waited_for(tmp_path, DISCONNECTS)
        assert len(events_of(tmp_path, "exports:download")) == len(sent) == DISCONNECTS
        assert all(bytes_ <= size for bytes_ in sent)
        # What the server handed over fills the buffers on the way before the client takes it.
        assert all(was >= got - (1 << 18) for got, was in zip(sorted(came), sorted(sent), strict=True))
        assert counted(client, address) == (0, False)


def test_only_an_answer_with_the_last_byte_counts_as_a_download(tmp_path: Path) -> None:
    place = site(tmp_path)
    key = place.key()
    with place.serving(), place.client(key) as client:
        address, size = ready_archive(client)
        for asked, downloads in (
            ("bytes=0-0", 0), (f"bytes=0-{size - 2}", 0), (f"bytes={size}-", 0), ("bytes=-1", 1),
            (f"bytes=5-{size - 1}", 2), ("bytes=0-", 3), ("bytes=10-20", 3),
        ):  # fmt: skip
            client.get(f"{address}/archive", headers={"Range": asked})
            assert counted(client, address) == (downloads, downloads > 0), asked
        whole = client.get(f"{address}/archive")
        assert (len(whole.content), counted(client, address)) == (size, (4, True))
        sizes = [1, size - 1, 1, size - 5, size, 11, size]
        assert waited_for(tmp_path, len(sizes)) == sizes


def test_a_download_that_the_end_of_the_process_breaks_off_is_recorded(tmp_path: Path) -> None:
    place = large_site(tmp_path)
    key = place.key()
    with place.serving() as process, place.client(key) as client:
        address, size = ready_archive(client)
        with client.stream("GET", f"{address}/archive") as answer:
            next(answer.iter_raw(65536))
            process.send_signal(signal.SIGTERM)
            process.wait(6)
        (sent,) = [one["bytes"] for one in events_of(tmp_path, "exports:sent")]
        assert 65536 <= sent < size
