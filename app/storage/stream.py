"""A stream on its way into a store, which can be told to stop while another thread waits for its next chunk."""

from collections.abc import Callable, Iterator

from app.kit.pipe import Closed


class Stoppable:
    """Hands chunks on until `stop`, which any thread may call; then it raises Closed instead of handing on the next.

    A thread cannot be interrupted in Python. So `stop` also calls what the stream's maker gave: that frees the thread
    where it waits for the source of the chunks, and the sign here ends it where it is between two of them.
    """

    def __init__(self, chunks: Iterator[bytes], stop: Callable[[], None] | None) -> None:
        self._chunks, self._stop = chunks, stop
        self.stopped = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        if self.stopped:
            raise Closed
        return chunk

    def stop(self) -> None:
        self.stopped = True
        if self._stop:
            self._stop()
