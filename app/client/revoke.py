"""Takes an export or an erasure back: cancels what is unfinished, revokes an export that is ready."""

import argparse

from app.client.ended import Code, Json
from app.client.history import combination
from app.client.screen import Screen, require_yes
from app.client.service import UNFINISHED, Service
from app.kit.text import visible

_NOTHING = "Nothing was changed."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="of an export, or of an erasure that has not begun")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace, service: Service, screen: Screen) -> int:
    entry = service.entry(arguments.id)
    if not arguments.yes:
        _confirm(entry, screen)
    cancelled = service.end(entry)
    if entry["kind"] == "erasure":
        screen.say("Cancelled: nothing was erased.")
    elif cancelled is None:
        screen.say("Revoked: the archive is deleted, and nobody can download it any more.")
    else:
        screen.say("Cancelled: it was not finished, and no archive is left of it.")
    if screen.as_json:
        screen.result(cancelled or service.export(arguments.id))
    return Code.DONE


def _confirm(entry: Json, screen: Screen) -> None:
    """Raises Ended unless somebody says yes."""
    is_erasure = entry["kind"] == "erasure"
    if screen.can_ask:
        what = f"{'Erasure, ' if is_erasure else ''}{combination(entry)} on {visible(entry['data_source']['title'])}"
        screen.say(f"{what}, visitor {visible(entry['visitor']['label'])}, is {entry['status']}.")
    deed = "Cancel it" if is_erasure or entry["status"] in UNFINISHED else "Revoke it, and delete its archive"
    require_yes(screen, deed, "add --yes to revoke it.", _NOTHING)
