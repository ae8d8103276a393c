"""A bounded hand-over from the event loop to one thread, so that a slow reader slows the writer down."""

import asyncio
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")


class _End:
    """Marks the end of the stream, and the error that ended it, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Pipe(Generic[Item]):
    """One side awaits `put`, the other iterates `items` in a thread; at most `size` items wait between."""

    def __init__(self, size: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(size)
        self._queue: SimpleQueue[Item | _End] = SimpleQueue()

    async def put(self, item: Item) -> None:
        await self._room.acquire()
        self._queue.put(item)

    def end(self, error: BaseException | None = None) -> None:
        """No more items; with an error, the thread meets it where it reads on."""
        self._queue.put(_End(error))

    def items(self) -> Iterator[Item]:
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            self._loop.call_soon_threadsafe(self._room.release)
            yield item
