"""A canary email and Tracking ID go through every route, job, failure and crash of a whole installation; afterwards they
are nowhere but in the source and in the archives."""

import asyncio
import io
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.builders import BASE, MAPPINGS, candidates, environ_of, finished
from tests.shape.test_no_personal_data import COOKIE, EMAIL, ROUTES, leaks, plant
from tests.stack import Stack, in_turn, standing

EVENTS = 200_000


@dataclass(slots=True)
class Site:
    folder: Path
    stack: Stack
    answers: list[str] = field(default_factory=list)

    def places(self) -> dict[str, Callable[[], str]]:
        return {
            "log lines": self.stack.said,
            "Redis: keys and values": lambda: "\n".join(self.stack.held_in_redis()),
            "the own database: every row of every table": self._rows,
            "the store: object keys, metadata and tags": self._objects,
            "metrics": self._metrics,
            "answers: headers, and bodies but the archives'": lambda: "\n".join(self.answers),
            "titles and arguments of processes": self._titles,
            "files of the processes": self._files,
        }

    def found(self) -> dict[str, tuple[int, list[str]]]:
        """How many characters were searched in each place, and which canaries are there."""
        texts = {name: look() for name, look in self.places().items()}
        return {name: (len(text), leaks(text)) for name, text in texts.items()}

    def _rows(self) -> str:
        with psycopg.connect(self.stack.postgres.url) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            rows = [
                row
                for (name,) in tables
                for (row,) in connection.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(name)))
            ]
        return "\n".join([*(name for (name,) in tables), *rows])

    def _objects(self) -> str:
        client = self.stack.seaweedfs.client()
        told = list(self.stack.seaweedfs.stored())
        for one in client.list_objects("dossier", recursive=True):
            name = str(one.object_name)
            told += [str(client.stat_object("dossier", name).metadata), str(client.get_object_tags("dossier", name))]
        return "\n".join(told)

    def _metrics(self) -> str:
        return "\n".join(httpx.get(f"http://127.0.0.1:{port}/metrics").text for port in self.stack.ports)

    def _titles(self) -> str:
        ours = [one.running.pid for one in (*self.stack.apis, *self.stack.workers) if one.running]
        files = [Path(f"/proc/{pid}/{name}") for pid in ours for name in ("cmdline", "comm")]
        threads = [path for pid in ours for path in Path(f"/proc/{pid}/task").glob("*/comm")]
        return "\n".join(path.read_text().replace("\0", " ") for path in (*files, *threads) if path.exists())

    def _files(self) -> str:
        own = [path for name in ("api-*", "worker-*", "var") for path in self.folder.glob(name)]
        inside = [path for folder in own for path in (folder, *folder.rglob("*"))]
        return "\n".join([*map(str, inside), *(path.read_text("latin-1") for path in inside if path.is_file())])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("nest")
    plant(folder, EVENTS)
    _break_the_ipad(folder)
    environ = environ_of(folder) | {"DOSSIER_DATA_CENTERS": str(MAPPINGS), "DOSSIER_MAX_EXPORTS": "1"}
    with standing(folder, environ) as stack:
        yield Site(folder, stack)


async def test_what_was_typed_is_nowhere_afterwards(site: Site) -> None:
    key = site.stack.key("maria", "acme")
    async with in_turn(site.stack, key) as client:
        client.event_hooks["response"] = [_noting(site.answers)]
        for method, path, sent in ROUTES:
            await client.request(method, path, **sent)  # type: ignore[arg-type]
        broken, done = await _requested(client, "iPad"), await _requested(client, "iPhone")
        assert (await finished(client, broken, 60))["problem"] == "value-not-encodable"
        assert (await finished(client, done, 60))["status"] == "ready"
        url = (await client.post(f"{done}/links")).json()["url"]
        assert (await client.get(url, headers={"Authorization": ""})).status_code == 200
        await _compiling(client, await _requested(client, "iPhone"))
        while_working = site.found()
        for one in (*site.stack.workers, site.stack.apis[0]):
            one.kill()
        _rename(site.folder)
        site.stack.apis[0].start()
        site.stack.wait_until_ready()
        for _ in range(2):
            await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})
    for found in (while_working, site.found()):
        for name, (size, leaking) in found.items():
            print(f"{name:50}{size:>12,} characters, {len(leaking)} finds")
            assert (size > 0, leaking) == (True, []), name


@pytest.mark.parametrize("place", ["log lines", "Redis", "the own database", "the store"])
def test_what_is_planted_in_a_place_is_found_there(site: Site, place: str) -> None:
    _plantings(site)[place]()
    leaking = [name for name, (_, found) in site.found().items() if found]
    assert [name for name in leaking if name.startswith(place)] != []


def _plantings(site: Site) -> Mapping[str, Callable[[], object]]:
    def write(text: str) -> None:
        with site.stack.apis[0].log.open("a") as log:
            log.write(text)

    def insert() -> None:
        with psycopg.connect(site.stack.postgres.url) as connection:
            connection.execute("INSERT INTO key_uses VALUES (%s, now())", (COOKIE[-16:],))

    store = site.stack.seaweedfs.client()
    return {
        "log lines": lambda: write(f"searching for {EMAIL}\n"),
        "Redis": lambda: site.stack.valkey.ask("SET", "last", EMAIL),
        "the own database": insert,
        "the store": lambda: store.put_object("dossier", f"acme/{EMAIL}.zip", io.BytesIO(b"x"), 1),
    }


def _noting(answers: list[str]) -> Callable[[httpx.Response], object]:
    async def note(answer: httpx.Response) -> None:
        body = (
            "" if answer.headers.get("content-type") == "application/zip" else (await answer.aread()).decode("latin-1")
        )
        answers.append(f"{answer.headers}\n{body}")

    return note


async def _requested(client: httpx.AsyncClient, device: str) -> str:
    (token,) = [one["candidate"] for one in await candidates(client, EMAIL) if one["device"] == device]
    return str((await client.post(f"{BASE}/exports", json={"candidate": token})).headers["location"])


async def _compiling(client: httpx.AsyncClient, address: str) -> None:
    async with asyncio.timeout(20):
        while (await client.get(address)).json()["status"] != "compiling":
            await asyncio.sleep(0.02)


def _break_the_ipad(folder: Path) -> None:
    """What its export fails over quotes the canary."""
    with closing(sqlite3.connect(folder / "website.db")) as database, database:
        database.execute("UPDATE events SET meta = 'quetzal' WHERE device = 'iPad'")


def _rename(folder: Path) -> None:
    """So that the source's answer is an error that quotes it."""
    with closing(sqlite3.connect(folder / "website.db")) as database, database:
        database.execute("ALTER TABLE people RENAME TO quetzals")
