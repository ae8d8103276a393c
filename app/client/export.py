"""The main job: finds a visitor, lets exactly one combination be chosen, and brings its archive."""

import argparse

from app.client import choose, download, search
from app.client.ended import Code, Ended, Json
from app.client.part import require_free
from app.client.screen import Screen, interrupted, minute
from app.client.search import Candidate
from app.client.service import Service
from app.client.wait import finished, require_ready


def add_arguments(parser: argparse.ArgumentParser) -> None:
    search.add_arguments(parser)
    choose.add_arguments(parser)
    parser.add_argument("--case-reference", metavar="TEXT", help="kept in the history, 64 characters at most")
    parser.add_argument("--language", metavar="L", help="of the archive, de for example (default: the service's)")
    download.add_output(parser)
    parser.add_argument("--no-download", action="store_true", help="end when the archive is ready")


def run(arguments: argparse.Namespace, service: Service, screen: Screen) -> int:
    choose.check(arguments)
    if not arguments.no_download:
        require_free(arguments.output)
    one = choose.chosen(arguments, service, screen)
    screen.say(f"\nExporting {one.described}.")
    export = _ended(arguments, service, screen, one)
    path = None if arguments.no_download else download.downloaded(service, screen, export, arguments.output)
    if path is None:
        screen.say("The archive is ready.")
    screen.say(f"Until {minute(export['expires_at'])} UTC it can be downloaded again with:")
    screen.line(f"  {service.later(export['id'])}")
    screen.result(export | {"path": str(path) if path else None})
    return Code.DONE


def requested(service: Service, candidate: str, case_reference: str | None = None, language: str | None = None) -> Json:
    """The export, queued or under way. Raises Ended."""
    try:
        return service.request(candidate, case_reference, language)
    except KeyboardInterrupt:
        raise interrupted("The export may have been requested all the same: see `dossier history`.") from None


def _ended(arguments: argparse.Namespace, service: Service, screen: Screen, one: Candidate) -> Json:
    """In its last state; one that failed is told, and is the result all the same."""
    begun = requested(service, one.found["candidate"], arguments.case_reference, arguments.language)
    screen.line(f"Requested: {begun['id']}")
    export = finished(service, screen, begun["id"])
    try:
        require_ready(export)
    except Ended:
        screen.result(export | {"path": None})
        raise
    return export
