"""Erases what a data source holds about a visitor: finds it, shows what would go, and asks for the handle once more."""

import argparse
import json
from pathlib import Path

from app.client import choose, search
from app.client.ended import Code, Ended, Json
from app.client.part import require_free
from app.client.preview import in_words, previewed
from app.client.receipt import kept
from app.client.screen import Screen, interrupted, minute
from app.client.service import Service
from app.client.wait import finished, require_done

_NOTHING = "Nothing was requested."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    search.add_arguments(parser)
    choose.add_arguments(parser)
    parser.add_argument("--preview", action="store_true", help="show what would be erased, and end")
    parser.add_argument(
        "--confirm",
        metavar="HANDLE",
        help="the visitor's handle, as search and preview show it; at a terminal it is asked for",
    )
    parser.add_argument("--case-reference", metavar="TEXT", help="kept in the history, 64 characters at most")
    parser.add_argument("--keep-exports", action="store_true", help="do not revoke archives of the visitor")
    parser.add_argument("--receipt", metavar="FILE", help="write the receipt there; a file that is not there yet")


def run(arguments: argparse.Namespace, service: Service, screen: Screen) -> int:
    _check(arguments, screen)
    one = choose.chosen(arguments, service, screen)
    plan = service.preview(one.found["candidate"])
    if not screen.as_json or screen.can_ask:
        screen.say(*previewed(plan, one, keeps_exports=arguments.keep_exports))
    if arguments.preview:
        screen.result(plan)
        return Code.DONE
    handle = arguments.confirm or _typed(plan, screen)
    revokes = not arguments.keep_exports
    begun = service.erase(plan["plan"], handle, arguments.case_reference, revokes_exports=revokes)
    screen.line(f"Requested: {begun['id']}")
    if begun["status"] == "requested":
        return _waiting(service, screen, begun)
    return _done(arguments, service, screen, begun)


def _check(arguments: argparse.Namespace, screen: Screen) -> None:
    """Raises Ended, before anybody is looked for."""
    choose.check(arguments)
    if arguments.receipt:
        require_free(arguments.receipt, "--receipt")
    if not (arguments.preview or arguments.confirm or screen.can_ask):
        raise Ended(
            Code.MISUSED,
            "Nobody is there to type the visitor's handle; give it with --confirm HANDLE. It stands in brackets behind"
            f" the visitor's label, in `dossier search` and in `dossier erase --preview`. {_NOTHING}",
        )


def _typed(plan: Json, screen: Screen) -> str:
    """The handle. Raises Ended."""
    try:
        while typed := screen.ask("\nTo erase it for good, type the handle of the visitor, or nothing to leave:"):
            if typed.casefold() == plan["visitor"]["handle"].casefold():
                return typed
            screen.say("That is another one; it stands in brackets behind the visitor's label.")
    except KeyboardInterrupt:
        raise interrupted(_NOTHING) from None
    raise Ended(Code.DOES_NOT_HOLD, f"It was not confirmed. {_NOTHING}")


def _waiting(service: Service, screen: Screen, begun: Json) -> int:
    screen.say("It waits, 14 days at most, until another administrator approves it with:")
    screen.line(f"  {service.typed('approve', begun['id'])}")
    screen.result(begun | {"path": None})
    return Code.DONE


def _done(arguments: argparse.Namespace, service: Service, screen: Screen, begun: Json) -> int:
    """One that failed is told, and is the result all the same."""
    erasure = finished(service, screen, begun["id"], "erasure")
    path: Path | None = None
    try:
        require_done(service, erasure)
        receipt = service.receipt(erasure["id"])
        screen.say(*_told(erasure, json.loads(receipt)))
        path = kept(receipt, erasure, arguments.receipt) if arguments.receipt else None
    finally:
        screen.result(erasure | {"path": str(path) if path else None})
    _tell_receipt(service, screen, erasure, path)
    return Code.DONE


def _told(erasure: Json, receipt: Json) -> list[str]:
    told = [f"Done: {in_words(receipt['steps'], 'rows_before')}."]
    if receipt["revoked_exports"]:
        told.append(f"Archives that were revoked with it: {len(receipt['revoked_exports'])}.")
    if erasure["backups_until"]:
        told.append(f"Backups may hold it until {minute(erasure['backups_until'])} UTC.")
    return told


def _tell_receipt(service: Service, screen: Screen, erasure: Json, path: Path | None) -> None:
    screen.say("The receipt:")
    if path:
        screen.line(f"  {path}")
        return
    screen.line(f"  {str(service.connection.client.base_url).rstrip('/')}{erasure['links']['receipt']}")
    screen.line(f"  {service.typed('receipt', erasure['id'])}")
