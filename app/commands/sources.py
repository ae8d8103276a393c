"""Lists the data sources, or checks their mappings on their databases."""

import argparse
import asyncio
import os

from app.bootstrap import build_registry
from app.settings import read_settings
from app.sources.registry import Registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["list", "check"])


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    registry = build_registry(settings, os.environ)
    if not registry.centers:
        print(f"{settings.data_centers} holds no data center.")
        return 0
    if arguments.action == "list":
        for center, source in registry.every_source():
            print(f"{center.id}/{source.facts.id}\t{source.facts.engine}\t{source.facts.title}")
        return 0
    return asyncio.run(_check(registry))


async def _check(registry: Registry) -> int:
    holds = True
    for center, source in registry.every_source():
        findings = await source.check()
        holds = holds and all(finding.warning for finding in findings)
        print(f"{center.id}/{source.facts.id}: {'fine' if not findings else ''}".rstrip())
        for finding in findings:
            print(f"  {'warning' if finding.warning else 'FAILURE'}: {finding.text}")
    await registry.close()
    return 0 if holds else 1
