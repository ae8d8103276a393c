"""The bell: wakes whoever takes up jobs, and says nothing else."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from app.kit.errors import Unavailable

# Does one piece of work, if there is one, and says whether there was.
Piece = Callable[[], Awaitable[bool]]


class BellSilent(Unavailable):
    """The bell cannot be rung. Nothing is lost: whoever compiles also asks for work every few seconds."""

    slug = "bell-silent"
    title = "The bell cannot be rung"


class Bell(Protocol):
    """Rung twice it is harmless; a ring that is lost is rung again by the tick."""

    async def ring(self) -> None:
        """Never fails and never takes long: the work is in the database already."""

    async def answer(self, piece: Piece, at_once: int) -> None:
        """Never returns. Calls `piece` again and again, so many at once. Cancelled, it
        takes nothing new, and gives what runs some seconds to end before that is cancelled too."""

    async def check(self) -> None:
        """Raises BellSilent."""

    async def close(self) -> None: ...
