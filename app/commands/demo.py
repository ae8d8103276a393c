"""Does the main job on sample data with the client's own means; with --serve it serves the sample and prints a key."""

import argparse
import asyncio
import json
import logging
import os
import signal
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shlex import quote
from shutil import copyfile
from socket import socket
from threading import Thread

from app.access.keys import KeyOrder, Keys
from app.bootstrap import Services, build_services
from app.client.connection import connected
from app.client.download import downloaded
from app.client.ended import Code, Ended, Json
from app.client.export import requested
from app.client.preview import previewed
from app.client.receipt import kept
from app.client.screen import Screen
from app.client.search import Candidate, candidates, shown
from app.client.service import Service
from app.client.wait import finished, require_done, require_ready
from app.commands.api import Guest, Server, config_of, listening, serve
from app.commands.sample.generate import sample_is_current, write_sample
from app.commands.screen import first_rows, sections
from app.kit.logs import configure
from app.settings import Settings, read_settings
from app.startup import hold_lock, prepare_schema

DATA_CENTER = "acme"
IDENTIFIER = "maria.keller@example.com"
_SHOWN_BYTES = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--serve", action="store_true", help="serve the sample at HOST:PORT and print a key")
    parser.add_argument("--erase", action="store_true", help="erase the visitor after the export, on a copy")
    parser.add_argument("--identifier", default=IDENTIFIER, help=f"whom to look for (default: {IDENTIFIER})")


def run(arguments: argparse.Namespace) -> int:
    screen = Screen()
    settings = _own_settings(read_settings(os.environ))
    # The directory and the port come first: what another process serves there is left as it is.
    with ExitStack() as stack:
        hold_lock(settings, stack)
        sockets = listening(settings if arguments.serve else settings.model_copy(update={"port": 0}))
        _make_sample(screen, settings.var_dir)
        databases = _copied(settings.var_dir) if arguments.erase else settings.var_dir
        services = build_services(settings, os.environ | sample_databases(databases))
        if arguments.serve:
            return asyncio.run(_serve(screen, settings, services, Server(config_of(settings, services)), sockets))
        # From here on Ctrl-C is an exception, so that the terminal gets its cursor back.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with _serving(settings, services, sockets) as (url, key), connected(url, key, screen.warn) as connection:
            demo = Demo(screen, Service(connection, DATA_CENTER), settings.var_dir, erases=arguments.erase)
            return demo.tell(arguments.identifier)


def _own_settings(given: Settings) -> Settings:
    """Where everything lies is the demo's own affair, whatever the environment says."""
    folder = given.var_dir / "sample"
    own = {"var_dir": folder, "data_centers": folder / "data-centers"}
    kept = given.model_dump(include={"host", "port", "max_exports", "log_format"})
    return Settings.model_validate(own | kept)


def _make_sample(screen: Screen, folder: Path) -> None:
    if not sample_is_current(folder):
        screen.say("Making the sample: one data center, two data sources, a few hundred visitors …")
        write_sample(folder)


def _copied(folder: Path) -> Path:
    """The sample's databases once more, whatever was erased from the copies before."""
    copies = folder / "to-erase"
    copies.mkdir(exist_ok=True)
    for database in folder.glob("*.db"):
        if database.name != "dossier.db":
            copyfile(database, copies / database.name)
    return copies


def sample_databases(folder: Path) -> dict[str, str]:
    """What the sample's mappings ask the environment for. SQLite has no roles, so both are the same address."""
    return {
        f"SAMPLE_{name.upper()}_{use}": f"sqlite:///{folder.absolute() / f'{name}.db'}"
        for name in ("website", "shop")
        for use in ("URL", "ERASE_URL")
    }


async def _serve(screen: Screen, settings: Settings, services: Services, server: Server, sockets: list[socket]) -> int:
    configure("text")
    await prepare_schema(settings, services.database)
    key = await _new_key(services.keys, "sample")
    url, folder = f"http://{settings.host}:{settings.port}", quote(f"{settings.var_dir}/")
    screen.say(f"Serving the sample on {url} until Ctrl-C.", "")
    screen.say("In a browser, as an administrator; this link signs you in once, within ten minutes:", "")
    screen.line(f"  {url}/console#sign-in={await services.sessions.make_ticket(key)}\n")
    screen.say("In another terminal, with the key made just now:", "")
    screen.line(
        f"  export DOSSIER_KEY={key}\n"
        f"  export DOSSIER_URL={url}\n"
        f"  .venv/bin/dossier search {IDENTIFIER}\n"
        f"  .venv/bin/dossier export {IDENTIFIER} --device MacBook --browser Chrome --output {folder}\n"
        "  .venv/bin/dossier history\n"
        '  curl -H "Authorization: Bearer $DOSSIER_KEY" $DOSSIER_URL/v1/me\n'
    )
    return await serve(server, sockets, services.crew)


async def _new_key(keys: Keys, name: str) -> str:
    """A key of this name; the one of an earlier run ends, because a name belongs to one live key."""
    for row in await keys.listed():
        if row.name == name and row.revoked_at is None:
            await keys.revoke(row.id)
    return await keys.create(KeyOrder(name, (DATA_CENTER,), "administrator", None, ("erasures:create",)))


@contextmanager
def _serving(settings: Settings, services: Services, sockets: list[socket]) -> Iterator[tuple[str, str]]:
    """Address and key of the real server, which runs in a thread for as long as the block."""
    server, key = Guest(config_of(settings, services)), Future[str]()

    async def work() -> None:
        try:
            configure("text", logging.WARNING)
            await prepare_schema(settings, services.database)
            key.set_result(await _new_key(services.keys, "demo"))
        except Exception as error:
            key.set_exception(error)
            raise
        await serve(server, sockets, services.crew)

    thread = Thread(target=asyncio.run, args=(work(),), name="the demo's server")
    thread.start()
    try:
        yield f"http://{settings.host}:{sockets[0].getsockname()[1]}", key.result()
    finally:
        server.should_exit = True
        thread.join()


class Demo:
    """The story as a person wants to see it in a terminal."""

    def __init__(self, screen: Screen, service: Service, folder: Path, *, erases: bool) -> None:
        self._screen, self._service, self._folder, self._erases = screen, service, folder, erases

    def tell(self, identifier: str) -> int:
        """The exit code."""
        try:
            self._tell(identifier)
        except Ended as ended:
            # The demo's server ends with it, so nothing goes on that could be had later.
            if ended.code != Code.INTERRUPTED:
                self._screen.error(ended)
            return ended.code
        return Code.DONE

    def _tell(self, identifier: str) -> None:
        self._screen.say(f"\nSearching every data source of Acme Outdoor for {identifier}:")
        found = self._service.search(identifier)
        self._screen.say(*shown(found))
        offered = candidates(found)
        if not offered:
            names = " and ".join(source["title"] for source in found["data_sources"])
            self._screen.say(f"\nNo data is held about {identifier} in {names}. That, too, is an answer to give.")
            return
        one = max(offered, key=lambda one: one.found["interactions"] or 0)
        self._screen.say(
            "\nAnybody can type somebody else's email into a form. So the administrator asks the person for device and "
            f"browser, and chooses exactly one line. The answer here: {one.number}, {one.described}.\n"
        )
        export = finished(self._service, self._screen, requested(self._service, one.found["candidate"])["id"])
        require_ready(export)
        self._explain(downloaded(self._service, self._screen, export, str(self._folder)), export)
        if self._erases:
            self._erase(one, identifier)

    def _explain(self, path: Path, export: Json) -> None:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("META/manifest.json"))
            members = [f"  {one.filename:22}{one.file_size:>14,} bytes" for one in archive.infolist()]
            with archive.open("personal-data.json") as document:
                beginning = document.read(_SHOWN_BYTES).decode("utf-8", "ignore")
        say, line = self._screen.say, self._screen.line
        say("\nIn the ZIP:", "\n".join(members), "\nWhat is in personal-data.json:", *sections(manifest))
        say("Its first rows:")
        line("\n".join(f"  {row}" for row in first_rows(beginning)))
        line(f"\nThe archive: {path}")
        say(f"Its link works until {export['expires_at']}, 14 days after it was compiled.")
        line(_next(path, self._folder / "opened"))

    def _erase(self, one: Candidate, identifier: str) -> None:
        say, service = self._screen.say, self._service
        say("\nNow the same person wants all of it erased. The preview counts, and changes nothing:")
        plan = service.preview(one.found["candidate"])
        say(*previewed(plan, one, keeps_exports=False))
        handle = plan["visitor"]["handle"]
        say(f"\nTo be sure, the administrator types the visitor's handle, {handle}. On a copy of the sample:\n")
        begun = service.erase(plan["plan"], handle, None, revokes_exports=True)
        erasure = finished(service, self._screen, begun["id"], "erasure")
        require_done(service, erasure)
        say(f"Erased, and counted once more. The same search for {identifier} again:")
        say(*shown(service.search(identifier)))
        say("\nThe receipt, signed, and as a page:")
        for media, form in (("application/json", "json"), ("text/html", "html")):
            receipt = service.receipt(erasure["id"], media)
            self._screen.line(f"  {kept(receipt, erasure, str(self._folder), form)}")


def _next(archive: Path, opened: Path) -> str:
    """Lines to be copied as they are; unzip is not everywhere."""
    zipped, folder = quote(str(archive)), quote(str(opened))
    return (
        "\nTry next:\n\n"
        f"  # Unpacks it; then open {opened / 'report.html'} in a browser, and viewer.html beside it for every entry.\n"
        f"  .venv/bin/python -m zipfile -e {zipped} {folder}\n"
        "  # Checks it against its own manifest.\n"
        f"  .venv/bin/python -m app verify {zipped}\n"
        "  # A browser that two people share, and somebody about whom nothing is held.\n"
        "  .venv/bin/python -m app demo --identifier family@example.com\n"
        "  .venv/bin/python -m app demo --identifier nobody@example.com\n"
        "  # Erases the visitor after the export, on a copy of the sample.\n"
        "  .venv/bin/python -m app demo --erase\n"
        "  # Serves this sample; prints a link to its page, and a key.\n"
        "  make run"
    )
