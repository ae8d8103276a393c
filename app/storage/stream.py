"""An archive on its way into a store, which can be told to stop."""

from collections.abc import Callable, Iterator

from app.kit.pipe import Closed


class Stoppable:
    """Hands chunks on until `stop`, which any thread may call; then it raises instead of handing on the next one."""

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
