"""Serves the HTTP API; in the embedded default it compiles the archives too."""

import argparse
import asyncio
import os
import signal
from contextlib import AsyncExitStack

import uvicorn

from app.bootstrap import Services, build_services, hold_lock, prepare_schema, start_logging
from app.kit.errors import Misconfigured
from app.kit.logs import log
from app.main import create_app
from app.settings import Settings, read_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: everything is a setting."""


def run(_arguments: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    start_logging(settings, os.environ)
    return asyncio.run(serve(settings, build_services(settings, os.environ)))


async def serve(settings: Settings, services: Services) -> int:
    """Serves until it is told to stop."""
    async with AsyncExitStack() as stack:
        if settings.embedded:
            hold_lock(settings, stack)
        await prepare_schema(settings, services.database)
        server = server_of(settings, services)
        # Once it has shut down, the server raises the signal again that told it to; by then all is done.
        signal.signal(signal.SIGTERM, lambda *_: None)
        log.info("starting on http://%s:%d", settings.host, settings.port)
        try:
            await server.serve()
        except SystemExit as error:
            where = f"http://{settings.host}:{settings.port}"
            raise Misconfigured(f"{where} cannot be served; is the port taken? Set DOSSIER_PORT.") from error
    return 0


def server_of(settings: Settings, services: Services) -> uvicorn.Server:
    """Without an access log of its own, because a path may hold what somebody typed there; and the address of a
    request is its peer's, because a header that names another could be written by anybody."""
    config = uvicorn.Config(
        create_app(services), settings.host, settings.port,
        log_config=None, access_log=False, server_header=False, proxy_headers=False, timeout_graceful_shutdown=10,
    )  # fmt: skip
    return uvicorn.Server(config)
