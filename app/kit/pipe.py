"""A bounded hand-over from one thread to another: a slow reader slows the writer down, and either side can be freed."""

from collections import deque
from collections.abc import Iterator
from threading import Condition
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Closed(Exception):
    """Nobody wants the rest."""


class Pipe(Generic[Item]):
    """One thread puts, another iterates. What waits between weighs `most` at the most, or is one single item."""

    def __init__(self, most: int) -> None:
        self._changed = Condition()
        self._held: deque[tuple[Item, int]] = deque()
        self._most, self._weight = most, 0
        self._ended = False
        self._error: BaseException | None = None

    def put(self, item: Item, weight: int) -> None:
        """Waits for room. Raises Closed where nobody reads any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or not self._held or self._weight + weight <= self._most)
            if self._ended:
                raise Closed
            self._held.append((item, weight))
            self._weight += weight
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """By the writer: no more items. The reader gets what is still here, and then meets the error."""
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
            self._changed.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """By anybody: neither side waits any more, what is still here is dropped, and the reader meets the error."""
        with self._changed:
            self._held.clear()
            self._weight = 0
            self._ended, self._error = True, error or Closed()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        try:
            while (held := self._next()) is not None:
                yield held[0]
        finally:
            self.close()

    def _next(self) -> tuple[Item, int] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or bool(self._held))
            if not self._held:
                if self._error is not None:
                    raise self._error
                return None
            item = self._held.popleft()
            self._weight -= item[1]
            self._changed.notify_all()
            return item
