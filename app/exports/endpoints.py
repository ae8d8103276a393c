"""Exports over HTTP: request, look at, download, link, run again, cancel or revoke."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.access.endpoints import Acting, Gatekeeper, address_of
from app.access.port import Forbidden, Permission
from app.audit.event import By
from app.exports.download import Download, ExportExpired, ExportNotReady, ExportRevoked, filename
from app.exports.end import EndExport, ExportFinal
from app.exports.link import LinkArchive, LinkExpired
from app.exports.ranges import Span, Unsatisfiable, asked_span
from app.exports.request import ExportUnfinished, RequestExport
from app.exports.retry import RetryExport
from app.exports.schemas import ExportRequest, LinkView
from app.exports.sending import Sending
from app.history.browse import Browse
from app.history.entry import UNFINISHED, Entry
from app.history.schemas import Export, address, export_view
from app.kit.errors import Failure, NotFound
from app.kit.http import CheckedRoute, reference, responses
from app.kit.problem import (
    PayloadTooLarge,
    RangeNotSatisfiable,
    Unauthenticated,
    UnknownParameter,
    UnsupportedMediaType,
    ValidationError,
    problem,
)
from app.sources.candidate import CandidateTokenInvalid
from app.storage.port import StoreUnavailable

_BASE = "/v1/data-centers/{data_center}/exports"
_LINKS = "/v1/links/{token}"
Range = Annotated[str | None, Header(alias="range")]
_COMMON: tuple[type[Failure], ...] = (UnknownParameter, Unauthenticated, Forbidden, NotFound)
_CREATING = responses(
    *_COMMON, CandidateTokenInvalid, ExportUnfinished, PayloadTooLarge, UnsupportedMediaType, ValidationError
)
_LOOKING = responses(*_COMMON) | {304: {"description": "It is still as the ETag sent says."}}
_READY = (ExportNotReady, ExportExpired, ExportRevoked)
_BYTES: dict[int | str, dict[str, Any]] = {
    206: {"description": "The range asked for.", "content": {"application/zip": {}}},
    307: {"description": "Where redirecting is switched on: the store itself hands it over, for some minutes."},
}
_DOWNLOADING = responses(*_COMMON, *_READY, RangeNotSatisfiable, StoreUnavailable) | _BYTES
_FOLLOWING = responses(UnknownParameter, NotFound, *_READY, LinkExpired, RangeNotSatisfiable, StoreUnavailable) | _BYTES
_LINKING = responses(*_COMMON, *_READY)
_RETRYING = responses(*_COMMON, ExportUnfinished, ExportFinal)
_ENDING = responses(*_COMMON, ExportFinal) | {204: {"description": "It was ready, and is revoked."}}
_ASK_AGAIN = {"Retry-After": "1"}


class ZipResponse(StreamingResponse):
    media_type = "application/zip"

    def __init__(self, sending: Sending, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(sending.chunks(), status_code, headers)
        self._sending = sending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A client that goes away leaves the generator where it was, and what was sent would not be recorded.
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._sending.end()


@dataclass(frozen=True, slots=True)
class Exports:
    """The use cases behind the addresses of exports."""

    request: RequestExport
    browse: Browse
    download: Download
    link: LinkArchive
    end: EndExport
    retry: RetryExport

    async def create_export(self, data_center: str, body: ExportRequest, by: Acting) -> Response:
        """Exports the data of exactly one candidate. The same request again, before it ends, answers with the same
        export."""
        return _accepted(await self.request(by, data_center, body.candidate, body.case_reference))

    async def get_export(
        self, data_center: str, id: str, if_none_match: Annotated[str | None, Header()] = None  # noqa: A002
    ) -> Response:  # fmt: skip
        """The export, from the first moment to years later."""
        return _shown(await self.browse.one(data_center, id), if_none_match)

    async def download_archive(
        self, request: Request, data_center: str, id: str, by: Acting, range_: Range = None,  # noqa: A002
        if_range: Annotated[str | None, Header()] = None,
    ) -> Response:  # fmt: skip
        """The ZIP, while the export is `ready`. `Range` resumes a broken download."""
        entry = await self.download.ready(by, data_center, id)
        return await self._handed_over(request, by, entry, range_, if_range)

    async def create_link(self, data_center: str, id: str, by: Acting) -> Response:  # noqa: A002
        """For a browser, which cannot send the key. It dies with the export, and every use of it is recorded."""
        token, expires_at = await self.link.make(by, data_center, id)
        body = LinkView(url=_LINKS.format(token=token), expires_at=expires_at).model_dump(mode="json")
        return JSONResponse(body, 201, {"Cache-Control": "no-store"})

    async def follow_link(
        self, request: Request, token: str, range_: Range = None, if_range: Annotated[str | None, Header()] = None
    ) -> Response:
        """The ZIP, to whoever has the link."""
        by, entry = await self.link.follow(token, address_of(request), reference(request))
        return await self._handed_over(request, by, entry, range_, if_range)

    async def _handed_over(
        self, request: Request, by: By, entry: Entry, asked: str | None, if_range: str | None
    ) -> Response:
        size, etag = entry.size or 0, f'"{entry.sha256}"'
        if url := await self.download.elsewhere(by, entry):
            return RedirectResponse(url, 307, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        try:
            part = asked_span(asked, if_range, etag, size)
        except Unsatisfiable:
            return problem(RangeNotSatisfiable(), reference(request), {"Content-Range": f"bytes */{size}"})
        span = part or Span(0, size)
        headers = _archive_headers(entry, etag) | {"Content-Length": str(span.end - span.start)}
        if part:
            headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
        return ZipResponse(await self.download.begin(by, entry, span), 206 if part else 200, headers)

    async def retry_export(self, data_center: str, id: str, by: Acting) -> Response:  # noqa: A002
        """Within 24 hours after it failed, under the same choice."""
        return _accepted(await self.retry(by, data_center, id))

    async def end_export(self, data_center: str, id: str, by: Acting) -> Response:  # noqa: A002
        """Cancels an unfinished export, or revokes a ready one: its archive is deleted."""
        cancelled = await self.end(by, data_center, id)
        return Response(status_code=204) if cancelled is None else _json(cancelled, 202)


def routes(on: Exports, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["exports"])

    def add(method: str, path: str, endpoint: Callable[..., Any], permission: Permission, **told: Any) -> None:
        told.setdefault("response_model", Export)
        router.add_api_route(
            _BASE + path, endpoint, methods=[method], dependencies=[keeper.requires(permission)], **told
        )

    add(
        "POST",
        "",
        on.create_export,
        "exports:create",
        status_code=202,
        summary="Request an export",
        responses=_CREATING,
    )
    add("GET", "/{id}", on.get_export, "history:read", summary="One export", responses=_LOOKING)
    add(
        "GET", "/{id}/archive", on.download_archive, "exports:download", response_model=None,
        response_class=ZipResponse, summary="Download the archive", responses=_DOWNLOADING,
    )  # fmt: skip
    add(
        "POST", "/{id}/links", on.create_link, "exports:download", response_model=LinkView,
        status_code=201, summary="Make a link for a browser", responses=_LINKING,
    )  # fmt: skip
    router.add_api_route(
        _LINKS, on.follow_link, response_model=None,
        response_class=ZipResponse, summary="Download by link", responses=_FOLLOWING,
    )  # fmt: skip
    add(
        "POST", "/{id}/retry", on.retry_export, "exports:create",
        status_code=202, summary="Run a failed export again", responses=_RETRYING,
    )  # fmt: skip
    add(
        "DELETE", "/{id}", on.end_export, "exports:revoke",
        status_code=202, summary="Cancel or revoke an export", responses=_ENDING,
    )  # fmt: skip
    return router


def _accepted(entry: Entry) -> Response:
    return _json(entry, 202, {"Location": address(entry), **_ASK_AGAIN})


def _shown(entry: Entry, if_none_match: str | None) -> Response:
    answer = _json(entry, 200, _ASK_AGAIN if entry.status in UNFINISHED else {})
    etag = f'"{hashlib.sha256(bytes(answer.body)).hexdigest()[:32]}"'
    known = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers={"ETag": etag})
    answer.headers["ETag"] = etag
    return answer


def _json(entry: Entry, status: int, headers: dict[str, str] | None = None) -> Response:
    body = export_view(entry).model_dump(mode="json")
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})})


def _archive_headers(entry: Entry, etag: str) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(entry.sha256 or "")).decode()
    return {
        "Content-Disposition": f'attachment; filename="{filename(entry)}"',
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Accept-Ranges": "bytes",
        "ETag": etag,
        # RFC 9530: of the whole archive, whichever part this answer holds.
        "Repr-Digest": f"sha-256=:{digest}:",
    }
