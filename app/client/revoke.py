"""Takes an export back: cancels one that is unfinished, revokes one that is ready."""

import argparse

from app.client.ended import Code, Ended, Json
from app.client.screen import Screen, interrupted, said
from app.client.service import UNFINISHED, Service
from app.kit.text import visible

_NOTHING = "Nothing was changed."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("export", metavar="EXPORT-ID", help="as export and history show it")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace, service: Service, screen: Screen) -> int:
    if not arguments.yes:
        _confirm(service.export(arguments.export), screen)
    cancelled = _ended(service, arguments.export)
    if cancelled is None:
        screen.say("Revoked: the archive is deleted, and nobody can download it any more.")
    else:
        screen.say("Cancelled: it was not finished, and no archive is left of it.")
    if screen.as_json:
        screen.result(cancelled or service.export(arguments.export))
    return Code.DONE


def _ended(service: Service, export_id: str) -> Json | None:
    try:
        return service.end(export_id)
    except Ended as error:
        if error.code != Code.AWAY:
            raise
        raise error.but("It may have been done all the same; see:", f"{service.name} history{service.flags}") from error


def _confirm(export: Json, screen: Screen) -> None:
    """Raises Ended unless somebody says yes."""
    if not screen.can_ask:
        raise Ended(Code.MISUSED, f"Nobody is there to be asked; add --yes to revoke it. {_NOTHING}")
    combination = f"{said(export['device'])} · {said(export['browser'])} on {visible(export['data_source']['title'])}"
    screen.say(f"{combination}, visitor {visible(export['visitor']['label'])}, is {export['status']}.")
    deed = "Cancel it" if export["status"] in UNFINISHED else "Revoke it, and delete its archive"
    try:
        answer = screen.ask(f"{deed}? yes or no:")
    except KeyboardInterrupt:
        raise interrupted(_NOTHING) from None
    if answer.casefold() not in ("y", "yes"):
        raise Ended(Code.DOES_NOT_HOLD, _NOTHING)
