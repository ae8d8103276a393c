"""POST …/visitors/search: who is it?"""

from fastapi import APIRouter, Request

from app.access.endpoints import DataCenterId, Gatekeeper, acting
from app.access.limits import QuotaExceeded
from app.access.port import Forbidden
from app.kit.direct import DirectRoute
from app.kit.documented import LIMITED, answer, follow_up, problems
from app.kit.errors import NotFound
from app.kit.problem import PayloadTooLarge, Unauthenticated, UnsupportedMediaType, ValidationError
from app.sources.identifier import Identifier
from app.visitors.schemas import SearchRequest, SearchResult
from app.visitors.search import Search

_PROBLEMS = problems(
    Unauthenticated, Forbidden, NotFound, PayloadTooLarge, UnsupportedMediaType, ValidationError, QuotaExceeded
)
_EXPORT = follow_up(
    "create_export",
    "Exactly one candidate, chosen by a person, becomes an export.",
    {"data_center": "$request.path.data_center"},
    {"candidate": "$response.body#/data_sources/0/visitors/0/combinations/0/candidate"},
)
_FOUND = answer(
    200, "What each data source answered; one that could not is named.", *LIMITED, links={"export": _EXPORT}
)


def routes(search: Search, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=DirectRoute, tags=["visitors"])

    @router.post(
        "/v1/data-centers/{data_center}/visitors/search",
        summary="Find visitors",
        dependencies=[keeper.requires("visitors:search")],
        responses=_PROBLEMS | _FOUND,
    )
    async def search_visitors(request: Request, data_center: DataCenterId, body: SearchRequest) -> SearchResult:
        """The visitors that match a Tracking ID or an email, grouped by data source. Ask the person which device
        and browser are theirs: anybody can type somebody else's email into a form, so nothing is preselected."""
        return await search(await acting(request), data_center, Identifier.typed(body.identifier, body.kind))

    return router
