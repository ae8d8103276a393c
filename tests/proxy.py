"""Stands between Dossier and a real server, and falls silent when told to: connections stay open and answer nothing."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit
from weakref import WeakSet

_CHUNK = 1 << 16
Result = TypeVar("Result")
Predicate = Callable[[bytes], bool]


@dataclass(slots=True, eq=False)
class _Line:
    """One connection of a client, and the one to the server that belongs to it, if there is one."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    dead: bool = False
    client_left: bool = False
    server_left: bool = False


class Proxy:
    """Passes every byte on, on a loopback port and in a thread of its own, which ends with the block.

    A line that was open in a silence is dead for ever: what either side sends is swallowed, a farewell too, so the
    other side learns of nothing. Whoever calls a method finds it done when the call returns."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lines: set[_Line] = set()
        self._writers: WeakSet[asyncio.StreamWriter] = WeakSet()
        self._silent = threading.Event()
        self._quota: int | None = None
        self._predicate: Predicate | None = None
        self.from_client = self.from_server = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {self._target[1]}")
        self._thread.start()
        self._listener = self._done(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._listener.sockets[0].getsockname()[1]
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._done(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url_of(self, url: str) -> str:
        """The same URL, through the proxy."""
        parts = urlsplit(url)
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{self.port}" if user else f"127.0.0.1:{self.port}"))

    def silence(self) -> None:
        """From now on: what is open is dead, and who comes anew is let in and answered nothing."""
        self._told(self._fall_silent)

    def silence_after(self, bytes_from_server: int) -> None:
        """Silent once so many more bytes, to the byte, have come from the server on all lines together."""
        self._told(lambda: setattr(self, "_quota", self.from_server + bytes_from_server))

    def silence_when(self, predicate: Predicate) -> None:
        """Silent at the first piece of a client's bytes of which it is true; that piece is swallowed already."""
        self._told(lambda: setattr(self, "_predicate", predicate))

    def heal(self, *, hang_up: bool) -> None:
        """New connections work. Dead lines are closed to both sides, or left dead until their client goes."""
        self._told(lambda: self._heal(hang_up=hang_up))

    @property
    def is_silent(self) -> bool:
        return self._silent.is_set()

    def fell_silent(self, seconds: float) -> bool:
        """Waits until what it was told to wait for has happened."""
        return self._silent.wait(seconds)

    @property
    def open(self) -> int:
        """Connections that their client still holds."""
        return self._counted(lambda line: not line.client_left)

    @property
    def dead(self) -> int:
        """Those of them that will never be answered."""
        return self._counted(lambda line: line.dead and not line.client_left)

    @property
    def open_to_server(self) -> int:
        return self._counted(lambda line: line.server is not None and not line.server_left)

    def _counted(self, counts: Callable[[_Line], bool]) -> int:
        async def count() -> int:
            return sum(counts(line) for line in self._lines)

        return self._done(count())

    def _told(self, what: Callable[[], None]) -> None:
        async def do() -> None:
            what()

        self._done(do())

    def _done(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _fall_silent(self) -> None:
        self._quota = self._predicate = None
        for line in self._lines:
            line.dead = True
        self._silent.set()

    def _heal(self, *, hang_up: bool) -> None:
        self._quota = self._predicate = None
        self._silent.clear()
        for line in list(self._lines):
            if line.dead and (hang_up or line.client_left):
                self._drop(line)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(writer, dead=self.is_silent)
        self._lines.add(line)
        self._writers.add(writer)
        if line.dead:
            await self._pass_on(line, reader, from_server=False)
            return
        try:
            answers, line.server = await asyncio.open_connection(*self._target)
        except OSError:
            self._drop(line)
            return
        self._writers.add(line.server)
        ways = (self._pass_on(line, reader, from_server=False), self._pass_on(line, answers, from_server=True))
        # Cancelled only when the proxy ends, and then the library would print it.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*ways)

    async def _pass_on(self, line: _Line, reader: asyncio.StreamReader, *, from_server: bool) -> None:
        # Broken off is a way to leave, too.
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                passed = b"" if line.dead else self._passed(chunk, from_server=from_server)
                writer = line.client if from_server else line.server
                # That the other side is gone is noticed by whoever reads from it.
                with suppress(OSError):
                    if passed and writer:
                        writer.write(passed)
                        await writer.drain()
        self._left(line, from_server=from_server)

    def _passed(self, chunk: bytes, *, from_server: bool) -> bytes:
        """What of a chunk still comes through; the rest falls into the silence that it begins."""
        if from_server:
            passed = chunk if self._quota is None else chunk[: max(0, self._quota - self.from_server)]
            self.from_server += len(passed)
            if self._quota is not None and self.from_server >= self._quota:
                self._fall_silent()
            return passed
        if self._predicate and self._predicate(chunk):
            self._fall_silent()
            return b""
        self.from_client += len(chunk)
        return chunk

    def _left(self, line: _Line, *, from_server: bool) -> None:
        if from_server:
            line.server_left = True
        else:
            line.client_left = True
        # A dead line swallows the farewell as well, for as long as the silence lasts.
        if not line.dead or line.server is None or (line.client_left and not self.is_silent):
            self._drop(line)

    def _drop(self, line: _Line) -> None:
        """What had passed before still arrives, the last words of a server for example."""
        self._lines.discard(line)
        for writer in (line.client, line.server):
            if writer:
                writer.close()

    async def _end(self) -> None:
        self._listener.close()
        for writer in self._writers:
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_default_executor()
