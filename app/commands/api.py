"""Serves the HTTP API; in the embedded default it compiles the archives too."""

import argparse
import asyncio
import gc
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType

import uvicorn
import uvloop

from app.bootstrap import Services, build_services
from app.kit.crew import Crew, end_in_time
from app.kit.errors import Misconfigured
from app.kit.lines import lines_of_process
from app.kit.logs import log
from app.kit.wire import BoundedProtocol
from app.main import create_app
from app.settings import Settings, read_settings
from app.startup import hold_lock, prepare_index, prepare_schema, start_logging

# Open requests have so long to end by themselves when the process is told to stop.
_GRACE_SECONDS = 3
_LOOK_SECONDS = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: everything is a setting."""


def run(_arguments: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    start_logging(settings, os.environ)
    with ExitStack() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if settings.embedded:
            hold_lock(settings, stack)
        services = build_services(settings, os.environ)
        return runner.run(_start(settings, services, Server(config_of(settings, services))))


async def _start(settings: Settings, services: Services, server: "Server") -> int:
    await prepare_schema(settings, services.database, services.needs)
    await prepare_index(services.index_key)
    return await serve(server, listening(settings), services.crew)


def listening(settings: Settings) -> list[socket.socket]:
    """On every address of the host. Raises Misconfigured."""
    host, port = settings.host, settings.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return [socket.create_server(address[:2], family=family) for family, *_, address in found]
    except OSError as error:
        raise Misconfigured(
            f"http://{host}:{port} cannot be served: {error.strerror}; set DOSSIER_HOST or DOSSIER_PORT."
        ) from error


async def serve(server: "Server | Guest", sockets: list[socket.socket], crew: Crew) -> int:
    """Serves until it is told to stop. The exit code: 1 where it stopped because a part of it had died."""
    # What has been made so far stays to the end. Looking through it for garbage would hold every request up for
    # a tenth of a second, once a second under load.
    gc.collect()
    gc.freeze()
    log.info("starting on http://%s:%d", server.config.host, server.config.port)
    watching = asyncio.create_task(_end_together(server, crew), name="watching the end")
    await server.serve(sockets)
    watching.cancel()
    return 1 if crew.broken else 0


async def _end_together(server: "Server | Guest", crew: Crew) -> None:
    """A server that is told to stop lets the crew know, for whoever waits for something; a crew that has lost one of
    its own stops the server. Looks as often as the server does itself."""
    while not server.should_exit:
        if crew.over.is_set():
            server.handle_exit(signal.SIGTERM, None)
        await asyncio.sleep(_LOOK_SECONDS)
    crew.over.set()


def config_of(settings: Settings, services: Services) -> uvicorn.Config:
    """Without an access log of its own, because a path may hold what somebody typed there; and the address of a
    request is its peer's, because a header that names another could be written by anybody."""
    protocol = partial(BoundedProtocol, lines=lines_of_process())
    return uvicorn.Config(
        create_app(services), settings.host, settings.port,
        log_config=None, access_log=False, server_header=False, proxy_headers=False, ws="none",
        http=protocol,  # type: ignore[arg-type]  # it is only called
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )  # fmt: skip


class Guest(uvicorn.Server):
    """A server beside something else in its process: that one hears the signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server(uvicorn.Server):
    """Ends in time, whatever hangs: a thread in a driver's call can be neither cancelled nor waited for.

    It hears signals from the moment that it is made, before there is an event loop: one that came while it starts
    would be lost otherwise, or cancel what runs then. Having shut down, it raises the signal that told it to once
    more, and hears it itself.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        end_in_time()
