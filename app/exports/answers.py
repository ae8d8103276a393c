"""What an export looks like in an answer: as JSON with its validators, or as the bytes of its archive."""

import base64

from fastapi import Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.audit.event import By
from app.exports.download import Download, filename
from app.exports.ranges import Span, Unsatisfiable, asked_span
from app.exports.ready import Ready
from app.exports.sending import Sending
from app.kit.http import asks_for_head, headers_only, reference
from app.kit.problem import RangeNotSatisfiable, problem

_FOR_NOBODY_ELSE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class ZipResponse(StreamingResponse):
    media_type = "application/zip"

    def __init__(self, sending: Sending, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(sending.chunks(), status_code, headers)
        self._sending = sending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A client that goes away leaves the generator where it was: nobody runs it to its end, or closes it. So what
        # was sent is recorded here, and not at the generator's end.
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._sending.end()


async def handed_over(
    download: Download, request: Request, by: By, ready: Ready, asked: str | None, if_range: str | None
) -> Response:
    """The archive, or the part of it that `Range` asks for; from the store itself where that is switched on. Who asks
    for the headers alone gets them from here, and that is no download."""
    if not asks_for_head(request) and (url := await download.redirect(by, ready)):
        return RedirectResponse(url, 307, _FOR_NOBODY_ELSE)
    size, etag = ready.archive.size, f'"{ready.archive.sha256}"'
    try:
        part = asked_span(asked, if_range, etag, size)
    except Unsatisfiable:
        return problem(RangeNotSatisfiable(), reference(request), {"Content-Range": f"bytes */{size}"})
    span, status = part or Span(0, size), 206 if part else 200
    headers = _headers(ready, etag) | {"Content-Length": str(span.end - span.start)}
    if part:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
    if asks_for_head(request):
        return headers_only(headers, ZipResponse.media_type, status)
    return ZipResponse(await download.begin(by, ready, span), status, headers)


def _headers(ready: Ready, etag: str) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(ready.archive.sha256)).decode()
    return {
        "Content-Disposition": f'attachment; filename="{filename(ready)}"',
        **_FOR_NOBODY_ELSE,
        "Accept-Ranges": "bytes",
        "ETag": etag,
        # RFC 9530: of the whole archive, whichever part this answer holds.
        "Repr-Digest": f"sha-256=:{digest}:",
    }
