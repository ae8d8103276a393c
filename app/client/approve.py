"""Approves an erasure that another administrator asked for; the rows are counted again, and then it begins."""

import argparse

from app.client.ended import Code, Json
from app.client.history import combination
from app.client.screen import Screen, minute, require_yes
from app.client.service import Service
from app.kit.text import visible

_NOTHING = "Nothing was approved."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("erasure", metavar="ERASURE-ID", help="as erase and history show it")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace, service: Service, screen: Screen) -> int:
    if not arguments.yes:
        _confirm(service.erasure(arguments.erasure), screen)
    erasure = service.approve(arguments.erasure)
    screen.say("Approved: it begins now. For its receipt, once it is done:")
    screen.line(f"  {service.typed('receipt', erasure['id'])}")
    screen.result(erasure)
    return Code.DONE


def _confirm(erasure: Json, screen: Screen) -> None:
    """Raises Ended unless somebody says yes."""
    if screen.can_ask:
        asked = f"{visible(erasure['requested_by'])} asked at {minute(erasure['requested_at'])} UTC to erase"
        screen.say(f"{asked} from {visible(erasure['data_source']['title'])}: {combination(erasure)},")
        screen.say(f"visitor {visible(erasure['visitor']['label'])} ({visible(erasure['visitor']['handle'])}).")
    require_yes(screen, "Approve it, so that it is erased for good", "add --yes to approve it.", _NOTHING)
