"""The open connections of one server: how many there may be, and which makes room for a new one."""

import resource
from typing import Protocol

# Whoever serves more at once runs more processes; a connection that waits costs some 20 KB.
MOST_CONNECTIONS = 2_000
# For the databases, the store, files that are being sent, and connections that are about to end.
_RESERVED_DESCRIPTORS = 384
_MOST_ENDING = 128
_ENOUGH_DESCRIPTORS = 65_536
_FEWEST = 16


class Line(Protocol):
    """A connection, as far as it concerns here."""

    @property
    def idle(self) -> bool:
        """Whether nothing of an answer is still to be sent on it."""

    def drop(self) -> None:
        """Closes it at once."""


class Lines:
    """Strangers may hold as many as there are, half-sent; who comes next gets the place of the one that has kept the
    service waiting longest. None of this looks at addresses: behind a proxy they are all the same."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._open = set[Line]()
        # Oldest first, as a dict keeps them.
        self._waiting, self._ending = dict[Line, None](), dict[Line, None]()

    def admit(self, line: Line) -> bool:
        """Whether there is a place for it. It waits for a request then."""
        if len(self._open) >= self._most and not self._make_room():
            return False
        self._open.add(line)
        self._waiting[line] = None
        return True

    def busy(self, line: Line) -> None:
        """Its request is complete, or at least its head."""
        self._waiting.pop(line, None)

    def waits(self, line: Line) -> None:
        """It has been answered, and waits for its next request."""
        if line in self._open:
            self._waiting[line] = None

    def ends(self, line: Line) -> None:
        """It has had its last answer, and is closed soon; at once where too many are."""
        self.gone(line)
        self._ending[line] = None
        if len(self._ending) > _MOST_ENDING:
            oldest = next(iter(self._ending))
            del self._ending[oldest]
            oldest.drop()

    def gone(self, line: Line) -> None:
        self._open.discard(line)
        self._waiting.pop(line, None)
        self._ending.pop(line, None)

    def _make_room(self) -> bool:
        oldest = next((one for one in self._waiting if one.idle), None)
        if oldest is None:
            return False
        self.gone(oldest)
        oldest.drop()
        return True


def lines_of_process() -> Lines:
    """As many as the process has descriptors for."""
    return Lines(max(_FEWEST, min(MOST_CONNECTIONS, _descriptors() - _RESERVED_DESCRIPTORS)))


def _descriptors() -> int:
    """How many this process may have open, having asked for as many as it is allowed to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wished = _ENOUGH_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wished:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wished, hard))
        return wished
    return _ENOUGH_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
