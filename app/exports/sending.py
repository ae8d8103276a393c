"""Answers with an archive that are on their way: what was sent is recorded, whoever ends them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from app.audit.event import By
from app.audit.ledger import Ledger
from app.exports.ranges import Span
from app.exports.ready import Ready
from app.history.entry import count_download, uncount_download
from app.history.event import event_of
from app.kit.clock import Clock
from app.kit.db import DatabaseUnavailable
from app.kit.logs import log

# A process that is told to stop gives open answers 3 s, then cancels them, and has ended after 4.5 s, whatever hangs:
# what is to be recorded must fit in between.
_CLOSE_SECONDS = 1.0
_COUNT_SECONDS = 1.0
# Nothing to send, which the server takes only once what it was given before is on its way.
_TAKEN = b""


@dataclass(frozen=True, slots=True)
class Sendings:
    """Keeps what is on its way, so that the process does not end before it is recorded."""

    ledger: Ledger
    clock: Clock
    open: set[asyncio.Future[None]] = field(default_factory=set)

    def begin(self, by: By, ready: Ready, span: Span, first: bytes, rest: AsyncGenerator[bytes]) -> "Sending":
        """What has been read of the archive already, and where the rest comes from."""
        sending = Sending(self, by, ready, span, first, rest)
        self.open.add(sending.recorded)
        sending.recorded.add_done_callback(self.open.discard)
        return sending

    async def close(self) -> None:
        """Waits a moment for answers that have just been ended."""
        if self.open:
            await asyncio.wait(self.open, timeout=_CLOSE_SECONDS)


class Sending:
    """One answer. `chunks` is what to send, `end` must be called whatever became of it."""

    def __init__(
        self, among: Sendings, by: By, ready: Ready, span: Span, first: bytes, rest: AsyncGenerator[bytes]
    ) -> None:
        self.recorded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._among, self._by, self._span = among, by, span
        self._entry, self._size = ready.entry, ready.archive.size
        self._first, self._rest = first, rest
        self._sent, self._counted = 0, False
        self._ending: asyncio.Task[None] | None = None

    async def chunks(self) -> AsyncGenerator[bytes]:
        """A chunk is read once the connection has taken the one before: slow readers cost no more than what is on the
        way to them. It is counted before the last one leaves: a client that has the whole archive, and asks at once how
        often it was downloaded, is counted."""
        async for chunk in self._whole():
            left = self._span.end - self._span.start - self._sent - len(chunk)
            if not left and self._span.end == self._size:
                await self._count()
            yield chunk
            self._sent += len(chunk)
            if left:
                yield _TAKEN

    async def _whole(self) -> AsyncGenerator[bytes]:
        # Not kept: it would lie here for as long as the answer takes.
        first, self._first = [self._first], b""
        yield first.pop()
        async for chunk in self._rest:
            yield chunk

    async def end(self) -> None:
        """Records how it went. In a task of its own, because a client that goes away has this one cancelled, and the
        record must be written then above all. The bytes are those that were handed to the connection; what lay in
        buffers when it broke may not have arrived."""
        self._ending = asyncio.create_task(self._ended(), name="recording what was sent")
        await asyncio.shield(self._ending)

    async def _count(self) -> None:
        """Nobody's download breaks off, or waits for long, because it cannot be counted."""
        try:
            async with asyncio.timeout(_COUNT_SECONDS), self._among.ledger.writing() as connection:
                await count_download(connection, self._entry.id, self._among.clock())
            self._counted = True
        except (TimeoutError, DatabaseUnavailable):
            log.error("export %s: a download could not be counted", self._entry.id)

    async def _ended(self) -> None:
        try:
            async with aclosing(self._rest):
                await self._record()
        except DatabaseUnavailable:
            log.error("export %s: %d bytes were sent, which could not be recorded", self._entry.id, self._sent)
        finally:
            self.recorded.set_result(None)

    async def _record(self) -> None:
        async with self._among.ledger.writing() as connection:
            if self._counted and self._sent < self._span.end - self._span.start:
                await uncount_download(connection, self._entry)
            event = event_of(self._entry, "exports:sent", self._by, details={"bytes": self._sent})
            await self._among.ledger.append(connection, event)
