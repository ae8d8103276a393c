"""The same empty database on each engine."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.small import Small

ENGINES = ("sqlite", "postgres_16", "postgres_18")


@pytest.fixture(params=ENGINES)
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Small]:
    yield from _small(request, tmp_path, request.param)


@pytest.fixture(params=ENGINES[1:])
def postgresql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Small]:
    yield from _small(request, tmp_path, request.param)


@pytest.fixture
def sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Small]:
    yield from _small(request, tmp_path, "sqlite")


def _small(request: pytest.FixtureRequest, folder: Path, engine: str) -> Iterator[Small]:
    if engine == "sqlite":
        file = folder / "small.db"
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA journal_mode = WAL")
        yield Small("sqlite", f"sqlite:///{file}", folder)
        return
    server, name = request.getfixturevalue(engine), f"small_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield Small("postgresql", server.rpartition("/")[0] + f"/{name}", folder)
