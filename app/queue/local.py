"""The bell inside the API's own process, with a few takers that answer it."""

import asyncio
from collections.abc import Awaitable, Callable

from app.kit.logs import log, whereabouts

_ASK_ANYWAY_SECONDS = 3.0


class LocalBell:
    """Implements Bell. A taker works until nothing is left, then waits for the bell or a few seconds."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    async def ring(self) -> None:
        self._rung.set()

    async def answer(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Never returns; `work` does one piece and says whether there was one."""
        while True:
            try:
                while await work():
                    pass
            except Exception as error:  # noqa: BLE001  the worker's last line: one lost attempt must not stop it
                log.error("a worker stumbled: %s", whereabouts(error))
            try:
                async with asyncio.timeout(_ASK_ANYWAY_SECONDS):
                    await self._rung.wait()
            except TimeoutError:
                continue
            self._rung.clear()
