"""PostgreSQL's asynchronous driver, so that nobody waits for a server which does not answer."""

from typing import Any, TypeVar

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen

Result = TypeVar("Result")
_LOOK_SECONDS = 0.1


class Connection(psycopg.AsyncConnection[Any]):
    """As the library's, but for the end of a wait.

    The library's own, once cancelled, asks the server to stop and then waits for it, for ever where the server is
    silent. This one leaves at once, with the query still running: whoever cancels must close the connection.
    """

    patience: float | None = None

    async def wait(
        self, gen: PQGen[Result], interval: float = _LOOK_SECONDS, timeout: float | None = None  # noqa: ASYNC109
    ) -> Result:  # fmt: skip
        """Raises OperationalError, and closes the connection, where the server says nothing for `patience` seconds."""
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval, timeout or self.patience)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001  the name under which the library documents it
            if timeout:
                raise
            await self.close()
            raise psycopg.OperationalError("the server does not answer") from error
