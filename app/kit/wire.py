"""What uvicorn's protocol lacks: a bound on the head of a request, and problem documents for what is no request."""

from uuid import uuid4

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.kit.logs import log
from app.kit.problem import EdgeFailure, HeadersTooLarge, MalformedRequest, problem

MOST_HEAD_BYTES = 64 * 1024
# A header line's colon, space and line end.
_AROUND_HEADER = 4
_LINGER_SECONDS = 2.0


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose request line and headers hold 64 KiB at most, trailers included.

    The parser takes any number of bytes and tells of a header only once it is complete. So two things are counted:
    what it told of (`_head`, to the byte), and what it took since it last got on with anything but a header
    (`_taken`, by whole reads, which bounds what it may hold back).
    """

    _head = _taken = 0
    _refused = False

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._taken += len(data)
        super().data_received(data)
        if self._taken > MOST_HEAD_BYTES and not self._refused:
            self._refuse(HeadersTooLarge())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._taken = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + _AROUND_HEADER)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._taken = 0

    def on_chunk_header(self) -> None:
        self._taken = 0

    def on_body(self, body: bytes) -> None:
        self._taken = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._taken = 0

    def send_400_response(self, msg: str) -> None:
        """The parser has given up: because of `_count`, or because this is not HTTP."""
        del msg  # A problem has words of its own.
        self._refuse(HeadersTooLarge() if self._head > MOST_HEAD_BYTES else MalformedRequest())

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD_BYTES:
            raise HeadersTooLarge

    def _refuse(self, failure: EdgeFailure) -> None:
        self._refused = True
        # It holds what it was given, and will be given nothing more.
        self.parser = None  # type: ignore[assignment]  # as uvicorn does once a connection is lost
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # Another answer is under way, and two cannot share the line.
            self.transport.abort()
            return
        reference = str(uuid4())
        log.info("%s refused: %s", reference, failure.slug)
        self.transport.write(_as_bytes(problem(failure, reference)))
        # Closed at once, what the client is still sending would make its system drop the answer unread.
        self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)


def _as_bytes(answer: Response) -> bytes:
    headers = [*answer.raw_headers, (b"x-content-type-options", b"nosniff"), (b"connection", b"close")]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[answer.status_code] + lines + b"\r\n" + bytes(answer.body)
