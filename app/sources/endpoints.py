"""GET …/data-sources: where a data center's visitor data lives."""

from fastapi import APIRouter

from app.access.endpoints import DataCenterId, Gatekeeper
from app.access.port import Forbidden
from app.kit.documented import answer, problems
from app.kit.errors import NotFound
from app.kit.http import CheckedRoute
from app.kit.problem import Unauthenticated
from app.kit.view import View
from app.sources.registry import Registry


class DataSourceView(View):
    id: str
    title: str
    engine: str
    tracking_id_hint: str | None


class DataSources(View):
    items: list[DataSourceView]


def routes(registry: Registry, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["sources"])

    @router.get(
        "/v1/data-centers/{data_center}/data-sources",
        summary="The data sources of a data center",
        dependencies=[keeper.requires("history:read")],
        responses=problems(Unauthenticated, Forbidden, NotFound) | answer(200, "The data sources, by id."),
    )
    async def list_data_sources(data_center: DataCenterId) -> DataSources:
        """Systems that report visitors. `tracking_id_hint` says where a person finds their Tracking ID."""
        sources = registry.sources(data_center).values()
        return DataSources(items=[DataSourceView.model_validate(source.facts) for source in sources])

    return router
