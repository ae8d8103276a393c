"""The base of engines whose driver blocks: each session has a thread of its own, and ends when it is told to.

Three threads meet in a session. The event loop begins and ends it, and never waits for the driver. The session's own
thread is the only one that reads through the driver, so a call that hangs holds nothing but that thread. The thread
that uploads the archive takes the encoded rows out of a bounded pipe: where the store is slow, the pipe is full, and
the session's thread waits before it asks the database for more.
"""

import asyncio
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from time import monotonic
from typing import Any, TypeVar

from app.kit.logs import log
from app.kit.pipe import Closed, Pipe
from app.kit.threads import DaemonThread, Threads
from app.sources.engine import Limits, LookUp, Places, Session, answered
from app.sources.port import SourceUnavailable

Result = TypeVar("Result")
Item = TypeVar("Item")
# Each step that ends a session may take so long, before the next, harder one.
_BY_ITSELF_SECONDS, _INTERRUPTED_SECONDS, _DISCONNECTED_SECONDS = 0.05, 0.4, 0.3
# A database may sort for long before the first row. So after this much silence the server is asked whether it answers
# anybody at all; the first question without an answer may be chance, the second means that it is gone.
_SILENT_SECONDS, _MOST_UNANSWERED = 5.0, 2
_AHEAD_BYTES = 1 << 20


class Cable:
    """A second handle on the socket of a driver's connection, to cut it from another thread: the driver may close its
    own at any moment, and that number may be another socket's by then."""

    def __init__(self, handle: int) -> None:
        self._socket = socket.socket(fileno=os.dup(handle))

    def cut(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


class BlockingSession(Session, ABC):
    """One read-only transaction; an engine fills in these hooks, and what Session asks for. Everything runs in the
    session's own thread but `interrupt`, `disconnect` and `server_answers`: those are for the moment when it hangs.
    What connects to a server by a socket keeps a `cable` to it."""

    cable: Cable | None = None

    @abstractmethod
    def open(self) -> None:
        """Connects and begins. Raises SourceUnavailable."""

    @abstractmethod
    def close(self) -> None:
        """Ends what `open` began, however far that came."""

    @abstractmethod
    def interrupt(self) -> None:
        """From another thread: asks the database to end the statement that runs. May block for a moment."""

    def disconnect(self) -> None:
        """From another thread: shuts the connection under the driver, so that its call comes back. Never blocks."""
        if self.cable:
            self.cable.cut()

    def server_answers(self) -> bool:
        """From another thread: whether the server answers anybody. May block for seconds."""
        return True


class ThreadedEngine(ABC):
    """Implements Engine over sessions that block."""

    def __init__(self, limits: Limits, threads: Threads) -> None:
        self.limits, self.threads = limits, threads
        self.places = Places(limits.connections)

    @abstractmethod
    def new(self, seconds: float) -> BlockingSession:
        """A session that is not open yet, and whose statements end after so many seconds."""

    async def find(self, look_up: Callable[[], LookUp[Result]]) -> Result:
        async with self.session(long=False) as session:
            return await session.run(lambda inside: answered(inside, look_up()))

    @asynccontextmanager
    async def session(self, *, long: bool) -> AsyncIterator["ThreadedSession"]:
        async with self.places.take(long=long):
            seconds = self.limits.export_seconds if long else self.limits.search_seconds
            session = ThreadedSession(self.new(seconds), self.threads)
            watching = asyncio.create_task(session.watch(), name="watching a source")
            try:
                await session.begin()
                yield session
            finally:
                watching.cancel()
                # Whoever is cancelled may be cancelled once more while it ends the session. The shield lets that end go
                # on by itself then, so that the database is left alone in any case.
                await asyncio.shield(session.end())

    async def close(self) -> None:  # noqa: B027  nothing stays open between sessions, unless an engine keeps it
        """Closes what the engine keeps between sessions."""


class ThreadedSession:
    """Implements LiveSession.

    The thread is given the session's opening, its reading and its closing, one after the other. So whatever was opened
    is closed, even where the thread comes back from the driver long after everybody else has left.
    """

    def __init__(self, session: BlockingSession, threads: Threads) -> None:
        self._session, self._threads = session, threads
        self._thread: DaemonThread = threads.take()
        self._pipe = Pipe[Any](_AHEAD_BYTES)
        self._stopped = False
        # Since when the thread waits for the database, if it does; `watch` reads it from the event loop.
        self._waits_since: float | None = None

    async def begin(self) -> None:
        await self._timed(self._session.open)

    async def run(self, work: Callable[[Session], Result]) -> Result:
        return await self._timed(lambda: work(self._session))

    def read_ahead(self, make: Callable[[Session], Generator[Item]], weigh: Callable[[Item], int]) -> Iterator[Item]:
        pipe = Pipe[Item](_AHEAD_BYTES)
        self._pipe = pipe
        # Looked at after the pipe is in its place: `stop` either closes this pipe, or has been seen here.
        if self._stopped:
            raise Closed
        self._thread.post(lambda: self._fill(pipe, make, weigh))
        yield from pipe

    def stop(self) -> None:
        self._stopped = True
        self._pipe.close()

    async def watch(self) -> None:
        """Ends a session whose server has fallen silent: no row for long, and nobody else is answered either. The
        thread itself cannot notice, because it hangs in the driver."""
        unanswered = 0
        while unanswered < _MOST_UNANSWERED:
            await asyncio.sleep(1)
            since = self._waits_since
            if since is None or monotonic() - since < _SILENT_SECONDS:
                unanswered = 0
                continue
            answers = await self._threads.run(self._session.server_answers, "asking whether a source answers")
            unanswered = 0 if answers else unanswered + 1
        log.warning("a data source fell silent while it was read")
        self._session.disconnect()
        self._pipe.close(SourceUnavailable("The server fell silent."))

    async def end(self) -> None:
        """Closes the session in its thread, within a second. Python cannot end a thread from outside, so one that
        hangs in the driver is freed through the database: first the statement is interrupted, which a healthy server
        obeys at once, then the connection is shut. Where even that does not help, the thread is left behind and
        counted, and nobody waits for it."""
        self.stop()
        closed = self._thread.do(self._session.close)
        if not await _done(closed, _BY_ITSELF_SECONDS):
            asking = self._threads.run(self._session.interrupt, "interrupting a source")
            interrupting = asyncio.create_task(asking, name="interrupting a source")
            if not await _done(closed, _INTERRUPTED_SECONDS):
                self._session.disconnect()
                await _done(closed, _DISCONNECTED_SECONDS)
            interrupting.cancel()
        if closed.done():
            self._threads.give_back(self._thread)
        else:
            self._threads.give_up(self._thread, "reading a data source")

    async def _timed(self, work: Callable[[], Result]) -> Result:
        """Does the work in the thread, and lets `watch` see for how long it waits."""
        return await self._thread.do(lambda: self._clocked(work))

    def _clocked(self, work: Callable[[], Result]) -> Result:
        self._waits_since = monotonic()
        try:
            return work()
        finally:
            self._waits_since = None

    def _fill(self, pipe: Pipe[Item], make: Callable[[Session], Generator[Item]], weigh: Callable[[Item], int]) -> None:
        """In the thread: each wait for the database is clocked apart, for the wait for room in the pipe is no silence
        of the server's."""
        try:
            with closing(make(self._session)) as items:
                while (item := self._clocked(lambda: next(items, None))) is not None:
                    pipe.put(item, weigh(item))
            pipe.end()
        except Closed:
            return
        except Exception as error:  # noqa: BLE001  whatever it is, the reader on the other side must meet it
            pipe.end(error)


async def _done(future: asyncio.Future[None], seconds: float) -> bool:
    await asyncio.wait({future}, timeout=seconds)
    return future.done()
