"""The base of engines whose driver blocks: a session lives in a thread of its own, and ends when it is told to."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, closing
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
_BY_ITSELF_SECONDS, _ASKED_SECONDS, _CUT_SECONDS = 0.05, 0.4, 0.3
# A database may sort for long before the first row; but a server that answers nobody at all is gone.
# One pulse without an answer may be chance.
_SILENT_SECONDS, _MOST_UNANSWERED = 5.0, 2
_AHEAD_BYTES = 1 << 20


class BlockingSession(Session, ABC):
    """One read-only transaction; an engine fills in the hooks, and what Session asks for. All but `ask`, `cut` and
    `pulse` run in one thread."""

    @abstractmethod
    def open(self) -> None:
        """Connects and begins. Raises SourceUnavailable."""

    @abstractmethod
    def close(self) -> None:
        """Ends what `open` began, however far that came."""

    @abstractmethod
    def ask(self) -> None:
        """From another thread: asks the database to end what it does. May block for a moment."""

    def cut(self) -> None:
        """From another thread: takes the way to the database away, so that the driver comes back. Never blocks."""

    def pulse(self) -> bool:
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
    async def session(self, *, long: bool) -> AsyncIterator["Living"]:
        async with self.places.take(long=long):
            living = Living(self.new(self.limits.export_seconds if long else self.limits.search_seconds), self.threads)
            watching = asyncio.create_task(living.watch())
            try:
                await living.begin()
                yield living
            finally:
                watching.cancel()
                # Shielded, so that a second cancellation cannot leave the session open.
                await asyncio.shield(living.end())

    async def close(self) -> None:  # noqa: B027  nothing stays open between sessions, unless an engine keeps it
        """Closes what the engine keeps between sessions."""


class Living:
    """Implements LiveSession. Its thread opens the session, does what it is given, and closes it, so that nothing
    stays open even where the thread comes back long after everybody has left."""

    def __init__(self, session: BlockingSession, threads: Threads) -> None:
        self._session, self._threads = session, threads
        self._thread: DaemonThread = threads.take()
        self._pipe = Pipe[Any](_AHEAD_BYTES)
        self._stopped = False
        # Since when the thread waits for the database, if it does.
        self._waits_since: float | None = None

    async def begin(self) -> None:
        await self._waited(self._session.open)

    async def run(self, work: Callable[[Session], Result]) -> Result:
        return await self._waited(lambda: work(self._session))

    def ahead(self, make: Callable[[Session], Generator[Item]], weigh: Callable[[Item], int]) -> Iterator[Item]:
        pipe = Pipe[Item](_AHEAD_BYTES)
        self._pipe = pipe
        if self._stopped:
            raise Closed
        self._thread.post(lambda: self._fill(pipe, make, weigh))
        yield from pipe

    def stop(self) -> None:
        self._stopped = True
        self._pipe.close()

    async def watch(self) -> None:
        """Ends a session whose server has fallen silent: no row for long, and nobody else is answered either."""
        unanswered = 0
        while unanswered < _MOST_UNANSWERED:
            await asyncio.sleep(1)
            since = self._waits_since
            if since is None or monotonic() - since < _SILENT_SECONDS:
                unanswered = 0
                continue
            unanswered = 0 if await self._threads.run(self._session.pulse, "a source's pulse") else unanswered + 1
        log.warning("a data source fell silent while it was read")
        self._session.cut()
        self._pipe.close(SourceUnavailable("The server fell silent."))

    async def end(self) -> None:
        """Closes the session in its thread. A thread that the database holds is freed by asking the database first
        and by taking the way to it away then; one that still hangs is left behind."""
        self.stop()
        closed = self._thread.do(self._session.close)
        if not await _done(closed, _BY_ITSELF_SECONDS):
            asking = asyncio.create_task(self._threads.run(self._session.ask, "asking a source to stop"))
            if not await _done(closed, _ASKED_SECONDS):
                self._session.cut()
                await _done(closed, _CUT_SECONDS)
            asking.cancel()
        if closed.done():
            self._threads.give_back(self._thread)
        else:
            self._threads.give_up(self._thread, "reading a data source")

    async def _waited(self, work: Callable[[], Result]) -> Result:
        def timed() -> Result:
            self._waits_since = monotonic()
            try:
                return work()
            finally:
                self._waits_since = None

        return await self._thread.do(timed)

    def _fill(self, pipe: Pipe[Item], make: Callable[[Session], Generator[Item]], weigh: Callable[[Item], int]) -> None:
        try:
            with closing(make(self._session)) as items:
                for item in self._timed(items):
                    pipe.put(item, weigh(item))
            pipe.end()
        except Closed:
            return
        except Exception as error:  # noqa: BLE001  whatever it is, the reader on the other side must meet it
            pipe.end(error)

    def _timed(self, items: Iterator[Item]) -> Iterator[Item]:
        while True:
            self._waits_since = monotonic()
            try:
                item = next(items, None)
            finally:
                self._waits_since = None
            if item is None:
                return
            yield item


async def _done(future: asyncio.Future[None], seconds: float) -> bool:
    await asyncio.wait({future}, timeout=seconds)
    return future.done()
