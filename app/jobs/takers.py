"""Takers: the tasks of a process that take up work, so many at once, woken by a bell or by themselves."""

import asyncio

from app.jobs.port import Piece
from app.kit.crew import first_to_end
from app.kit.logs import log, whereabouts

_ASK_ANYWAY_SECONDS = 3.0
# Work that is about to end may do so when the process is told to stop. What takes longer is cancelled and handed back,
# in time before a supervisor loses patience and kills the process.
_GRACE_SECONDS = 1.5


class Takers:
    """Each works until nothing is left, then waits to be woken, or asks again after some seconds. `idle` says how many
    wait: whether this process has room."""

    def __init__(self, ask_seconds: float = _ASK_ANYWAY_SECONDS) -> None:
        self._ask_seconds = ask_seconds
        self._woken = asyncio.Event()
        self._stopping = False
        self.idle = 0

    def wake(self) -> None:
        self._woken.set()

    async def answer(self, piece: Piece, at_once: int) -> None:
        """As `Bell.answer`."""
        takers = [asyncio.create_task(self._take(piece), name=f"taker {number}") for number in range(1, at_once + 1)]
        try:
            await first_to_end(takers)
        finally:
            self._stopping = True
            self.wake()
            await asyncio.wait(takers, timeout=_GRACE_SECONDS)
            for taker in takers:
                taker.cancel()
            await asyncio.gather(*takers, return_exceptions=True)

    async def _take(self, piece: Piece) -> None:
        while not self._stopping:
            try:
                while await piece() and not self._stopping:
                    pass
            except Exception as error:  # noqa: BLE001  the worker's last line: one lost attempt must not stop it
                log.error("a worker stumbled: %s", whereabouts(error))
            if not self._stopping:
                await self._wait()

    async def _wait(self) -> None:
        self.idle += 1
        try:
            async with asyncio.timeout(self._ask_seconds):
                await self._woken.wait()
            self._woken.clear()
        except TimeoutError:
            return
        finally:
            self.idle -= 1
