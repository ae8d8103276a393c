"""What an export looks like in an answer: as JSON with its validators, or as the bytes of its archive."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.audit.event import By
from app.exports.download import Download, filename
from app.exports.ranges import Span, Unsatisfiable, asked_span
from app.exports.ready import Ready
from app.exports.sending import Sending
from app.history.entry import UNFINISHED, Entry
from app.history.schemas import export_json
from app.kit.http import asks_for_head, headers_only, reference
from app.kit.problem import RangeNotSatisfiable, problem

# Whoever asks again and again is told to within these bounds, in seconds.
_SOONEST, _LATEST = 1, 30
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


def accepted(export: Mapping[str, Any]) -> Response:
    """What has just begun, or begun again."""
    headers = {"Location": export["links"]["self"], "Retry-After": str(_SOONEST), "Cache-Control": "no-store"}
    return JSONResponse(export, 202, headers)


def shown(entry: Entry, if_none_match: str | None, now: datetime) -> Response:
    """With a validator, so that whoever asks again and again is told in short if nothing changed (RFC 9110, 13)."""
    answer = as_json(entry, 200, _ask_again(entry, now))
    etag = f'"{hashlib.sha256(bytes(answer.body)).hexdigest()[:32]}"'
    known = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers={"ETag": etag})
    answer.headers["ETag"] = etag
    return answer


def as_json(entry: Entry, status: int, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(export_json(entry), status, {"Cache-Control": "no-store", **(headers or {})})


def _ask_again(entry: Entry, now: datetime) -> dict[str, str]:
    """For an unfinished export, the half of what it will take still, as far as one can tell: by its rows, else as long
    again as it has taken already."""
    if entry.status not in UNFINISHED:
        return {}
    taken = (now - (entry.started_at or entry.requested_at)).total_seconds()
    made, left = entry.progress, 1.0
    if made and made.rows and made.rows_estimated:
        left = (made.rows_estimated - made.rows) / made.rows
    return {"Retry-After": str(round(min(_LATEST, max(_SOONEST, taken * left / 2))))}


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
