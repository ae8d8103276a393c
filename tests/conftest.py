"""What every test may ask for: a running service, and real PostgreSQL servers."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from tests.servers import Postgres, SeaweedFS, Server, Valkey, running


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs `async def` tests, each in an event loop of its own."""
    if not asyncio.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(scope="session")
def postgres_16() -> Iterator[str]:
    with running(Postgres, "16") as server:
        yield server.url


@pytest.fixture(scope="session")
def postgres_18() -> Iterator[str]:
    with running(Postgres, "18") as server:
        yield server.url


@pytest.fixture(scope="session")
def valkey() -> Iterator[Server]:
    with running(Valkey) as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[Server]:
    with running(SeaweedFS) as server:
        yield server


def pytest_collection_finish() -> None:
    """What is imported and collected stays: to look for garbage among it takes a share of each test."""
    gc.collect()
    gc.freeze()
