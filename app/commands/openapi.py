"""Prints the OpenAPI document."""

import argparse
import json
import tempfile
from pathlib import Path

from app.bootstrap import build_services
from app.main import create_app
from app.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: the document is the same whatever is configured."""


def run(_arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(var_dir=Path(folder), data_centers=Path(folder), secret_key="0" * 32)
        document = create_app(build_services(settings, {})).openapi()
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0
