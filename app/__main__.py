"""python -m app COMMAND: one entry for everything that the service does from a terminal."""

import argparse
import gc
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from app.kit.errors import Misconfigured
from app.kit.plain import speak_plainly

COMMANDS = {
    "api": "serve the HTTP API; in the embedded default it compiles the archives too",
    "worker": "compile archives beside the API, as many as you start",
    "probe": "ask whether the API or the worker of this container goes on",
    "migrate": "bring the database's schema to this version",
    "demo": "do the main job on sample data",
    "sources": "list data sources, or check their mappings on their databases",
    "keys": "make, list and revoke API keys",
    "webhooks": "show what was sent to other services, and send it again",
    "audit": "check the audit trail against its seals, or write it out with them",
    "openapi": "print the OpenAPI document",
    "viewer": "print viewer.html, made anew from its sources",
    "verify": "check archives and receipts of erasures, offline",
}


class Command(Protocol):
    """A module of `app.commands`, imported only when it is asked for: not every one needs every library."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 it does not hold, 2 wrong use."""
    listed = "\n".join(f"  {name:9}{said}" for name, said in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m app", usage="python -m app COMMAND …", epilog=f"commands:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="with --help: what it takes")
    speak_plainly()
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = parser.parse_args(given[:1]).command
    try:
        return _run(chosen, given[1:])
    except Misconfigured as error:
        for line in str(error).splitlines():
            print(f"dossier: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _run(name: str, arguments: Sequence[str]) -> int:
    # Nothing that is imported becomes garbage, and to look for some among it takes a sixth of the start.
    gc.disable()
    try:
        command: Command = import_module(f"app.commands.{name}")
    except ModuleNotFoundError as error:
        raise Misconfigured(f"{name} needs the package {error.name}, which is not installed; see README.") from error
    finally:
        gc.enable()
    parser = argparse.ArgumentParser(prog=f"python -m app {name}", description=command.__doc__)
    command.add_arguments(parser)
    return command.run(parser.parse_args(arguments))


if __name__ == "__main__":
    # Until a command hears it by itself, Ctrl-C ends the process at once. As an exception it could be raised inside a
    # callback of a library, and be lost there without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main())
