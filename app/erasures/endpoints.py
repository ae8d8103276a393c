"""Erasures over HTTP: preview, request, approve, look at, run again, cancel, and the receipt."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from app.access.endpoints import Acting, DataCenterId, Gatekeeper
from app.access.limits import QuotaExceeded
from app.access.port import Forbidden
from app.erasures.approve import OwnErasure
from app.erasures.end import ErasureFinal
from app.erasures.plan import ErasureOff, PlanInvalid, PlanOutdated
from app.erasures.receipt import ErasureNotDone
from app.erasures.request import Confirmed, ConfirmMismatch
from app.erasures.schemas import (
    ErasurePreview,
    ErasurePreviewRequest,
    ErasureReceipt,
    ErasureRequest,
    preview_view,
)
from app.erasures.use_cases import Erasures
from app.history.answers import ITSELF, KnownTag, Wait, accepted, as_json, watched
from app.history.schemas import Export, export_json
from app.history.visitor import ErasureUnfinished, ExportUnfinished
from app.kit.documented import LIMITED, answer, follow_up, problems
from app.kit.errors import Failure, NotFound
from app.kit.http import JSON, CheckedRoute, accepts
from app.kit.problem import PayloadTooLarge, Unauthenticated, UnsupportedMediaType, ValidationError
from app.sources.candidate import CandidateTokenInvalid
from app.sources.erasing import NotErasable
from app.sources.port import SourceMisconfigured, SourceUnavailable, VisitorGone

_BASE = "/v1/data-centers/{data_center}/erasures"
_HTML = "text/html"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ErasureId = Annotated[str, Path(description="The erasure's id.")]
_COMMON: tuple[type[Failure], ...] = (Unauthenticated, Forbidden, NotFound)
_BUSY = (ExportUnfinished, ErasureUnfinished)
_MISTAKES = (PayloadTooLarge, UnsupportedMediaType, ValidationError)
_SOURCE = (ErasureOff, NotErasable, SourceUnavailable, SourceMisconfigured)
_SHOWN = answer(200, "The erasure.", "ETag", "Retry-After") | answer(304, "It is still as the ETag sent says.", "ETag")
_REQUESTED = answer(
    202, "The erasure, as a history item.", "Location", "Retry-After", *LIMITED,
    links={
        "watch": follow_up("get_erasure", "How far it is; with `wait`, as soon as something changed.", ITSELF),
        "approve": follow_up("approve_erasure", "By another administrator, where that is asked for.", ITSELF),
        "receipt": follow_up("get_receipt", "Once it is done.", ITSELF),
        "cancel": follow_up("cancel_erasure", "Before it begins.", ITSELF),
    },
)  # fmt: skip
_PREVIEWED = answer(
    200, "What would be erased.",
    links={
        "erase": follow_up(
            "create_erasure", "With the plan, and the handle typed again.",
            {"data_center": "$request.path.data_center"}, {"plan": "$response.body#/plan"},
        )
    },
)  # fmt: skip


class ReceiptResponse(JSONResponse):
    """JSON as it was signed, or the page for whoever asks for HTML."""

    also = (_HTML,)

    def render(self, content: str) -> bytes:
        return content.encode()


def routes(erasures: Erasures, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["erasures"])
    for add in (_add_preview, _add_create, _add_get, _add_approve, _add_retry, _add_cancel, _add_receipt):
        add(router, erasures, keeper)
    return router


def _add_preview(router: APIRouter, erasures: Erasures, keeper: Gatekeeper) -> None:
    @router.post(
        _BASE + "/preview", summary="What an erasure would do",
        dependencies=[keeper.requires("erasures:create")],
        responses=_PREVIEWED | problems(*_COMMON, *_MISTAKES, *_SOURCE, CandidateTokenInvalid, VisitorGone),
    )  # fmt: skip
    async def preview_erasure(data_center: DataCenterId, body: ErasurePreviewRequest, by: Acting) -> ErasurePreview:
        """Counts the visitor's rows in every table, and changes nothing. The plan in the answer is what can be asked
        for."""
        return preview_view(await erasures.preview(by, data_center, body.candidate))


def _add_create(router: APIRouter, erasures: Erasures, keeper: Gatekeeper) -> None:
    refused = (PlanInvalid, PlanOutdated, ConfirmMismatch, QuotaExceeded, *_BUSY)

    @router.post(
        _BASE, status_code=202, summary="Request an erasure", response_model=Export,
        dependencies=[keeper.requires("erasures:create")],
        responses=_REQUESTED | problems(*_COMMON, *_MISTAKES, *_SOURCE, *refused),
    )  # fmt: skip
    async def create_erasure(data_center: DataCenterId, body: ErasureRequest, by: Acting) -> Response:
        """Erases what the plan counted. Where the data center wants two administrators, it waits for the other."""
        order = Confirmed(body.plan, body.confirm, body.revoke_exports, body.case_reference)
        return accepted(export_json(await erasures.request(by, data_center, order)))


def _add_get(router: APIRouter, erasures: Erasures, keeper: Gatekeeper) -> None:
    @router.get(
        _BASE + "/{id}", summary="One erasure", response_model=Export,
        dependencies=[keeper.requires("history:read")],
        responses=problems(*_COMMON, ValidationError) | _SHOWN,
    )  # fmt: skip
    async def get_erasure(
        data_center: DataCenterId, id: ErasureId, if_none_match: KnownTag = None, wait: Wait = 0  # noqa: A002
    ) -> Response:  # fmt: skip
        """The erasure, from the first moment to years later; `If-None-Match` and `wait` as for an export."""
        entry = await erasures.browse.one(data_center, id, "erasure")
        return await watched(entry, if_none_match, wait, erasures.watch, erasures.clock)


def _add_approve(router: APIRouter, erasures: Erasures, keeper: Gatekeeper) -> None:
    @router.post(
        _BASE + "/{id}/approve", status_code=202, summary="Approve an erasure", response_model=Export,
        dependencies=[keeper.requires("erasures:approve")],
        responses=problems(*_COMMON, *_SOURCE, OwnErasure, ErasureFinal, PlanOutdated)
        | answer(202, "The same erasure, queued.", "Location", "Retry-After"),
    )  # fmt: skip
    async def approve_erasure(data_center: DataCenterId, id: ErasureId, by: Acting) -> Response:  # noqa: A002
        """By another administrator than the one who requested it. The rows are counted again first."""
        return accepted(export_json(await erasures.approve(by, data_center, id)))


def _add_retry(router: APIRouter, erasures: Erasures, keeper: Gatekeeper) -> None:
    @router.post(
        _BASE + "/{id}/retry", status_code=202, summary="Run a failed erasure again", response_model=Export,
        dependencies=[keeper.requires("erasures:create")],
        responses=problems(*_COMMON, *_BUSY, ErasureFinal)
        | answer(202, "The same erasure, queued again.", "Location", "Retry-After"),
    )  # fmt: skip
    async def retry_erasure(data_center: DataCenterId, id: ErasureId, by: Acting) -> Response:  # noqa: A002
        """Within 24 hours after it failed, under the same choice."""
        return accepted(export_json(await erasures.retry(by, data_center, id)))


def _add_cancel(router: APIRouter, erasures: Erasures, keeper: Gatekeeper) -> None:
    @router.delete(
        _BASE + "/{id}", status_code=202, summary="Cancel an erasure", response_model=Export,
        dependencies=[keeper.requires("erasures:create")],
        responses=problems(*_COMMON, ErasureFinal) | answer(202, "It had not begun, and is cancelled."),
    )  # fmt: skip
    async def cancel_erasure(data_center: DataCenterId, id: ErasureId, by: Acting) -> Response:  # noqa: A002
        """While it is `requested` or `queued`. What has begun runs to its end."""
        return as_json(await erasures.end(by, data_center, id), 202)


def _add_receipt(router: APIRouter, erasures: Erasures, keeper: Gatekeeper) -> None:
    text = {"schema": {"type": "string"}}

    @router.get(
        _BASE + "/{id}/receipt", summary="The receipt of an erasure", response_model=ErasureReceipt,
        response_class=ReceiptResponse, dependencies=[keeper.requires("history:read")],
        responses=problems(*_COMMON, ErasureNotDone)
        | answer(
            200, "What was erased, counted and signed; a page for whoever accepts `text/html`.",
            content={_HTML: text},
        ),
    )  # fmt: skip
    async def get_receipt(request: Request, data_center: DataCenterId, id: ErasureId) -> Response:  # noqa: A002
        """Once it is done. `python -m app verify` checks its signature."""
        receipt = await erasures.receipt(data_center, id)
        if accepts(request, JSON):
            return ReceiptResponse(receipt)
        page = erasures.receipt.page(receipt)
        return Response(page, headers={"Content-Security-Policy": _PAGE_POLICY}, media_type=_HTML)
