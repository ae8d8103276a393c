"""What uvicorn's protocol lacks: bounds on a request's head, on its time and on connections, with problem documents."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from starlette.responses import Response
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.kit.http import with_safe_headers
from app.kit.lines import Lines
from app.kit.logs import wire_log
from app.kit.problem import EdgeFailure, HeadersTooLarge, MalformedRequest, RequestTimeout, TooManyConnections, problem

MOST_HEAD_BYTES = 64 * 1024
# A header line's colon, space and line end.
_AROUND_HEADER = 4
# So that a client that reads only once it has sent all finds the answer to what was a little too large.
_MOST_DISCARDED_BYTES = 1024 * 1024
_MOST_BUFFERED_BYTES = 16 * 1024
_RETRY_SECONDS = 5


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose request line and headers hold 64 KiB at most, trailers included, and whose requests come in time.

    The parser takes any number of bytes and tells of a header only once it is complete. So two things are counted:
    what it told of (`_head`, to the byte), and what it took since it last got on with anything but a header
    (`_taken`, by whole reads, which bounds what it may hold back).
    """

    # From the connection, or from the next request's first byte: a head fits in a few packets.
    head_seconds = 10.0
    # 64 KiB at most, which the slowest phone sends in less.
    body_seconds = 30.0
    # For an answer's last 128 KiB, once the service is done with it: 450 bytes a second.
    drain_seconds = 300.0
    # Closed at once, what a client is still sending would make its system drop the answer unread.
    linger_seconds = 2.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        lines: Lines,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._lines = lines
        self._head = self._taken = 0
        self._in_head = self._over = self._keeps = False
        self._limit: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        return not self.transport.get_write_buffer_size()

    def drop(self) -> None:
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        # A single chunk of an archive is enough to wait for.
        transport.set_write_buffer_limits(high=_MOST_BUFFERED_BYTES)
        if self._lines.admit(self):
            self._allow(self.head_seconds, self._out_of_time)
        else:
            self._refuse(TooManyConnections(), {"Retry-After": str(_RETRY_SECONDS)})

    def connection_lost(self, exc: Exception | None) -> None:
        self._lines.gone(self)
        self._limitless()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._taken += len(data)
        if self._over:
            if self._taken > _MOST_DISCARDED_BYTES:
                self.flow.pause_reading()
            return
        if self._limit is None:
            self._allow(self.head_seconds, self._out_of_time)
        super().data_received(data)
        if self._taken > MOST_HEAD_BYTES and not self._over:
            self._refuse(HeadersTooLarge())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._taken = 0
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + _AROUND_HEADER)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.get_http_version() == "1.1" and [name for name, _ in self.headers].count(b"host") != 1:
            raise MalformedRequest
        super().on_headers_complete()
        self._taken, self._in_head = 0, False
        self._lines.busy(self)
        self._allow(self.body_seconds, self._out_of_time)
        # An answer given before its request has come whole is the last one: what follows is not read. It begins only
        # after what has arrived so far has been parsed.
        self._keeps, self.cycle.keep_alive = self.cycle.keep_alive, False
        self.cycle.transport = _Ending(self.transport, partial(self._end, self.cycle))  # type: ignore[assignment]

    def on_chunk_header(self) -> None:
        self._taken = 0

    def on_body(self, body: bytes) -> None:
        self._taken = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._taken = 0
        self._limitless()
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._keeps

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._over:
            self._unset_keepalive_if_required()
        elif not self.transport.is_closing() and self.cycle.response_complete:
            self._lines.waits(self)
            if self._in_head:
                # The next request has begun, and has its own time.
                self._unset_keepalive_if_required()

    def shutdown(self) -> None:
        self._keeps = False
        super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def send_400_response(self, msg: str) -> None:
        """The parser has given up: because of `_count`, or because this is not HTTP."""
        del msg  # A problem has words of its own.
        self._refuse(HeadersTooLarge() if self._head > MOST_HEAD_BYTES else MalformedRequest())

    def _unsupported_upgrade_warning(self) -> None:
        """Answered as if it had not asked for another protocol; the parser stops here, so it is the last answer."""
        self._keeps = self.cycle.keep_alive = False

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD_BYTES:
            raise HeadersTooLarge

    def _out_of_time(self) -> None:
        self._limit = None
        if self._answering():
            # Whoever reads slowly sends slowly. What is missing has its time once the answer is out.
            self._allow(self.head_seconds, self._out_of_time)
        elif self._in_head or (self.cycle is not None and not self.cycle.response_complete):
            self._refuse(RequestTimeout())
        else:
            self._close()

    def _answering(self) -> bool:
        """Whether the service has its turn: it works on a request, or does not read on."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        comes = self.cycle.more_body and not self.cycle.response_started and not self.pipeline
        return not comes or self.flow.read_paused

    def _refuse(self, failure: EdgeFailure, headers: dict[str, str] | None = None) -> None:
        if self.transport.is_closing():
            self._stop_parsing()
        elif self.cycle is not None and not self.cycle.response_complete and not self._cut_off():
            # Another answer is under way, and two cannot share the line.
            self._stop_parsing()
            self.transport.abort()
        else:
            reference = str(uuid4())
            wire_log.info(f"refused as {failure.slug}: %s", reference)
            self.transport.write(_as_bytes(problem(failure, reference, headers)))
            self._linger()

    def _cut_off(self) -> bool:
        """Ends whoever waits for the rest of this request's body, if nothing was answered yet."""
        if not self.cycle.more_body or self.cycle.response_started or self.pipeline:
            return False
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        return True

    def _end(self, cycle: RequestResponseCycle) -> None:
        """Nothing is sent after this answer."""
        if cycle.more_body and not self.transport.is_closing():
            self._linger()
        else:
            self._close()

    def _linger(self) -> None:
        self._stop_parsing()
        self._lines.ends(self)
        if not self.transport.is_closing():
            self.transport.write_eof()
            self._allow(self.linger_seconds, self._close)

    def _stop_parsing(self) -> None:
        self._over = True
        # It holds what it was given, and will be given nothing more.
        self.parser = None  # type: ignore[assignment]  # as uvicorn does once a connection is lost

    def _close(self) -> None:
        """Once what was answered has been taken, or is given up."""
        if not self.transport.is_closing():
            self.transport.close()
            self._allow(self.drain_seconds, self.transport.abort)

    def _allow(self, seconds: float, then: Callable[[], object]) -> None:
        self._limitless()
        self._limit = self.loop.call_later(seconds, then)

    def _limitless(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


class _Ending:
    """A transport as one answer sees it, whose end is the protocol's to decide."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: asyncio.Transport, close: partial[None]) -> None:
        self.write, self.is_closing, self.close = transport.write, transport.is_closing, close


def _as_bytes(answer: Response) -> bytes:
    headers = [*with_safe_headers(answer.raw_headers), (b"connection", b"close")]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[answer.status_code] + lines + b"\r\n" + bytes(answer.body)
