"""Exports over HTTP: request, look at, download, link, run again, cancel or revoke."""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic.json_schema import SkipJsonSchema

from app.access.endpoints import Acting, Gatekeeper, address_of
from app.access.port import Forbidden
from app.exports.answers import ZipResponse, accepted, as_json, handed_over, shown
from app.exports.end import ExportFinal
from app.exports.link import LinkExpired
from app.exports.once import KeyInUse, KeyReused
from app.exports.ready import ExportExpired, ExportNotReady, ExportRevoked
from app.exports.request import ExportUnfinished, Wishes
from app.exports.schemas import ExportRequest, LinkView
from app.exports.use_cases import Exports
from app.history.schemas import Export, export_json
from app.kit.errors import Failure, NotFound
from app.kit.http import CheckedRoute, reference, responses
from app.kit.problem import (
    PayloadTooLarge,
    RangeNotSatisfiable,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationError,
)
from app.sources.candidate import CandidateTokenInvalid
from app.storage.port import StoreUnavailable

_BASE = "/v1/data-centers/{data_center}/exports"
_LINKS = "/v1/links/{token}"
# A header is there or not, and never null: a generated client that lets one pass null fails when it sends it.
_Absent = SkipJsonSchema[None]
Sent = Annotated[str | _Absent, Header()]
Wait = Annotated[int, Query(ge=0, le=30, description="Seconds to wait for a change.")]
Key = Annotated[
    str | _Absent,
    Header(min_length=1, max_length=255, description="The same key and body: done once, and answered the same."),
]
Range = Annotated[str | _Absent, Header(alias="range")]
_COMMON: tuple[type[Failure], ...] = (Unauthenticated, Forbidden, NotFound)
_NOT_READY = (ExportNotReady, ExportExpired, ExportRevoked)
_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The archive.", "content": _ZIP},
    206: {"description": "The range asked for.", "content": _ZIP},
    307: {"description": "Where redirecting is switched on: the store itself hands it over, for some minutes."},
}


def routes(exports: Exports, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["exports"])
    for add in (_add_create, _add_get, _add_download, _add_link, _add_follow, _add_retry, _add_end):
        add(router, exports, keeper)
    return router


def _add_create(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    mistakes = (PayloadTooLarge, UnsupportedMediaType, ValidationError)

    @router.post(
        _BASE, status_code=202, summary="Request an export", response_model=Export,
        dependencies=[keeper.requires("exports:create")],
        responses=responses(*_COMMON, CandidateTokenInvalid, ExportUnfinished, KeyInUse, KeyReused, *mistakes),
    )  # fmt: skip
    async def create_export(data_center: str, body: ExportRequest, by: Acting, idempotency_key: Key = None) -> Response:
        """Exports the data of exactly one candidate. The same request again, before it ends, answers with the same
        export. With an `Idempotency-Key` it does for 24 hours, in the words of the first answer."""
        wishes = Wishes(body.case_reference, body.language)
        return accepted(await exports.request_once(by, data_center, body.candidate, wishes, idempotency_key))


def _add_get(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    @router.get(
        _BASE + "/{id}", summary="One export", response_model=Export,
        dependencies=[keeper.requires("history:read")],
        responses=responses(*_COMMON, ValidationError) | {304: {"description": "It is still as the ETag sent says."}},
    )  # fmt: skip
    async def get_export(
        data_center: str, id: str, if_none_match: Sent = None, wait: Wait = 0  # noqa: A002
    ) -> Response:  # fmt: skip
        """The export, from the first moment to years later. With `If-None-Match` and `wait`, it answers as soon as
        anything differs from what that ETag stands for, or says 304 when the wait is over."""
        entry = await exports.browse.one(data_center, id)
        answer = shown(entry, if_none_match, exports.clock())
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while wait and answer.status_code == HTTPStatus.NOT_MODIFIED:
                    entry = await exports.watch.changed(entry)
                    answer = shown(entry, if_none_match, exports.clock())
        return answer


def _add_download(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    @router.get(
        _BASE + "/{id}/archive", summary="Download the archive", response_model=None, response_class=ZipResponse,
        dependencies=[keeper.requires("exports:download")],
        responses=responses(*_COMMON, *_NOT_READY, RangeNotSatisfiable, StoreUnavailable) | _BYTES,
    )  # fmt: skip
    async def download_archive(
        request: Request, data_center: str, id: str, by: Acting, range_: Range = None, if_range: Sent = None,  # noqa: A002
    ) -> Response:  # fmt: skip
        """The ZIP, while the export is `ready`. `Range` resumes a broken download."""
        ready = await exports.require_ready(by, data_center, id)
        return await handed_over(exports.download, request, by, ready, range_, if_range)


def _add_link(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    @router.post(
        _BASE + "/{id}/links", status_code=201, summary="Make a link for a browser", response_model=LinkView,
        dependencies=[keeper.requires("exports:download")],
        responses=responses(*_COMMON, *_NOT_READY),
    )  # fmt: skip
    async def create_link(data_center: str, id: str, by: Acting) -> Response:  # noqa: A002
        """For a browser, which cannot send the key. It dies with the export, and every use of it is recorded."""
        token, expires_at = await exports.link.make(by, data_center, id)
        body = LinkView(url=_LINKS.format(token=token), expires_at=expires_at).model_dump(mode="json")
        return JSONResponse(body, 201, {"Cache-Control": "no-store"})


def _add_follow(router: APIRouter, exports: Exports, _keeper: Gatekeeper) -> None:
    """The one address without a guard: the token in it is the permission."""
    problems = (NotFound, *_NOT_READY, LinkExpired, RangeNotSatisfiable, StoreUnavailable)

    @router.get(
        _LINKS, summary="Download by link", response_model=None, response_class=ZipResponse,
        responses=responses(*problems) | _BYTES,
    )  # fmt: skip
    async def follow_link(request: Request, token: str, range_: Range = None, if_range: Sent = None) -> Response:
        """The ZIP, to whoever has the link."""
        by, ready = await exports.link.follow(token, address_of(request), reference(request))
        return await handed_over(exports.download, request, by, ready, range_, if_range)


def _add_retry(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    @router.post(
        _BASE + "/{id}/retry", status_code=202, summary="Run a failed export again", response_model=Export,
        dependencies=[keeper.requires("exports:create")],
        responses=responses(*_COMMON, ExportUnfinished, ExportFinal),
    )  # fmt: skip
    async def retry_export(data_center: str, id: str, by: Acting) -> Response:  # noqa: A002
        """Within 24 hours after it failed, under the same choice."""
        return accepted(export_json(await exports.retry(by, data_center, id)))


def _add_end(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    @router.delete(
        _BASE + "/{id}", status_code=202, summary="Cancel or revoke an export", response_model=Export,
        dependencies=[keeper.requires("exports:revoke")],
        responses=responses(*_COMMON, ExportFinal) | {204: {"description": "It was ready, and is revoked."}},
    )  # fmt: skip
    async def end_export(data_center: str, id: str, by: Acting) -> Response:  # noqa: A002
        """Cancels an unfinished export, or revokes a ready one: its archive is deleted."""
        cancelled = await exports.end(by, data_center, id)
        return Response(status_code=204) if cancelled is None else as_json(cancelled, 202)
