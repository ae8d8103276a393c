"""Compiles archives beside the API, any number of them; in the embedded default the API does that itself."""

import argparse
import asyncio
import os

from app.bootstrap import build_services
from app.kit.errors import Misconfigured
from app.settings import Settings, read_settings
from app.startup import prepare_schema, start_logging
from app.worker import work


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: everything is a setting."""


def run(_arguments: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    if settings.embedded:
        raise Misconfigured(
            "Without DOSSIER_DATABASE_URL the API compiles the archives itself, and nobody else can; set it to run "
            "workers beside the API."
        )
    start_logging(settings, os.environ)
    return asyncio.run(_work(settings))


async def _work(settings: Settings) -> int:
    services = build_services(settings, os.environ, process="worker")
    await prepare_schema(settings, services.database, services.needs)
    return await work(services)
