"""What one search costs the databases, statement by statement, as PostgreSQL itself wrote it down."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.builders import BASE, COOKIE, EMAIL, running
from tests.servers import Postgres
from tests.servers import running as running_server
from tests.small import TABLES, mapping, toml, write_mappings

# A key is read again before it is a second old, and a kept connection is tried once it has rested for two.
REFRESH_SECONDS, OLD_KEY_SECONDS, RESTED_SECONDS = 0.7, 1.1, 2.1
MATCHES, COMBINATIONS, TRIAL = "SELECT id AS visitor, email", "SELECT device, browser, os", ""
# The semicolon is the pool's: it tries every connection that it hands out.
KEY = ["BEGIN", "SELECT api_keys.id", "ROLLBACK"]
EVENT = ["BEGIN", "INSERT INTO audit_events", "COMMIT"]
STATEMENT = re.compile(r"^(\w+)> LOG:  (?:statement|execute [^:]+): (.*)$", re.MULTILINE)


class Overheard:
    """A service whose PostgreSQL writes down every statement with the name of its database."""

    def __init__(self, client: httpx.AsyncClient, log: Path) -> None:
        self._client, self._log = client, log

    async def search(self, identifier: str) -> dict[str, list[str]]:
        """What a search sends to each database. It is written down before it is done, so by the answer it is there."""
        begun = self._log.stat().st_size
        await self._answered(identifier)
        said: dict[str, list[str]] = {"own": [], "site": []}
        for database, statement in STATEMENT.findall(self._log.read_bytes()[begun:].decode()):
            said[database].append(statement)
        return said

    async def search_again(self, identifier: str) -> dict[str, list[str]]:
        """The same right after a search that has read the key: at once, however slow the machine is."""
        for _ in range(5):
            await asyncio.sleep(OLD_KEY_SECONDS)
            begun = time.monotonic()
            await self._answered(identifier)
            said = await self.search(identifier)
            if time.monotonic() - begun < REFRESH_SECONDS:
                return said
        raise AssertionError(f"two searches take longer than {REFRESH_SECONDS} s")

    async def _answered(self, identifier: str) -> None:
        answer = await self._client.post(f"{BASE}/visitors/search", json={"identifier": identifier})
        assert [one["status"] for one in answer.json()["data_sources"]] == ["answered"], answer.text


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_server(Postgres, "18") as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET log_line_prefix = '%d> '")
            connection.execute("SELECT pg_reload_conf()")
            for name in ("own", "site"):
                connection.execute(f"CREATE DATABASE {name}".encode())
                connection.execute(f"ALTER DATABASE {name} SET log_statement = 'all'".encode())
                connection.execute(f"ALTER DATABASE {name} SET log_min_messages = 'log'".encode())
        with psycopg.connect(database(server, "site"), autocommit=True) as connection:
            connection.execute(TABLES.encode())
        yield server


def database(server: Postgres, name: str) -> str:
    return f"{server.url.rpartition('/')[0]}/{name}"


@asynccontextmanager
async def overheard(server: Postgres, folder: Path) -> AsyncIterator[Overheard]:
    """Nobody compiles and no tick runs, so whatever is overheard is the search's."""
    mappings, environ = write_mappings(folder, toml(mapping())), {"WEBSITE_URL": database(server, "site")}
    own = database(server, "own")
    async with (
        running(folder, mappings=mappings, environ=environ, work=False, database_url=own) as service,
        await service.client(folder.name) as client,
    ):
        yield Overheard(client, server.folder / "log")


def begin(said: list[str], *expected: str) -> None:
    """As many statements as expected, each with its first words; no words are the empty statement."""
    assert len(said) == len(expected), said
    assert all(one.startswith(words) if words else not one for one, words in zip(said, expected, strict=True)), said


async def test_a_search_sends_two_statements_to_its_source_and_one_transaction_to_the_own_database(
    server: Postgres, tmp_path: Path
) -> None:
    async with overheard(server, tmp_path) as service:
        said = await service.search_again(COOKIE)
        begin(said["site"], MATCHES, COMBINATIONS)
        begin(said["own"], *EVENT)


async def test_a_search_reads_the_key_in_addition_once_it_is_older_than_a_second(
    server: Postgres, tmp_path: Path
) -> None:
    async with overheard(server, tmp_path) as service:
        await service.search(COOKIE)
        await asyncio.sleep(OLD_KEY_SECONDS)
        said = await service.search(COOKIE)
        begin(said["site"], MATCHES, COMBINATIONS)
        begin(said["own"], *KEY, *EVENT)


async def test_a_connection_to_the_source_is_tried_in_addition_once_it_has_rested_for_two_seconds(
    server: Postgres, tmp_path: Path
) -> None:
    async with overheard(server, tmp_path) as service:
        await service.search(COOKIE)
        await asyncio.sleep(RESTED_SECONDS)
        begin((await service.search(COOKIE))["site"], TRIAL, MATCHES, COMBINATIONS)


@pytest.mark.parametrize(("identifier", "visitors"), [("not there", 0), (COOKIE, 1), (EMAIL, 2)])
async def test_a_source_is_sent_one_statement_and_one_more_for_each_visitor(
    server: Postgres, tmp_path: Path, identifier: str, visitors: int
) -> None:
    async with overheard(server, tmp_path) as service:
        said = await service.search_again(identifier)
        begin(said["site"], MATCHES, *[COMBINATIONS] * visitors)
        begin(said["own"], *EVENT)
