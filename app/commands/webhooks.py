"""Shows what was sent to the receivers of webhooks; sends a message again, and resumes a receiver that had stopped."""

import argparse
import asyncio
import os
import sys
from uuid import UUID

from app.adapters import build_database, build_registry
from app.kit.clock import now, rfc3339
from app.kit.db import Database
from app.settings import Settings, read_settings
from app.startup import prepare_schema
from app.webhooks.delivery import go_on, send_again
from app.webhooks.log import Sent, read_log, read_receivers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="every receiver: where, and how many messages wait for it")
    log = actions.add_parser("log", help="messages, newest first, with every attempt")
    log.add_argument("--data-center", metavar="D")
    log.add_argument("--receiver", metavar="R")
    log.add_argument("--export", type=UUID, metavar="ID")
    log.add_argument("--last", type=int, default=20, metavar="N", help="so many messages (default: 20)")
    actions.add_parser("replay", help="send a message once more, under the same id").add_argument("id", type=UUID)
    resume = actions.add_parser("resume", help="send to a receiver again that had answered 410, also what was kept")
    resume.add_argument("data_center")
    resume.add_argument("receiver")


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(_run(read_settings(os.environ), arguments))


async def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    database = build_database(settings)
    try:
        await prepare_schema(settings, database)
        return await _ACTIONS[arguments.action](settings, database, arguments)
    finally:
        await database.close()


async def _list(settings: Settings, database: Database, _arguments: argparse.Namespace) -> int:
    async with database.reading() as connection:
        states = await read_receivers(connection)
    for one in build_registry(settings, os.environ).receivers:
        state = states.get((one.data_center, one.name))
        said = f"stopped at {rfc3339(state.stopped_at)}" if state and state.stopped_at else "sent to"
        waiting = state.waiting if state else 0
        print(f"{one.data_center}\t{one.name}\t{one.url}\t{','.join(one.events)}\t{said}\t{waiting} waiting")
    return 0


async def _log(_settings: Settings, database: Database, arguments: argparse.Namespace) -> int:
    async with database.reading() as connection:
        messages = await read_log(
            connection, arguments.data_center, arguments.receiver, arguments.export, arguments.last
        )
    for one in messages:
        _show(one)
    return 0


async def _replay(_settings: Settings, database: Database, arguments: argparse.Namespace) -> int:
    async with database.writing() as connection:
        if await send_again(connection, arguments.id, now()):
            print(f"Message {arguments.id} is due again.")
            return 0
    return _missed(f"no message {arguments.id}, or it is being sent; see `python -m app webhooks log`.")


async def _resume(_settings: Settings, database: Database, arguments: argparse.Namespace) -> int:
    where = f"{arguments.data_center}/{arguments.receiver}"
    async with database.writing() as connection:
        if await go_on(connection, arguments.data_center, arguments.receiver):
            print(f"Messages go to {where} again.")
            return 0
    return _missed(f"{where} had not stopped; see `python -m app webhooks list`.")


def _missed(sentence: str) -> int:
    print(f"dossier: {sentence}", file=sys.stderr)
    return 1


def _show(one: Sent) -> None:
    state = f"next attempt {rfc3339(one.due_at)}" if one.due_at else "delivered" if one.taken else "given up"
    print(f"{one.id}  {rfc3339(one.at)}  {one.data_center}/{one.receiver}  {one.event}  {one.entry_id}  {state}")
    for number, attempt in enumerate(one.attempts, 1):
        print(f"  {number:2}  {rfc3339(attempt.at)}  {attempt.ms:6} ms  {attempt.outcome}")


_ACTIONS = {"list": _list, "log": _log, "replay": _replay, "resume": _resume}
