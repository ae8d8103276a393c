"""PostgreSQL's driver, so that nobody waits for a server which does not answer, and nothing of it stays open."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import clear_frames
from typing import Any, Self, TypeVar

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen

Result = TypeVar("Result")
Given = str | int | bool | None
_LOOK_SECONDS = 0.1


class Connection(psycopg.AsyncConnection[Any]):
    """The library's connection, but a cancelled wait ends at once.

    The library asks the server to stop the query, and waits until it has, which is for ever where the server is silent.
    Here `patience` (seconds) closes the connection when a wait is cancelled, or when the server has said nothing for so
    long. Without patience the query goes on, and whoever cancels must close the connection.
    """

    patience: float | None = None

    @classmethod
    async def connect(cls, address: str = "", **given: Given) -> Self:  # type: ignore[override]  # no rows of a kind
        with letting_go():
            return await super().connect(address, **given)  # type: ignore[arg-type]  # it knows which is which

    async def wait(
        self, gen: PQGen[Result], interval: float = _LOOK_SECONDS, timeout: float | None = None  # noqa: ASYNC109
    ) -> Result:  # fmt: skip
        """Raises OperationalError where patience ended."""
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval, timeout or self.patience)
        except asyncio.CancelledError:
            if self.patience:
                await self.close()
            raise
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001  the name under which the library documents it
            if timeout:
                raise
            await self.close()
            raise psycopg.OperationalError("the server does not answer") from error


def connect(address: str, **given: Given) -> psycopg.Connection[Any]:
    """The blocking kind."""
    with letting_go():
        return psycopg.connect(address, **given)  # type: ignore[arg-type]  # it knows which is which


@contextmanager
def letting_go() -> Iterator[None]:
    """Lets the socket of an attempt that failed be closed. The driver's error holds the frames in which it was raised,
    and they hold the socket and the error: a circle that stays until the garbage collector runs, in a quiet process for
    hours. Emptying the frames breaks it."""
    try:
        yield
    except (psycopg.Error, asyncio.CancelledError) as error:
        clear_frames(error.__traceback__)
        raise
