"""Lists the data sources, checks their mappings on their databases, or writes one from a preset."""

import argparse
import asyncio
import os
import time
from collections.abc import Iterator

from app.adapters import build_registry
from app.commands.preset import write_source
from app.commands.wanted import add_wanted, wanted
from app.kit.errors import Misconfigured
from app.settings import Settings, read_settings
from app.sources.identifier import Identifier
from app.sources.port import DataSource, NotConnected, SourceMisconfigured, SourceUnavailable
from app.sources.registry import Registry

_MEND = "write one (python -m app sources init), or set DOSSIER_DATA_CENTERS to the directory that holds yours"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="all data sources, with their engines")
    check = actions.add_parser("check", help="ask the databases whether the mappings fit them")
    check.add_argument("--data-center", metavar="D", help="this one alone")
    check.add_argument("--source", metavar="S", help="this one alone")
    check.add_argument("--identifier", metavar="ID", help="a Tracking ID or email to search for, timed")
    add_wanted(actions.add_parser("init", help="write a data source from a preset, and check it"))


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    if arguments.action == "init":
        return asyncio.run(_init(settings, arguments))
    registry = build_registry(settings, os.environ)
    if not registry.centers:
        print(f"{settings.data_centers} holds no data center; {_MEND}.")
        return 0 if arguments.action == "list" else 1
    if arguments.action == "list":
        for center, source in registry.every_source():
            print(f"{center.id}/{source.facts.id}\t{source.facts.engine}\t{source.facts.title}")
        return 0
    chosen = list(_chosen(registry, arguments))
    if not chosen:
        raise Misconfigured("No data source is called that; see `python -m app sources list`.")
    return asyncio.run(_check(registry, chosen, arguments.identifier))


def _chosen(registry: Registry, arguments: argparse.Namespace) -> Iterator[tuple[str, DataSource]]:
    for center, source in registry.every_source():
        if arguments.data_center in (None, center.id) and arguments.source in (None, source.facts.id):
            yield f"{center.id}/{source.facts.id}", source


async def _check(registry: Registry, chosen: list[tuple[str, DataSource]], identifier: str | None) -> int:
    holds = [await _fits(name, source, identifier) for name, source in chosen]
    await registry.close()
    return 0 if all(holds) else 1


async def _fits(name: str, source: DataSource, identifier: str | None) -> bool:
    findings = await source.check()
    print(f"{name}: {'fine' if not findings else ''}".rstrip())
    for finding in findings:
        print(f"  {'warning' if finding.warning else 'FAILURE'}: {finding.text}")
    if identifier:
        print(f"  {await _searched(source, identifier)}")
    return all(finding.warning for finding in findings)


async def _searched(source: DataSource, identifier: str) -> str:
    """Twice, because the first search of a process also connects."""
    typed, took = Identifier.typed(identifier), list[float]()
    try:
        for _ in range(2):
            began = time.perf_counter()
            found = await source.find(typed)
            took.append(time.perf_counter() - began)
    except NotConnected:
        return "search: no connection"
    except (SourceMisconfigured, SourceUnavailable) as error:
        return f"search: {error.detail or error.title}"
    if found is None:
        return f"search: it has no query for {'an email' if typed.kind == 'email' else 'a Tracking ID'}"
    combinations = sum(len(one.combinations) for one in found.visitors)
    times = " and ".join(f"{seconds * 1000:.0f} ms" for seconds in took)
    return f"search: {len(found.visitors)} visitors with {combinations} combinations, in {times}"


async def _init(settings: Settings, arguments: argparse.Namespace) -> int:
    chosen = await wanted(arguments, os.environ)
    source = write_source(settings.data_centers, chosen, os.environ)
    holds = await _fits(f"{chosen.data_center}/{chosen.source}", source, None)
    await source.close()
    return 0 if holds else 1
