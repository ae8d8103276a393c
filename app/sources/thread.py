"""A thread for one session: a blocking driver runs in it, item by item, and the event loop awaits what it makes."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
Item = TypeVar("Item")


class SessionThread:
    """Of its own, because a slow archive store may hold every thread of a common pool. And blocking, because a driver
    that asks the event loop for every few kilobytes spends more on asking than on reading."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "source")

    async def run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def each(self, items: Generator[Item], interrupt: Callable[[], None]) -> AsyncGenerator[Item]:
        """The items, each made in the thread. Where nobody wants the rest, `interrupt` is called from another thread
        to end what the driver is doing in this one."""
        exhausted = False
        try:
            while (item := await self.run(lambda: next(items, None))) is not None:
                yield item
            exhausted = True
        finally:
            if not exhausted:
                await asyncio.to_thread(interrupt)
            await self.run(items.close)

    def end(self) -> None:
        self._pool.shutdown(wait=False)
