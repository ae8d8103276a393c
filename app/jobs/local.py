"""The bell inside one process."""

from app.jobs.port import Piece
from app.jobs.takers import Takers


class LocalBell:
    """Implements Bell. Other processes do not hear it: they find the work when they ask for some, every few seconds."""

    def __init__(self) -> None:
        self._takers = Takers()

    async def ring(self) -> None:
        self._takers.wake()

    async def answer(self, piece: Piece, at_once: int) -> None:
        await self._takers.answer(piece, at_once)

    async def check(self) -> None:
        """A bell in the same process is always in reach."""

    async def close(self) -> None:
        """Nothing is open."""
