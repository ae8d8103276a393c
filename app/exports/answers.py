"""What an export looks like in an answer: as JSON with its validators, or as the bytes of its archive."""

import base64
import hashlib

from fastapi import Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.audit.event import By
from app.exports.download import Download, filename
from app.exports.ranges import Span, Unsatisfiable, asked_span
from app.exports.ready import Ready
from app.exports.sending import Sending
from app.history.entry import UNFINISHED, Entry
from app.history.schemas import address, export_view
from app.kit.http import reference
from app.kit.problem import RangeNotSatisfiable, problem

_ASK_AGAIN = {"Retry-After": "1"}
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


def accepted(entry: Entry) -> Response:
    return as_json(entry, 202, {"Location": address(entry), **_ASK_AGAIN})


def shown(entry: Entry, if_none_match: str | None) -> Response:
    """With a validator, so that whoever asks again and again is told in short if nothing changed (RFC 9110, 13)."""
    answer = as_json(entry, 200, _ASK_AGAIN if entry.status in UNFINISHED else {})
    etag = f'"{hashlib.sha256(bytes(answer.body)).hexdigest()[:32]}"'
    known = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers={"ETag": etag})
    answer.headers["ETag"] = etag
    return answer


def as_json(entry: Entry, status: int, headers: dict[str, str] | None = None) -> Response:
    body = export_view(entry).model_dump(mode="json")
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})})


async def handed_over(
    download: Download, request: Request, by: By, ready: Ready, asked: str | None, if_range: str | None
) -> Response:
    """The archive, or the part of it that `Range` asks for; from the store itself where that is switched on."""
    if url := await download.redirect(by, ready):
        return RedirectResponse(url, 307, _FOR_NOBODY_ELSE)
    size, etag = ready.archive.size, f'"{ready.archive.sha256}"'
    try:
        part = asked_span(asked, if_range, etag, size)
    except Unsatisfiable:
        return problem(RangeNotSatisfiable(), reference(request), {"Content-Range": f"bytes */{size}"})
    span = part or Span(0, size)
    headers = _headers(ready, etag) | {"Content-Length": str(span.end - span.start)}
    if part:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
    return ZipResponse(await download.begin(by, ready, span), 206 if part else 200, headers)


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
