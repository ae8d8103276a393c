"""Asks whether the process in this container goes on: its health check, made of little so that it costs little."""

import argparse
import os
import time
from http import HTTPStatus
from http.client import HTTPConnection

from app.settings import Settings, read_settings

_DEAD_AFTER_SECONDS = 60.0
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared, not bound


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("process", choices=("api", "worker"), help="exit with 0 if it goes on, else with 1")


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    asked = _api_is_ready if arguments.process == "api" else _worker_lives
    return 0 if asked(settings) else 1


def _api_is_ready(settings: Settings) -> bool:
    connection = HTTPConnection(_ANYWHERE.get(settings.host, settings.host), settings.port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _worker_lives(settings: Settings) -> bool:
    try:
        return time.time() - settings.sign_of_life.stat().st_mtime < _DEAD_AFTER_SECONDS
    except FileNotFoundError:
        return False
