"""The history over HTTP: what was exported, by whom, until when; and the audit trail behind it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from typing_extensions import TypeAliasType

from app.access.endpoints import DataCenterId, Gatekeeper
from app.access.port import Forbidden
from app.audit.browse import AuditFilters
from app.audit.event import Action
from app.history.browse import Filters
from app.history.entry import Entry
from app.history.schemas import (
    AuditHead,
    AuditPage,
    AuditView,
    EntryKind,
    ExportStatus,
    HistoryPage,
    HistorySearch,
    export_view,
)
from app.history.spreadsheet import as_csv
from app.history.use_cases import History
from app.kit.documented import answer, problems
from app.kit.errors import Failure, Missing, NotFound
from app.kit.http import CheckedRoute, asks_for_head, headers_only
from app.kit.page import LONGEST_TOKEN, Page, PageTokenInvalid, Size
from app.kit.problem import (
    PayloadTooLarge,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationError,
)
from app.kit.view import MomentSent, ShortText
from app.sources.identifier import Identifier

_BASE = "/v1/data-centers/{data_center}"
_Actor = Annotated[ShortText | None, Query(description="The name of who did it.")]
_Token = Annotated[str | None, Query(max_length=LONGEST_TOKEN, description="`next_page_token` of the page before.")]
_From = Annotated[MomentSent | None, Query(alias="from", description="This moment or later.")]
_To = Annotated[MomentSent | None, Query(description="Before this moment.")]
AuditAction = TypeAliasType("AuditAction", Action)
_Action = Annotated[AuditAction | None, Query(description="What was done.")]
# `-requested_at` is no name in any language, so generators take those that stand beside it.
_Sort = Annotated[
    Literal["-requested_at", "requested_at"],
    Field(json_schema_extra={"x-enum-varnames": ["NEWEST_FIRST", "OLDEST_FIRST"]}),
]
HistorySort = TypeAliasType("HistorySort", _Sort)
_COMMON: tuple[type[Failure], ...] = (Unauthenticated, Forbidden, NotFound, ValidationError)
_PAGED = problems(*_COMMON, PageTokenInvalid) | answer(200, "A page; `next_page_token` is `null` on the last.")

_SPREADSHEET = answer(
    200, "One line for each export, in UTF-8, after a line of names.", "Content-Disposition",
    content={"text/csv": {"schema": {"type": "string"}}},
)  # fmt: skip


def routes(history: History, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute)
    for add in (_add_list, _add_search, _add_csv, _add_audit, _add_head):
        add(router, history, keeper)
    return router


async def asked_filters(
    kind: Annotated[EntryKind | None, Query(description="Of the operation.")] = None,
    status: Annotated[ExportStatus | None, Query(description="`ready` leaves out what has expired.")] = None,
    data_source: Annotated[ShortText | None, Query(description="A data source's id.")] = None,
    requested_by: Annotated[ShortText | None, Query(description="An administrator's name, as it is written.")] = None,
    case_reference: Annotated[ShortText | None, Query(description="As the request gave it.")] = None,
    since: _From = None,
    to: _To = None,
    sort: Annotated[HistorySort, Query(description="`-`: newest first.")] = "-requested_at",
) -> Filters:
    oldest_first = sort == "requested_at"
    return Filters(kind, status, data_source, requested_by, case_reference, since, to, oldest_first=oldest_first)


Asked = Annotated[Filters, Depends(asked_filters)]


class NoAuditHead(Missing):
    """No head of this data center's audit trail has been signed yet. That is done within seconds of its first event;
    if it is not, no process of this service runs, or its database has an earlier version's schema."""

    slug = "no-audit-head"
    title = "There is no signed head yet"


class CsvResponse(StreamingResponse):
    media_type = "text/csv"


def _as_page(page: Page[Entry]) -> HistoryPage:
    return HistoryPage(items=list(map(export_view, page.items)), next_page_token=page.next_token)


def _add_list(router: APIRouter, history: History, keeper: Gatekeeper) -> None:
    @router.get(
        _BASE + "/history", tags=["history"], summary="The history, newest first",
        dependencies=[keeper.requires("history:read")], responses=_PAGED,
    )  # fmt: skip
    async def list_history(
        data_center: DataCenterId, filters: Asked, page_size: Size = 50, page_token: _Token = None
    ) -> HistoryPage:
        """Every export of the data center, also those that failed, expired or were revoked."""
        page = await history.browse.page(data_center, filters, page_size, page_token)
        return _as_page(page)


def _add_search(router: APIRouter, history: History, keeper: Gatekeeper) -> None:
    @router.post(
        _BASE + "/history/search", tags=["history"], summary="The history of one identifier",
        dependencies=[keeper.requires("history:read")],
        responses=_PAGED | problems(*_COMMON, PageTokenInvalid, PayloadTooLarge, UnsupportedMediaType),
    )  # fmt: skip
    async def search_history(data_center: DataCenterId, body: HistorySearch) -> HistoryPage:
        """Exports that were requested after a search for this Tracking ID or email, newest first. It is compared by a
        keyed hash: the history itself does not hold it."""
        identifier = Identifier.typed(body.identifier, body.kind)
        filters = Filters(identifiers=(await history.handles()).identifier_hashes(data_center, identifier))
        page = await history.browse.page(data_center, filters, body.page_size, body.page_token)
        return _as_page(page)


def _add_csv(router: APIRouter, history: History, keeper: Gatekeeper) -> None:
    @router.get(
        _BASE + "/history.csv", tags=["history"], summary="The history as a spreadsheet", response_class=CsvResponse,
        response_model=None, dependencies=[keeper.requires("history:read")],
        responses=problems(*_COMMON) | _SPREADSHEET,
    )  # fmt: skip
    async def download_history(request: Request, data_center: DataCenterId, filters: Asked) -> Response:
        """All of it, however long. Cells that a spreadsheet would run as a formula begin with a quote."""
        headers = {"Content-Disposition": f'attachment; filename="history-{data_center}.csv"'}
        if asks_for_head(request):
            return headers_only(headers, CsvResponse.media_type)
        pages = history.browse.every(data_center, filters)
        # The first page is read before anything is sent: a database that is away is told by its status.
        return CsvResponse(as_csv(_begun(await anext(pages, []), pages)), headers=headers)


async def _begun(first: Sequence[Entry], rest: AsyncGenerator[Sequence[Entry]]) -> AsyncIterator[Sequence[Entry]]:
    async with aclosing(rest):
        yield first
        async for page in rest:
            yield page


def _add_audit(router: APIRouter, history: History, keeper: Gatekeeper) -> None:
    @router.get(
        _BASE + "/audit", tags=["audit"], summary="The audit trail, newest first",
        dependencies=[keeper.requires("audit:read")], responses=_PAGED,
    )  # fmt: skip
    async def list_audit_events(
        data_center: DataCenterId, action: _Action = None, actor: _Actor = None, since: _From = None,
        to: _To = None, page_size: Size = 50, page_token: _Token = None,
    ) -> AuditPage:  # fmt: skip
        """What was done in this data center, by whom and when: searches, exports, downloads, links, refusals."""
        page = await history.audit.page(data_center, AuditFilters(action, actor, since, to), page_size, page_token)
        return AuditPage(items=list(map(AuditView.model_validate, page.items)), next_page_token=page.next_token)


def _add_head(router: APIRouter, history: History, keeper: Gatekeeper) -> None:
    @router.get(
        _BASE + "/audit/head", tags=["audit"], summary="The newest signed head of the audit trail",
        dependencies=[keeper.requires("audit:read")],
        responses=problems(*_COMMON, NoAuditHead) | answer(200, "To be kept elsewhere."),
    )  # fmt: skip
    async def get_audit_head(data_center: DataCenterId) -> AuditHead:
        """Signed once a minute while the trail grows. Whoever keeps it can show later that no event before it was
        changed, removed, inserted or moved: `python -m app audit verify --head`."""
        head = await history.heads.newest(data_center)
        if head is None:
            raise NoAuditHead
        return AuditHead.model_validate(head)
