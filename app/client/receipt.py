"""The receipt of an erasure: signed JSON, printed as it is, or written into a file; or the same as a page."""

import argparse
import json
from pathlib import Path

from app.client.ended import Code, Json
from app.client.part import require_free, target_of, write_whole
from app.client.screen import Screen
from app.client.service import UNFINISHED, Service
from app.client.wait import finished, require_done


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("erasure", metavar="ERASURE-ID", help="as erase and history show it")
    parser.add_argument("--page", action="store_true", help="as one HTML page, for people")
    parser.add_argument(
        "--output", metavar="PATH", help="a file that is not there yet, or a folder (default: it is printed)"
    )


def run(arguments: argparse.Namespace, service: Service, screen: Screen) -> int:
    if arguments.output:
        require_free(arguments.output)
    erasure = service.erasure(arguments.erasure)
    if erasure["status"] in UNFINISHED:
        erasure = finished(service, screen, erasure["id"], "erasure")
    require_done(service, erasure)
    signed = service.receipt(erasure["id"])
    shown = service.receipt(erasure["id"], "text/html") if arguments.page else signed
    if arguments.output:
        told = "The page" if arguments.page else "The receipt; `python -m app verify` checks its signature"
        screen.say(f"{told}:")
        screen.line(f"  {kept(shown, erasure, arguments.output, 'html' if arguments.page else 'json')}")
        screen.result(json.loads(signed))
    else:
        screen.document(shown)
    return Code.DONE


def kept(receipt: bytes, erasure: Json, output: str, form: str = "json") -> Path:
    """Where it lies. Raises Ended."""
    target = target_of(output, f"erasure-{erasure['id']}.{form}")
    write_whole(target, receipt)
    return target
