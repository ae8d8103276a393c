"""The same empty database on each engine."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.engines import EACH, POSTGRESQL
from tests.small import Small


@pytest.fixture(params=EACH)
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Small]:
    yield from _small(request, tmp_path, request.param)


@pytest.fixture(params=POSTGRESQL)
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
    yield Small("postgresql", emptied(request.getfixturevalue(engine)), folder)


def emptied(server: str) -> str:
    """One database for all tests, empty again for each: making one takes twenty times as long."""
    url = server.rpartition("/")[0] + "/small"
    with psycopg.connect(server, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'small'").fetchone() is None:
            connection.execute("CREATE DATABASE small")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'small'")
    with psycopg.connect(url, autocommit=True) as connection:
        mine = "SELECT nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'"
        for (schema,) in connection.execute(mine).fetchall():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        connection.execute("CREATE SCHEMA public")
        connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
    return url
