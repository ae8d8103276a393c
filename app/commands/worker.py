"""Compiles archives beside the API; in the embedded default the API does that itself."""

import argparse
import os

from app.kit.errors import Misconfigured
from app.settings import read_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: everything is a setting."""


def run(_arguments: argparse.Namespace) -> int:
    read_settings(os.environ)
    raise Misconfigured(
        "Archives are compiled inside `python -m app api` in this version; there is nothing for a worker to do."
    )
