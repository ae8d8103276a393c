"""The bell: wakes whoever compiles archives, and says nothing else."""

from typing import Protocol


class Bell(Protocol):
    """Rung twice it is harmless; a ring that is lost is rung again by the tick."""

    async def ring(self) -> None: ...
