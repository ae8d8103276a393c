"""Exports over HTTP: request, look at, download, run again, cancel or revoke."""

import base64
import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from app.access.endpoints import Gatekeeper
from app.access.port import Forbidden
from app.audit.event import By
from app.exports.download import Download, ExportExpired, ExportNotReady, ExportRevoked, Span
from app.exports.end import EndExport, ExportFinal
from app.exports.ranges import Unsatisfiable, asked_span
from app.exports.request import ExportUnfinished, RequestExport
from app.exports.retry import RetryExport
from app.exports.schemas import ExportRequest
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
_COMMON: tuple[type[Failure], ...] = (UnknownParameter, Unauthenticated, Forbidden, NotFound)
_ASK_AGAIN = {"Retry-After": "1"}


class ZipResponse(StreamingResponse):
    media_type = "application/zip"


def routes(
    request_export: RequestExport, browse: Browse, download: Download, end: EndExport, retry: RetryExport,
    keeper: Gatekeeper,
) -> APIRouter:  # fmt: skip
    router = APIRouter(route_class=CheckedRoute, tags=["exports"])
    creates, reads = keeper.requires("exports:create"), keeper.requires("history:read")
    downloads, revokes = keeper.requires("exports:download"), keeper.requires("exports:revoke")

    @router.post(
        _BASE, status_code=202, summary="Request an export", response_model=Export,
        responses=responses(
            *_COMMON, CandidateTokenInvalid, ExportUnfinished, PayloadTooLarge, UnsupportedMediaType, ValidationError
        ),
    )  # fmt: skip
    async def create_export(data_center: str, body: ExportRequest, by: Annotated[By, Depends(creates)]) -> Response:
        """Exports the data of exactly one candidate. The same request again, before it ends, answers with the same
        export."""
        entry = await request_export(by, data_center, body.candidate, body.case_reference)
        return _accepted(entry)

    @router.get(
        _BASE + "/{id}", summary="One export", response_model=Export,
        responses={**responses(*_COMMON), 304: {"description": "It is still as the ETag sent says."}},
    )  # fmt: skip
    async def get_export(
        data_center: str, id: str, by: Annotated[By, Depends(reads)],  # noqa: A002  the contract's name
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:  # fmt: skip
        """The export, from the first moment to years later."""
        return _shown(await browse.one(data_center, id), if_none_match)

    @router.get(
        _BASE + "/{id}/archive", summary="Download the archive", response_class=ZipResponse,
        responses={
            **responses(*_COMMON, ExportNotReady, ExportExpired, ExportRevoked, RangeNotSatisfiable, StoreUnavailable),
            206: {"description": "The range asked for.", "content": {"application/zip": {}}},
        },
    )  # fmt: skip
    async def download_archive(
        request: Request, data_center: str, id: str, by: Annotated[By, Depends(downloads)],  # noqa: A002
        range_: Annotated[str | None, Header(alias="range")] = None,
        if_range: Annotated[str | None, Header()] = None,
    ) -> Response:  # fmt: skip
        """The ZIP, while the export is `ready`. `Range` resumes a broken download."""
        entry = await download.ready(by, data_center, id)
        size, etag = entry.size or 0, f'"{entry.sha256}"'
        try:
            part = asked_span(range_, if_range, etag, size)
        except Unsatisfiable:
            return problem(RangeNotSatisfiable(), reference(request), {"Content-Range": f"bytes */{size}"})
        span = part or Span(0, size)
        headers = _archive_headers(entry, etag) | {"Content-Length": str(span.end - span.start)}
        if part:
            headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
        return ZipResponse(await download.chunks(by, entry, span), 206 if part else 200, headers)

    @router.post(
        _BASE + "/{id}/retry", status_code=202, summary="Run a failed export again", response_model=Export,
        responses=responses(*_COMMON, ExportUnfinished, ExportFinal),
    )  # fmt: skip
    async def retry_export(
        data_center: str, id: str, by: Annotated[By, Depends(creates)]  # noqa: A002
    ) -> Response:  # fmt: skip
        """Within 24 hours after it failed, under the same choice."""
        return _accepted(await retry(by, data_center, id))

    @router.delete(
        _BASE + "/{id}", status_code=202, summary="Cancel or revoke an export", response_model=Export,
        responses={**responses(*_COMMON, ExportFinal), 204: {"description": "It was ready, and is revoked."}},
    )  # fmt: skip
    async def end_export(
        data_center: str, id: str, by: Annotated[By, Depends(revokes)]  # noqa: A002
    ) -> Response:  # fmt: skip
        """Cancels an unfinished export, or revokes a ready one: its archive is deleted."""
        cancelled = await end(by, data_center, id)
        return Response(status_code=204) if cancelled is None else _json(cancelled, 202)

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
        "Content-Disposition": f'attachment; filename="export-{entry.id}.zip"',
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Accept-Ranges": "bytes",
        "ETag": etag,
        # RFC 9530: of the whole archive, whichever part this answer holds.
        "Repr-Digest": f"sha-256=:{digest}:",
    }
