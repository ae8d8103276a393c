"""Prints the OpenAPI document, or what it breaks for clients of an earlier one."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from app.bootstrap import build_services
from app.kit.compatibility import breaks
from app.kit.errors import Misconfigured
from app.main import create_app
from app.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="print what breaks for clients made from this document instead"
    )


def run(arguments: argparse.Namespace) -> int:
    """1 where something breaks."""
    document = _document()
    if arguments.against is None:
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return 0
    broken = list(breaks(_read(arguments.against), document))
    for sentence in broken:
        print(sentence)
    return 1 if broken else 0


def _document() -> dict[str, Any]:
    """The same whatever is configured."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(var_dir=Path(folder), data_centers=Path(folder), secret_key="0" * 32)
        return create_app(build_services(settings, {})).openapi()


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{file} cannot be read as JSON: {error}.") from error
    return found
