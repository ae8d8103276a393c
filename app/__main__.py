"""python -m app COMMAND: one entry for everything that the service does from a terminal."""

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol

from app.commands import api, demo, keys, migrate, openapi, sources, worker
from app.kit.errors import Misconfigured


class Command(Protocol):
    """A module of `app.commands`."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


COMMANDS: dict[str, Command] = {
    "api": api,
    "worker": worker,
    "migrate": migrate,
    "demo": demo,
    "sources": sources,
    "keys": keys,
    "openapi": openapi,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 it does not hold, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="python -m app", description="Dossier: data subject access, end to end.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        said = (command.__doc__ or "").splitlines()[0]
        command.add_arguments(commands.add_parser(name, help=said, description=said))
    chosen = parser.parse_args(arguments)
    try:
        return COMMANDS[chosen.command].run(chosen)
    except Misconfigured as error:
        print(f"dossier: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
