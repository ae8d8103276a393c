"""The command line of `dossier`: what can be asked for, with an example of each, and how every end is told."""

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import httpx

from app.client import approve, download, erase, export, history, receipt, revoke, search
from app.client.connection import connected
from app.client.ended import CODES, Code, Ended
from app.client.problems import away, foreign
from app.client.screen import Screen
from app.client.service import service_of
from app.client.settings import add_connection, flags_of, wanted

_ID = "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"
_HANDLE = "3f9a0c1d2b4e"
_DEVICE = "--device iPhone --browser Safari"


@dataclass(frozen=True, slots=True)
class Offer:
    module: ModuleType
    said: str
    examples: tuple[str, ...]


def offers() -> dict[str, Offer]:
    person = "maria@example.com"
    return {
        "search": Offer(search, "look for a visitor in every data source", (f"dossier search {person}",)),
        "export": Offer(
            export, "find a visitor, choose one combination, and bring its archive",
            (f"dossier export {person}", f"dossier export {person} \\\n    {_DEVICE} \\\n    --output archives/"),
        ),
        "history": Offer(
            history, "list what was exported and erased, by whom and when",
            ("dossier history --status ready", f"dossier history --identifier {person}"),
        ),
        "download": Offer(download, "bring the archive of an export", (f"dossier download \\\n    {_ID}",)),
        "revoke": Offer(revoke, "cancel or revoke an export, cancel an erasure", (f"dossier revoke \\\n    {_ID}",)),
        "erase": Offer(
            erase, "find a visitor, choose one combination, and erase what is held",
            (
                f"dossier erase {person} --preview",
                f"dossier erase {person} \\\n    {_DEVICE} \\\n    --confirm {_HANDLE} \\\n    --receipt receipt.json",
            ),
        ),
        "approve": Offer(approve, "approve another administrator's erasure", (f"dossier approve \\\n    {_ID}",)),
        "receipt": Offer(
            receipt, "print or keep the receipt of an erasure",
            (f"dossier receipt \\\n    {_ID} \\\n    --output receipt.json",),
        ),
    }  # fmt: skip


def run(given: Sequence[str]) -> int:
    arguments = _parser().parse_args(given)
    screen = Screen(as_json=arguments.json)
    try:
        return int(_run(arguments, screen))
    except Ended as ended:
        screen.error(ended)
        return int(ended.code)
    except KeyboardInterrupt:
        screen.error(Ended(Code.INTERRUPTED, "Interrupted."))
        return int(Code.INTERRUPTED)


def _run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Raises Ended, whatever else may go wrong on the way to the service."""
    ask = wanted(arguments, os.environ, screen.warn)
    try:
        with connected(ask.url, ask.key, screen.warn) as connection:
            service = service_of(connection, ask.data_center, _name(sys.argv[0]), flags_of(arguments))
            done: int = arguments.run(arguments, service, screen)
            return done
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise away(ask.url, error) from error
    except (LookupError, TypeError) as error:
        # Well formed, but not of the form that the contract promises.
        raise foreign(ask.url) from error


def _name(called: str) -> str:
    """As it was called, where that was by a path."""
    return called if called.endswith("/dossier") and not shutil.which("dossier") else "dossier"


class _Wrapped(argparse.HelpFormatter):
    """Wraps each line of a text by itself, so that examples and tables stay what they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(_wrapped(line, width, indent) for line in text.splitlines())


def _wrapped(line: str, width: int, indent: str) -> str:
    inner = len(line) - len(line.lstrip())
    hanging = indent + " " * (inner + 5 if line.lstrip()[:1].isdigit() else inner)
    return textwrap.fill(line, width, initial_indent=indent, subsequent_indent=hanging, drop_whitespace=True)


def _parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code.value:<4} {said}" for code, said in CODES.items())
    parser = argparse.ArgumentParser(
        prog="dossier", formatter_class=_Wrapped,
        description="What a site holds about a visitor, for administrators: over the HTTP API of Dossier.",
        epilog=f"exit codes:\n{codes}\n\nexample:\n  export DOSSIER_KEY=...\n  dossier export maria@example.com",
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for name, offer in offers().items():
        shown = "".join(f"\n  {one}" for one in offer.examples)
        one = commands.add_parser(
            name, help=offer.said, description=offer.module.__doc__, formatter_class=_Wrapped,
            epilog=f"{'examples' if len(offer.examples) > 1 else 'example'}:{shown}",
        )  # fmt: skip
        offer.module.add_arguments(one)
        add_connection(one)
        one.set_defaults(run=offer.module.run)
    return parser
