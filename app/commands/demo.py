"""Does the main job on sample data, over the HTTP API; with --serve it serves the sample and prints a key."""

import argparse
import asyncio
import hashlib
import json
import logging
import os
import signal
import zipfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from shlex import quote
from socket import socket
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.access.keys import KeyOrder, Keys
from app.bootstrap import Services, build_services
from app.commands.api import Guest, Server, config_of, listening, serve
from app.commands.sample.generate import sample_is_current, write_sample
from app.commands.screen import candidates, first_rows, said, sections
from app.kit.errors import Misconfigured
from app.kit.logs import configure
from app.settings import Settings, read_settings
from app.startup import hold_lock, prepare_schema

BASE = "/v1/data-centers/acme"
IDENTIFIER = "maria.keller@example.com"
_SHOWN_BYTES = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--serve", action="store_true", help="serve the sample at HOST:PORT and print a key")
    parser.add_argument("--identifier", default=IDENTIFIER, help=f"whom to look for (default: {IDENTIFIER})")


def run(arguments: argparse.Namespace) -> int:
    console = Console(highlight=False)
    settings = _own_settings(read_settings(os.environ))
    # The directory and the port come first: what another process serves there is left as it is.
    with ExitStack() as stack:
        hold_lock(settings, stack)
        sockets = listening(settings if arguments.serve else settings.model_copy(update={"port": 0}))
        _make_sample(console, settings.var_dir)
        services = build_services(settings, os.environ | sample_databases(settings.var_dir))
        if arguments.serve:
            return asyncio.run(_serve(console, settings, services, Server(config_of(settings, services)), sockets))
        # From here on Ctrl-C is an exception, so that the terminal gets its cursor back.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return asyncio.run(_show(console, settings, services, sockets, arguments.identifier))


def _own_settings(given: Settings) -> Settings:
    """Where everything lies is the demo's own affair, whatever the environment says."""
    folder = given.var_dir / "sample"
    own = {"var_dir": folder, "data_centers": folder / "data-centers"}
    kept = given.model_dump(include={"host", "port", "max_exports", "log_format"})
    return Settings.model_validate(own | kept)


def _make_sample(console: Console, folder: Path) -> None:
    if not sample_is_current(folder):
        console.print("Making the sample: one data center, two data sources, a few hundred visitors …")
        write_sample(folder)


def sample_databases(folder: Path) -> dict[str, str]:
    """What the sample's mappings ask the environment for."""
    return {
        "SAMPLE_WEBSITE_URL": f"sqlite:///{folder.absolute() / 'website.db'}",
        "SAMPLE_SHOP_URL": f"sqlite:///{folder.absolute() / 'shop.db'}",
    }


async def _serve(
    console: Console, settings: Settings, services: Services, server: Server, sockets: list[socket]
) -> int:
    configure("text")
    await prepare_schema(settings, services.database)
    key = await _new_key(services.keys, "sample")
    where, send = f"http://{settings.host}:{settings.port}", 'curl -H "Authorization: Bearer $KEY"'
    console.print(f"Serving the sample on {where} until Ctrl-C. In another terminal, with the key made just now:\n")
    console.print(
        f"  KEY={key}\n"
        f"  {send} {where}/v1/me\n"
        f"  {send} -H 'Content-Type: application/json' -d '{{\"identifier\": \"{IDENTIFIER}\"}}'"
        f" {where}{BASE}/visitors/search\n",
        soft_wrap=True,
    )
    return await serve(server, sockets, services.crew)


async def _show(
    console: Console, settings: Settings, services: Services, sockets: list[socket], identifier: str
) -> int:
    configure("text", logging.WARNING)
    await prepare_schema(settings, services.database)
    key = await _new_key(services.keys, "demo")
    async with _client(settings, services, sockets, key) as client:
        return await Demo(console, client, settings.var_dir).tell(identifier)


async def _new_key(keys: Keys, name: str) -> str:
    """A key of this name; the one of an earlier run ends, because a name belongs to one live key."""
    for row in await keys.listed():
        if row.name == name and row.revoked_at is None:
            await keys.revoke(row.id)
    return await keys.create(KeyOrder(name, ("acme",), "administrator", None))


@asynccontextmanager
async def _client(
    settings: Settings, services: Services, sockets: list[socket], key: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the real server, which runs for as long as the block."""
    server = Guest(config_of(settings, services))
    serving = asyncio.create_task(server.serve(sockets), name="the demo's server")
    base, headers = f"http://{settings.host}:{sockets[0].getsockname()[1]}", {"Authorization": f"Bearer {key}"}
    try:
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


class Demo:
    """The story as a person wants to see it in a terminal."""

    def __init__(self, console: Console, client: httpx.AsyncClient, folder: Path) -> None:
        self._console, self._client, self._folder = console, client, folder

    async def tell(self, identifier: str) -> int:
        found = await self._search(identifier)
        offered = [
            (source, visitor, one)
            for source in found
            for visitor in source["visitors"]
            for one in visitor["combinations"]
        ]
        if not offered:
            names = " and ".join(source["title"] for source in found)
            self._console.print(f"No data is held about {identifier} in {names}. That, too, is an answer to give.")
            return 0
        source, _, chosen = max(offered, key=lambda one: one[2]["interactions"] or 0)
        self._console.print(
            "Anybody can type somebody else's email into a form. So the administrator asks the person for device and "
            "browser, and chooses exactly one line. The answer here: "
            f"[bold]{said(chosen['device'])} · {said(chosen['browser'])}[/bold] on {source['title']}.\n"
        )
        export = await self._export(chosen["candidate"])
        if export["status"] != "ready":
            self._console.print(f"The export {export['status']}: {export['problem']}.")
            return 1
        self._explain(await self._download(export), export)
        return 0

    async def _search(self, identifier: str) -> list[dict[str, Any]]:
        answer = await self._client.post(f"{BASE}/visitors/search", json={"identifier": identifier})
        answer.raise_for_status()
        sources: list[dict[str, Any]] = answer.json()["data_sources"]
        self._console.print(f"\nSearching every data source of Acme Outdoor for [bold]{identifier}[/bold]:")
        for source in sources:
            for part in candidates(source):
                self._console.print(part)
        return sources

    async def _export(self, candidate: str) -> dict[str, Any]:
        answer = await self._client.post(f"{BASE}/exports", json={"candidate": candidate})
        answer.raise_for_status()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} rows"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as bar:
            task = bar.add_task("Compiling", total=None)
            while True:
                export: dict[str, Any] = (await self._client.get(answer.headers["location"])).json()
                progress = export["progress"]
                if progress is None:
                    bar.update(task, total=1, completed=1, visible=False)
                    return export
                bar.update(task, total=progress["rows_estimated"], completed=progress["rows"])
                await asyncio.sleep(0.1)

    async def _download(self, export: dict[str, Any]) -> Path:
        target = self._folder / f"export-{export['id']}.zip"
        digest = hashlib.sha256()
        async with self._client.stream("GET", export["links"]["archive"]) as answer:
            answer.raise_for_status()
            with target.open("wb") as file:
                async for chunk in answer.aiter_bytes():
                    digest.update(chunk)
                    file.write(chunk)
        if digest.hexdigest() != export["sha256"]:
            raise Misconfigured(f"{target} is not what was compiled: its SHA-256 differs.")
        return target

    def _explain(self, path: Path, export: dict[str, Any]) -> None:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("META/manifest.json"))
            members = [f"  {one.filename:22}{one.file_size:>14,} bytes" for one in archive.infolist()]
            with archive.open("personal-data.json") as document:
                beginning = document.read(_SHOWN_BYTES).decode("utf-8", "ignore")
        say = self._console.print
        say(f"Compiled, downloaded, SHA-256 as promised: {path.stat().st_size:,} bytes. In the ZIP:")
        say("\n".join(members))
        say("\nWhat is in personal-data.json:")
        for part in sections(manifest):
            say(part)
        say("Its first rows:")
        say("\n".join(f"  {row}" for row in first_rows(beginning)), markup=False, soft_wrap=True)
        say(f"\n[bold]The archive:[/bold] {path}", soft_wrap=True)
        say(f"Its link works until {export['expires_at']}, 14 days after it was compiled.")
        say(_next(path, self._folder / "opened"), markup=False, soft_wrap=True)


def _next(archive: Path, opened: Path) -> str:
    """Lines to be copied as they are; unzip is not everywhere."""
    zipped, folder = quote(str(archive)), quote(str(opened))
    return (
        "\nTry next:\n\n"
        f"  # Unpacks it; then open {opened / 'report.html'} in a browser.\n"
        f"  .venv/bin/python -m zipfile -e {zipped} {folder}\n"
        "  # Checks it against its own manifest.\n"
        f"  .venv/bin/python -m app verify {zipped}\n"
        "  # A browser that two people share, and somebody about whom nothing is held.\n"
        "  .venv/bin/python -m app demo --identifier family@example.com\n"
        "  .venv/bin/python -m app demo --identifier nobody@example.com\n"
        "  # Serves this sample, and prints a key.\n"
        "  make run"
    )
