"""Prints viewer.html, made anew from its sources."""

import argparse
import sys

from app.archive.bundle import viewer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(arguments: argparse.Namespace) -> int:  # noqa: ARG001  every command is given them
    sys.stdout.buffer.write(viewer())
    return 0
