"""The proxy of the fault tests does what they believe of it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.proxy import Proxy


def echo(listener: socket.socket) -> None:
    """Sends everything back, to one client after the other, until it is closed."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            while received := connection.recv(1 << 16):
                connection.sendall(received)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=echo, args=(listener,))
        server.start()
        before = threading.active_count()
        with Proxy("127.0.0.1", listener.getsockname()[1]) as started:
            yield started
        assert threading.active_count() == before
        listener.shutdown(socket.SHUT_RDWR)
    server.join()


def client(proxy: Proxy) -> closing[socket.socket]:
    return closing(socket.create_connection(("127.0.0.1", proxy.port), timeout=0.3))


def said(connection: socket.socket, words: bytes) -> bytes:
    connection.sendall(words)
    return connection.recv(1 << 16)


def eventually(proxy: Proxy, counts: tuple[int, int, int]) -> bool:
    """Open, dead, and open to the server."""
    for _ in range(100):
        if (proxy.open, proxy.dead, proxy.open_to_server) == counts:
            return True
        time.sleep(0.01)
    return False


def test_it_passes_everything_on_and_counts(proxy: Proxy) -> None:
    with client(proxy) as one:
        assert said(one, b"hello") == b"hello"
        assert (proxy.from_client, proxy.from_server) == (5, 5)
        assert eventually(proxy, (1, 0, 1))
    assert eventually(proxy, (0, 0, 0))


@pytest.mark.parametrize("hang_up", [True, False])
def test_in_silence_everything_stays_open_and_nothing_is_answered(proxy: Proxy, *, hang_up: bool) -> None:
    with client(proxy) as old:
        assert said(old, b"hello") == b"hello"
        proxy.silence()
        with client(proxy) as new:
            for one in (old, new):
                with pytest.raises(TimeoutError):
                    said(one, b"anybody?")
        assert eventually(proxy, (1, 1, 1))
        proxy.heal(hang_up=hang_up)
        if hang_up:
            assert old.recv(1) == b""
        else:
            with pytest.raises(TimeoutError):
                said(old, b"still nobody?")
        assert eventually(proxy, (0, 0, 0) if hang_up else (1, 1, 1))
    assert eventually(proxy, (0, 0, 0))
    with client(proxy) as healed:
        assert said(healed, b"hello") == b"hello"


def test_the_server_learns_in_silence_neither_of_words_nor_of_farewells(proxy: Proxy) -> None:
    with client(proxy) as one:
        assert said(one, b"hello") == b"hello"
        proxy.silence()
    assert eventually(proxy, (0, 0, 1))
    proxy.heal(hang_up=False)
    assert eventually(proxy, (0, 0, 0))


def test_it_falls_silent_after_so_many_bytes_to_the_byte(proxy: Proxy) -> None:
    proxy.silence_after(7)
    with client(proxy) as one:
        assert said(one, b"hello") == b"hello"
        assert said(one, b"hello") == b"he"
        assert proxy.is_silent
        assert proxy.from_server == 7


def test_it_falls_silent_when_a_client_says_the_word(proxy: Proxy) -> None:
    proxy.silence_when(lambda words: b"COMMIT" in words)
    with client(proxy) as one:
        assert said(one, b"SELECT") == b"SELECT"
        assert not proxy.is_silent
        with pytest.raises(TimeoutError):
            said(one, b"COMMIT")
        assert proxy.fell_silent(1)
        assert proxy.from_client == 6


def test_urls_lead_through_it(proxy: Proxy) -> None:
    assert proxy.url_of("postgresql://me:x@db:5432/site?a=b") == f"postgresql://me:x@127.0.0.1:{proxy.port}/site?a=b"
    assert proxy.url_of("http://127.0.0.1:8333") == f"http://127.0.0.1:{proxy.port}"
