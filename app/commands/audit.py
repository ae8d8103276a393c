"""Verifies the audit trail against its seals, or writes it out so that others can; prints ids and hashes alone."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

from app.access.public_keys import PublicKeys
from app.adapters import build_database
from app.audit.check import Finding, Trusted
from app.audit.export import exported
from app.audit.ledger import Ledger
from app.audit.seals import SignedHead
from app.audit.trail import Trail
from app.audit.verify import Verify
from app.bootstrap import build_keyring
from app.kit.clock import now
from app.kit.db import Database, DatabaseUnavailable
from app.kit.errors import Misconfigured
from app.kit.metrics import Metrics
from app.kit.sign import PublicKey
from app.settings import Settings, read_settings
from app.startup import prepare_schema

_MOST_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="find what was changed, removed, inserted or moved since it was sealed")
    verify.add_argument("--data-center", metavar="D", help="only its events (default: all, and those without one)")
    verify.add_argument("--head", metavar="FILE", help="heads that were kept elsewhere, a line each; or one as JSON")
    verify.add_argument("--keys", type=Path, metavar="FILE", help="trust these alone: an answer of /v1/keys")
    export = actions.add_parser("export", help="write sealed events as JSON Lines, and the newest head as the last")
    export.add_argument("--data-center", metavar="D", help="(default: the events without one)")
    export.set_defaults(head=None, keys=None)


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(_run(read_settings(os.environ), arguments))


async def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    kept, keys = _read_heads(arguments.head), _read_keys(arguments.keys)
    database = build_database(settings)
    try:
        await prepare_schema(settings, database, "the audit trail's seals need this one's")
        if arguments.action == "export":
            return await _export(database, arguments.data_center or "")
        verify = Verify(database, await _trusted(settings, database, keys), now, kept)
        return await _verify(verify, arguments.data_center)
    except DatabaseUnavailable as error:
        raise Misconfigured("Dossier's own database does not answer; check DOSSIER_DATABASE_URL.") from error
    finally:
        await database.close()


async def _verify(verify: Verify, only: str | None) -> int:
    wrong = 0
    if other := [one.tree for one in verify.kept if only not in (None, one.tree)]:
        raise Misconfigured(f"--head: it is of {other[0]!r}, and not of {only!r}.")
    for tree in await verify.trees() if only is None else [only]:
        check = verify.begin(tree)
        name = tree or "(no data center)"
        wrong += await _show(name, verify.tree(check))
        print(f"{name}: {check.size:,} events sealed, {check.heads:,} heads")
    wrong += await _show("events", verify.outside(only))
    print("The trail does not hold." if wrong else "The trail is as it was sealed.")
    return 1 if wrong else 0


async def _export(database: Database, tree: str) -> int:
    line: dict[str, Any] = {}
    async for line in exported(database, tree):
        print(json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":")))
    if "head" not in line:
        print("dossier: there is no signed head yet.", file=sys.stderr)
        return 1
    return 0


async def _show(name: str, found: AsyncIterator[Finding]) -> int:
    """How many are wrong; the first of them are printed."""
    wrong = 0
    async for one in found:
        wrong += one.level == "wrong"
        if one.level != "wrong" or wrong <= _MOST_SHOWN:
            print(f"{name}: {_SAID[one.level]}{one.what}")
    if wrong > _MOST_SHOWN:
        print(f"{name}: and {wrong - _MOST_SHOWN:,} more")
    return wrong


async def _trusted(settings: Settings, database: Database, keys: dict[str, PublicKey] | None) -> Trusted:
    signers = build_keyring(settings).signers()
    known = PublicKeys(Ledger(database, Trail(now, Metrics())), signers, now)
    listed = [PublicKey.read(one.key) for one in await known.known()]
    own = {one.public.id: one.public for one in signers}
    return Trusted(own if keys is None else keys, {one.id: one for one in listed})


def _read_heads(given: str | None) -> list[SignedHead]:
    """A file has one on each line, as `curl …/audit/head >> heads` leaves them."""
    if given is None:
        return []
    lines = [given] if given.startswith("{") else _text(Path(given), "--head").splitlines()
    try:
        return [_head(json.loads(line)) for line in lines if line.strip()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Misconfigured("--head: there must be JSON as /v1/data-centers/…/audit/head answers it.") from None


def _head(said: dict[str, Any]) -> SignedHead:
    """Also the last line of an export."""
    said = said.get("head", said)
    texts = [str(said[name]) for name in ("tree", "root", "key_id", "signature")]
    at = datetime.fromisoformat(said["at"])
    if at.tzinfo is None:
        raise ValueError(said)
    return SignedHead(texts[0], int(said["size"]), texts[1], at, texts[2], texts[3])


def _read_keys(file: Path | None) -> dict[str, PublicKey] | None:
    if file is None:
        return None
    try:
        keys = [PublicKey.read(one["key"]) for one in json.loads(_text(file, "--keys"))["keys"]]
    except (ValueError, KeyError, TypeError):
        raise Misconfigured(f"--keys: {file} is no answer of /v1/keys.") from None
    return {one.id: one for one in keys}


def _text(file: Path, option: str) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise Misconfigured(f"{option}: {file} cannot be read: {error.strerror}.") from error


_SAID = {"wrong": "WRONG: ", "warning": "warning: ", "note": ""}
