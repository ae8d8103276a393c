"""PostgreSQL is killed under many who search: each is answered, and nothing is told that was not recorded."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.kit.clock import now
from app.kit.seal import Hashes, Keyring
from app.sources.handles import Handles
from app.sources.identifier import Identifier
from tests.builders import COOKIE, write_website
from tests.servers import Postgres, new_database, running
from tests.silence import within
from tests.small import CENTER, TABLES, mapping, toml
from tests.stack import SECRET, Stack, standing

CLIENTS, PAUSE_SECONDS, ANSWER_SECONDS = 50, 0.1, 15
# Longer than a key is believed without a look at the database; and hardly at all.
LONG_SECONDS, SHORT_SECONDS, WELL_SECONDS = 1.1, 0.1, 5
BLOWS, BLOW_SECONDS = 10, 0.05
BACKENDS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
EVENTS = "SELECT details FROM audit_events WHERE action = 'visitors:search' AND data_center = %s"
ANSWERED, NO_SOURCE, NO_DATABASE = "answered", "source-unavailable", "503 /problems/database-unavailable"
Events = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, and the identifier that nobody else has searched for."""

    identifier: str
    begun: float
    answer: httpx.Response

    @property
    def source(self) -> dict[str, Any]:
        (only,) = self.answer.json()["data_sources"]
        return dict(only)

    @property
    def outcome(self) -> str:
        if self.answer.status_code == 200:
            return str(self.source["problem"] or self.source["status"])
        assert self.answer.headers["content-type"] == "application/problem+json", self.answer.text
        return f"{self.answer.status_code} {self.answer.json()['type']}"


@dataclass(slots=True)
class Crowd:
    """Clients that search one data center, each for another identifier every time."""

    address: str
    key: str
    told: list[Told] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)
    ended: bool = False

    async def search_on_and_on(self) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        # No client reads the authorities of TLS, which nobody uses here and which take longer than ten searches.
        async with httpx.AsyncClient(headers=headers, timeout=ANSWER_SECONDS, verify=False) as client:
            while not self.ended:
                await self._search(client)
                await asyncio.sleep(PAUSE_SECONDS)

    async def is_well(self) -> None:
        """As many answers as there are clients are good, one after the other, to what was asked from now on."""
        begun = time.monotonic()
        async with within(WELL_SECONDS, "good answers to everybody"):
            while not self._is_well_since(begun):
                await asyncio.sleep(0.05)

    def _is_well_since(self, begun: float) -> bool:
        good = [one for one in self.told[-CLIENTS:] if one.begun > begun and one.outcome == ANSWERED]
        return len(good) == CLIENTS

    async def _search(self, client: httpx.AsyncClient) -> None:
        """Who gets no answer at all raises an error of httpx, which ends the test."""
        # The source looks for the part before the dot, the audit trail tells of the whole.
        identifier, begun = f"{COOKIE}.{next(self.numbers)}", time.monotonic()
        answer = await client.post(self.address, json={"identifier": identifier})
        self.told.append(Told(identifier, begun, answer))


@dataclass(frozen=True, slots=True)
class Site:
    """Where a data center's website lies: acme's on the server of the own database, globex's in a file, and initech's
    on a server for itself."""

    stack: Stack
    other: Postgres
    key: str

    @asynccontextmanager
    async def crowd(self, center: str) -> AsyncIterator[Crowd]:
        crowd = Crowd(f"{self.stack.address(0)}/v1/data-centers/{center}/visitors/search", self.key)
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(crowd.search_on_and_on())
            try:
                yield crowd
            finally:
                crowd.ended = True

    def events(self, center: str) -> Events:
        """By the keyed hash of what was searched for."""
        found: Events = defaultdict(list)
        with psycopg.connect(self.stack.postgres.url) as connection:
            for (details,) in connection.execute(EVENTS, (center,)):
                found[details["identifier_hash"]].append(details)
        return found

    def handles(self) -> Handles:
        with psycopg.connect(self.stack.postgres.url) as connection:
            ((sealed,),) = connection.execute("SELECT sealed FROM index_keys")
        return Handles(Hashes([Keyring(SECRET).open("index key", sealed, now())]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("killed")
    write_website(folder / "website.db")
    environ = {"DOSSIER_DATA_CENTERS": str(_mappings(folder)), "GLOBEX_URL": f"sqlite:///{folder / 'website.db'}"}
    with ExitStack() as opened, ThreadPoolExecutor(1) as pool:
        # Meanwhile, because each takes its seconds.
        starting = pool.submit(opened.enter_context, running(Postgres, "18"))
        stack = opened.enter_context(standing(folder, environ, apis=0, workers=0))
        other = starting.result()
        stack.environ |= {"ACME_URL": _filled(stack.postgres), "INITECH_URL": _filled(other)}
        site = Site(stack, other, stack.key("maria", "acme", "globex", "initech"))
        stack.add_api()
        stack.wait_until_ready()
        yield site


def _mappings(folder: Path) -> Path:
    centers = folder / "data-centers"
    for center in ("acme", "globex", "initech"):
        (centers / center).mkdir(parents=True)
        (centers / center / "center.toml").write_text(CENTER)
        website = mapping(dsn=f"{center.upper()}_URL", tracking_id_pattern=r"^(\d+)\.")
        (centers / center / "website.toml").write_text(toml(website))
    return centers


def _filled(server: Postgres) -> str:
    url = new_database(server.url, "site")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES.encode())
    return url


@pytest.mark.parametrize("center", ["acme", "globex"])
async def test_every_search_is_answered_and_recorded_while_the_own_database_is_killed(site: Site, center: str) -> None:
    async with site.crowd(center) as crowd:
        await outlives_what_happens_to(site.stack.postgres, crowd)
    outcomes = {one.outcome for one in crowd.told}
    # A source that died too may be named before the own database is missed.
    assert outcomes - ({NO_SOURCE} if center == "acme" else set()) == {ANSWERED, NO_DATABASE}
    each_answer_has_its_event(crowd.told, center, site)
    assert "Traceback" not in site.stack.said()


async def test_every_search_names_its_source_and_is_recorded_while_that_alone_is_killed(site: Site) -> None:
    async with site.crowd("initech") as crowd:
        await outlives_what_happens_to(site.other, crowd)
    assert {one.outcome for one in crowd.told} == {ANSWERED, NO_SOURCE}
    each_answer_has_its_event(crowd.told, "initech", site)
    assert "Traceback" not in site.stack.said()


async def outlives_what_happens_to(server: Postgres, crowd: Crowd) -> None:
    await crowd.is_well()
    await is_killed(server, LONG_SECONDS)
    await crowd.is_well()
    await loses_its_backends(server)
    await crowd.is_well()
    await is_killed(server, SHORT_SECONDS)
    await crowd.is_well()


async def is_killed(server: Postgres, seconds: float) -> None:
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(server.start)


async def loses_its_backends(server: Postgres) -> None:
    """Again and again, so that statements and commits are cut short too."""
    async with await psycopg.AsyncConnection.connect(server.url, autocommit=True) as connection:
        for _ in range(BLOWS):
            await connection.execute(BACKENDS)
            await asyncio.sleep(BLOW_SECONDS)


def each_answer_has_its_event(told: list[Told], center: str, site: Site) -> None:
    """Exactly one, which says the same. A search that failed may have been recorded, once."""
    events, handles = site.events(center), site.handles()
    hashes = [handles.identifier(center, Identifier.typed(one.identifier)).digest for one in told]
    assert events.keys() <= set(hashes)
    for one, hashed in zip(told, hashes, strict=True):
        recorded = [(event["visitors"], event["unavailable"]) for event in events.get(hashed, [])]
        if one.answer.status_code == 200:
            expected = (len(one.source["visitors"]), int(one.source["status"] == "unavailable"))
            assert recorded == [expected], (one.identifier, one.outcome, recorded)
        assert len(recorded) <= 1, (one.identifier, one.outcome, recorded)
