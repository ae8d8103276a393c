"""Brings the database's schema to this version, or to another revision."""

import argparse
import asyncio
import os

from app.adapters import build_database
from app.settings import read_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to", default="head", metavar="REVISION", help="head (default), base, or a number such as 0001"
    )


def run(arguments: argparse.Namespace) -> int:
    database = build_database(read_settings(os.environ))

    async def migrate() -> None:
        try:
            await database.migrate(arguments.to)
        finally:
            await database.close()

    asyncio.run(migrate())
    print(f"The schema is at {arguments.to}.")
    return 0
