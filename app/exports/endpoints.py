"""Exports over HTTP: request, look at, download, link, run again, cancel or revoke."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import JSONResponse

from app.access.endpoints import Acting, DataCenterId, Gatekeeper, address_of
from app.access.limits import QuotaExceeded
from app.access.port import Forbidden
from app.exports.answers import ZipResponse, handed_over
from app.exports.end import ExportFinal
from app.exports.link import LinkExpired
from app.exports.once import KeyInUse, KeyReused
from app.exports.ready import ExportExpired, ExportNotReady, ExportRevoked
from app.exports.request import Wishes
from app.exports.schemas import ExportRequest, LinkView
from app.exports.use_cases import Exports
from app.history.answers import ITSELF, Absent, KnownTag, Wait, accepted, as_json, watched
from app.history.schemas import Export, export_json
from app.history.visitor import ErasureUnfinished, ExportUnfinished
from app.kit.documented import LIMITED, answer, follow_up, problems
from app.kit.errors import Failure, NotFound
from app.kit.http import CheckedRoute, reference
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
LinkToken = Annotated[str, Path(description="As it was made by `create_link`.")]
ExportId = Annotated[str, Path(description="The export's id.")]
SameTag = Annotated[str | Absent, Header(alias="if-range", description="The `ETag` of the part that one has.")]
Key = Annotated[
    str | Absent,
    Header(min_length=1, max_length=255, description="The same key and body: done once, and answered the same."),
]
Range = Annotated[str | Absent, Header(alias="range", description="Bytes that are missing still (RFC 9110, 14.2).")]
_COMMON: tuple[type[Failure], ...] = (Unauthenticated, Forbidden, NotFound)
_BUSY = (ExportUnfinished, ErasureUnfinished)
_NOT_READY = (ExportNotReady, ExportExpired, ExportRevoked)
_ZIP = {ZipResponse.media_type: {"schema": {"type": "string", "format": "binary"}}}
_SENT = ("Content-Length", "Content-Disposition", "Accept-Ranges", "ETag", "Repr-Digest", *LIMITED)
_BYTES = (
    answer(200, "The whole archive.", *_SENT, content=_ZIP)
    | answer(206, "The range asked for.", "Content-Range", *_SENT, content=_ZIP)
    | answer(
        307, "Where redirecting is switched on: the store itself hands it over, for some minutes.", "Location", *LIMITED
    )
)
_SHOWN = answer(200, "The export.", "ETag", "Retry-After") | answer(304, "It is still as the ETag sent says.", "ETag")
_REQUESTED = answer(
    202, "The export: a new one, or the same one that is unfinished still.", "Location", "Retry-After", *LIMITED,
    links={
        "watch": follow_up("get_export", "How far it is; with `wait`, as soon as something changed.", ITSELF),
        "download": follow_up("download_archive", "Once it is ready.", ITSELF),
        "link": follow_up("create_link", "Once it is ready, for a browser.", ITSELF),
        "end": follow_up("end_export", "Cancels it, or revokes it.", ITSELF),
    },
)  # fmt: skip


def routes(exports: Exports, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["exports"])
    for add in (_add_create, _add_get, _add_download, _add_link, _add_follow, _add_retry, _add_end):
        add(router, exports, keeper)
    return router


def _add_create(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    mistakes = (PayloadTooLarge, UnsupportedMediaType, ValidationError, QuotaExceeded)

    @router.post(
        _BASE, status_code=202, summary="Request an export", response_model=Export,
        dependencies=[keeper.requires("exports:create")],
        responses=_REQUESTED | problems(*_COMMON, CandidateTokenInvalid, *_BUSY, KeyInUse, KeyReused, *mistakes),
    )  # fmt: skip
    async def create_export(
        data_center: DataCenterId, body: ExportRequest, by: Acting, idempotency_key: Key = None
    ) -> Response:
        """Exports the data of exactly one candidate. The same request again, before it ends, answers with the same
        export. With an `Idempotency-Key` it does for 24 hours, in the words of the first answer."""
        wishes = Wishes(body.case_reference, body.language)
        return accepted(await exports.request_once(by, data_center, body.candidate, wishes, idempotency_key))


def _add_get(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    @router.get(
        _BASE + "/{id}", summary="One export", response_model=Export,
        dependencies=[keeper.requires("history:read")],
        responses=problems(*_COMMON, ValidationError) | _SHOWN,
    )  # fmt: skip
    async def get_export(
        data_center: DataCenterId, id: ExportId, if_none_match: KnownTag = None, wait: Wait = 0  # noqa: A002
    ) -> Response:  # fmt: skip
        """The export, from the first moment to years later. With `If-None-Match` and `wait`, it answers as soon as
        anything differs from what that ETag stands for, or says 304 when the wait is over."""
        entry = await exports.browse.one(data_center, id, "export")
        return await watched(entry, if_none_match, wait, exports.watch, exports.clock)


def _add_download(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    @router.get(
        _BASE + "/{id}/archive", summary="Download the archive", response_model=None, response_class=ZipResponse,
        dependencies=[keeper.requires("exports:download")],
        responses=problems(*_COMMON, *_NOT_READY, RangeNotSatisfiable, QuotaExceeded, StoreUnavailable) | _BYTES,
    )  # fmt: skip
    async def download_archive(
        request: Request, data_center: DataCenterId, id: ExportId, by: Acting,  # noqa: A002
        range_: Range = None, if_range: SameTag = None,
    ) -> Response:  # fmt: skip
        """The ZIP, while the export is `ready`. `Range` resumes a broken download."""
        ready = await exports.require_ready(by, data_center, id)
        return await handed_over(exports.download, request, by, ready, range_, if_range)


def _add_link(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    @router.post(
        _BASE + "/{id}/links", status_code=201, summary="Make a link for a browser", response_model=LinkView,
        dependencies=[keeper.requires("exports:download")],
        responses=problems(*_COMMON, *_NOT_READY) | answer(201, "The link."),
    )  # fmt: skip
    async def create_link(data_center: DataCenterId, id: ExportId, by: Acting) -> Response:  # noqa: A002
        """For a browser, which cannot send the key. It dies with the export, and every use of it is recorded."""
        token, expires_at = await exports.link.make(by, data_center, id)
        body = LinkView(url=_LINKS.format(token=token), expires_at=expires_at).model_dump(mode="json")
        return JSONResponse(body, 201, {"Cache-Control": "no-store"})


def _add_follow(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    """The one address without a guard: the token in it is the permission."""
    mistakes = (NotFound, *_NOT_READY, LinkExpired, RangeNotSatisfiable, QuotaExceeded, StoreUnavailable)

    @router.get(
        _LINKS, summary="Download by link", response_model=None, response_class=ZipResponse,
        responses=problems(*mistakes) | _BYTES,
    )  # fmt: skip
    async def follow_link(
        request: Request, token: LinkToken, range_: Range = None, if_range: SameTag = None
    ) -> Response:
        """The ZIP, to whoever has the link."""
        keeper.expects_stranger(request)
        by, ready = await exports.link.follow(token, address_of(request), reference(request))
        # Whoever has the link downloads on account of its maker.
        request.state.by = by
        return await handed_over(exports.download, request, by, ready, range_, if_range)


def _add_retry(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    @router.post(
        _BASE + "/{id}/retry", status_code=202, summary="Run a failed export again", response_model=Export,
        dependencies=[keeper.requires("exports:create")],
        responses=problems(*_COMMON, *_BUSY, ExportFinal, QuotaExceeded)
        | answer(202, "The same export, queued again.", "Location", "Retry-After"),
    )  # fmt: skip
    async def retry_export(data_center: DataCenterId, id: ExportId, by: Acting) -> Response:  # noqa: A002
        """Within 24 hours after it failed, under the same choice."""
        return accepted(export_json(await exports.retry(by, data_center, id)))


def _add_end(router: APIRouter, exports: Exports, keeper: Gatekeeper) -> None:
    @router.delete(
        _BASE + "/{id}", status_code=202, summary="Cancel or revoke an export", response_model=Export,
        dependencies=[keeper.requires("exports:revoke")],
        responses=problems(*_COMMON, ExportFinal)
        | answer(202, "It was unfinished, and is cancelled.")
        | answer(204, "It was ready, and is revoked."),
    )  # fmt: skip
    async def end_export(data_center: DataCenterId, id: ExportId, by: Acting) -> Response:  # noqa: A002
        """Cancels an unfinished export, or revokes a ready one: its archive is deleted."""
        cancelled = await exports.end(by, data_center, id)
        return Response(status_code=204) if cancelled is None else as_json(cancelled, 202)
