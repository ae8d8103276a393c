"""GET …/history: what was exported, by whom, until when."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AfterValidator

from app.access.endpoints import Gatekeeper
from app.access.port import Forbidden
from app.history.browse import Browse, Filters
from app.history.entry import Status
from app.history.schemas import HistoryPage, export_view
from app.kit.errors import NotFound
from app.kit.http import CheckedRoute, responses
from app.kit.page import PageTokenInvalid
from app.kit.problem import Unauthenticated, UnknownParameter, ValidationError
from app.kit.text import no_controls

_Text = Annotated[str, AfterValidator(no_controls)]
_PROBLEMS = responses(UnknownParameter, Unauthenticated, Forbidden, NotFound, ValidationError, PageTokenInvalid)


def routes(browse: Browse, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["history"])

    @router.get(
        "/v1/data-centers/{data_center}/history",
        summary="The history, newest first",
        dependencies=[keeper.requires("history:read")],
        responses=_PROBLEMS,
    )
    async def list_history(
        data_center: str,
        kind: Literal["export", "erasure"] | None = None,
        status: Annotated[Status | None, Query(description="`ready` leaves out what has expired.")] = None,
        data_source: Annotated[_Text | None, Query(max_length=64)] = None,
        page_size: Annotated[int, Query(ge=1, le=200)] = 50,
        page_token: Annotated[str | None, Query(max_length=1024)] = None,
    ) -> HistoryPage:
        """Every export of the data center, also those that failed, expired or were revoked."""
        page = await browse.page(data_center, Filters(kind, status, data_source), page_size, page_token)
        return HistoryPage(items=[export_view(entry) for entry in page.items], next_page_token=page.next_token)

    return router
