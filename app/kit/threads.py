"""Threads for calls that block: nobody waits for one that does not come back, and each of those is counted.

The standard library's pools do not fit: they wait for every thread when the interpreter ends, and a call that hangs
would take one of their few threads away for good.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from app.kit.logs import log

Result = TypeVar("Result")
_IDLE_AT_MOST = 8
# What is stopped may tidy up for so long before it is given up.
_GRACE_SECONDS = 0.25


class DaemonThread:
    """One thread that does what it is given, one piece after the other.

    The interpreter, when it ends, waits for every thread that is no daemon; this one may hang for ever.
    """

    def __init__(self) -> None:
        self._works: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._live, name="dossier-call", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """A future of the running loop. Cancelling it does not stop the work."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        # asyncio prints an error that nobody asked for. Here nobody does, once the caller has been cancelled.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._works.put(lambda: _settle(loop, future, work))
        return future

    def post(self, work: Callable[[], None]) -> None:
        """From any thread; the work answers for its own errors."""
        self._works.put(work)

    def end(self) -> None:
        """Once everything that it was given is done."""
        self._works.put(None)

    @property
    def lives(self) -> bool:
        return self._thread.is_alive()

    def _live(self) -> None:
        while work := self._works.get():
            work()


class Threads:
    """Lends threads, which are used again, and counts those that were given up while a call still held them."""

    def __init__(self) -> None:
        self._idle: list[DaemonThread] = []
        self._given_up: list[DaemonThread] = []

    @property
    def abandoned(self) -> int:
        """How many of those that were given up still hang."""
        self._given_up = [one for one in self._given_up if one.lives]
        return len(self._given_up)

    def take(self) -> DaemonThread:
        return self._idle.pop() if self._idle else DaemonThread()

    def give_back(self, thread: DaemonThread) -> None:
        """One that has done all that it was given."""
        if len(self._idle) < _IDLE_AT_MOST:
            self._idle.append(thread)
        else:
            thread.end()

    def give_up(self, thread: DaemonThread, what: str) -> None:
        """It ends when its call comes back, if ever."""
        thread.end()
        self._given_up.append(thread)
        log.warning("%s did not end when it was told to; %d such calls hang", what, self.abandoned)

    async def run(
        self, work: Callable[[], Result], what: str, stop: Callable[[], None] | None = None,
        grace: float = _GRACE_SECONDS,
    ) -> Result:  # fmt: skip
        """The work's result or error. If the caller is cancelled, `stop` tells the work so, which has some time then to
        tidy up and end; a thread that is still held after that is left behind under the name `what`."""
        thread = self.take()
        doing = thread.do(work)
        try:
            # Shielded, because a cancelled future would look as if the thread had ended.
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            if stop:
                stop()
            await asyncio.wait({doing}, timeout=grace)
            raise
        finally:
            if doing.done():
                self.give_back(thread)
            else:
                self.give_up(thread, what)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().end()


def _settle(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], work: Callable[[], Any]) -> None:
    result, error = None, None
    try:
        result = work()
    except BaseException as caught:  # noqa: BLE001  whatever it is, it belongs to whoever waits
        error = caught

    def settle() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    # A call that hung may come back when its loop has long ended; then there is nobody to tell.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(settle)
