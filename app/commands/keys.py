"""Makes, lists and revokes API keys; a new key is printed once and kept nowhere."""

import argparse
import asyncio
import os
import re
import sys
from datetime import timedelta

from app.access.keys import NO_ROLE, KeyOrder, Keys, own_permissions
from app.access.port import PERMISSIONS, ROLES
from app.adapters import build_registry
from app.bootstrap import build_keys
from app.kit.errors import Misconfigured
from app.settings import Settings, read_settings
from app.startup import prepare_schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key and print it, once")
    create.add_argument("--name", required=True, type=_name, help="the administrator's name, unique per service")
    create.add_argument("--data-center", required=True, action="append", metavar="D", help="may be given several times")
    create.add_argument("--role", choices=sorted(ROLES), help="what it may do, by a name")
    create.add_argument(
        "--may", action="append", choices=PERMISSIONS, metavar="PERMISSION", default=[],
        help=f"what it may do, beside its role or without one; may be given several times: {', '.join(PERMISSIONS)}",
    )  # fmt: skip
    create.add_argument("--service", action="store_true", help="for a program, whose limits are higher than a person's")
    create.add_argument("--expires", type=_days, metavar="90d", help="days until it expires; without it, never")
    actions.add_parser("list", help="all keys, without their secrets")
    actions.add_parser("revoke", help="end a key at once").add_argument("id")


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(_run(read_settings(os.environ), arguments))


async def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.action == "create":
        if not (arguments.role or arguments.may):
            raise Misconfigured("A key that may do nothing is of no use; give --role, or --may PERMISSION, or both.")
        _check_data_centers(settings, arguments.data_center)
    database, keys = build_keys(settings)
    try:
        await prepare_schema(settings, database)
        if arguments.action == "create":
            print(await keys.create(_order(arguments)))
            return 0
        return await (_list(keys) if arguments.action == "list" else _revoke(keys, arguments.id))
    finally:
        await database.close()


def _order(arguments: argparse.Namespace) -> KeyOrder:
    centers, permissions = (tuple(dict.fromkeys(one)) for one in (arguments.data_center, arguments.may))
    return KeyOrder(arguments.name, centers, arguments.role, arguments.expires, permissions, arguments.service)


async def _list(keys: Keys) -> int:
    for key in await keys.listed():
        state = "revoked" if key.revoked_at else f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "live"
        may = "+".join(dict.fromkeys(one for more in own_permissions(key).values() for one in more))
        used = f"last used {key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never used"
        told = "+".join(filter(None, (key.role.removeprefix(NO_ROLE), may)))
        print(f"{key.id}\t{key.name}\t{told}\t{','.join(key.data_centers)}\t{state}\t{used}")
    return 0


async def _revoke(keys: Keys, key_id: str) -> int:
    if await keys.revoke(key_id):
        print(f"Key {key_id} is revoked.")
        return 0
    print(f"dossier: no live key has the id {key_id}; see `python -m app keys list`.", file=sys.stderr)
    return 1


def _check_data_centers(settings: Settings, wanted: list[str]) -> None:
    known = build_registry(settings, os.environ).centers
    for one in wanted:
        if one not in known:
            there = ", ".join(known) or "none"
            raise Misconfigured(f"There is no data center {one!r} in {settings.data_centers}; there are: {there}.")


def _name(text: str) -> str:
    if not (0 < len(text) <= 64 and text.isprintable() and text == text.strip()):  # noqa: PLR2004  the column's width
        raise argparse.ArgumentTypeError("a name has 1 to 64 printable characters")
    return text


def _days(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9]\d{0,3})d", text)
    if not match:
        raise argparse.ArgumentTypeError("write a number of days, such as 90d")
    return timedelta(days=int(match[1]))
