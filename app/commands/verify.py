"""Checks archives against their own manifests, and receipts of erasures, offline; prints counts and hashes, never what
they hold."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.archive.receipt import FORMAT
from app.archive.schema import published
from app.kit.sign import PublicKey
from app.verify.archive import Check, verify
from app.verify.receipt import is_receipt, verify_receipt
from app.verify.signature import read_keys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("archive", nargs="*", type=Path, metavar="FILE", help="an archive, or a receipt's JSON")
    parser.add_argument("--schemas", type=Path, metavar="FOLDER", help="write the published JSON Schemas there instead")
    parser.add_argument("--keys", type=Path, metavar="FILE", help="what GET /v1/keys answered: whose word they must be")
    parser.set_defaults(usage=parser.error)


def run(arguments: argparse.Namespace) -> int:
    if bool(arguments.archive) == bool(arguments.schemas):
        arguments.usage("give one or more archives or receipts, or --schemas FOLDER")
    if arguments.schemas:
        return _write_schemas(arguments.schemas)
    keys = read_keys(arguments.keys) if arguments.keys else None
    return max([_verified(path, keys) for path in arguments.archive])


def _write_schemas(folder: Path) -> int:
    for name, schema in published().items():
        (folder / name).write_text(json.dumps(schema, indent=2) + "\n")
    return 0


def _verified(path: Path, keys: Mapping[str, PublicKey] | None) -> int:
    receipt = is_receipt(path)
    checks = list(verify_receipt(path, keys) if receipt else verify(path, keys))
    _tell_groups(checks)
    for check in checks:
        if not check.holds:
            print(f"{path}: FAILURE: {check.group}: {check.what}")
            print(f"  expected {check.expected}\n  found    {check.found}")
    holds = all(check.holds for check in checks)
    if holds:
        signature = next(check.found for check in checks if check.group == "signature")
        word = f"an erasure receipt, {FORMAT}, whose counts hold" if receipt else "as its manifest says"
        print(f"{path}: {word}; the signature: {signature}")
    return 0 if holds else 1


def _tell_groups(checks: Sequence[Check]) -> None:
    for group in dict.fromkeys(check.group for check in checks):
        own = [check for check in checks if check.group == group]
        failed = sum(not check.holds for check in own)
        print(f"{group:10}{len(own)} checks, {failed or 'none'} failed")
        if group == "sections":
            print("\n".join(f"  {check.what:24}{check.found.partition(' rows,')[0]}" for check in own[:-1]))
        if group == "counts":
            print("\n".join(f"  {check.what:24}{check.found}" for check in own))
