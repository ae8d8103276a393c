"""GET …/data-sources: where a data center's visitor data lives."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app.access.endpoints import Gatekeeper
from app.access.port import Forbidden
from app.kit.errors import NotFound
from app.kit.http import CheckedRoute, responses
from app.kit.problem import Unauthenticated
from app.sources.registry import Registry


class DataSourceView(BaseModel):
    model_config = ConfigDict(frozen=True)
    id: str
    title: str
    engine: str
    tracking_id_hint: str | None


class DataSources(BaseModel):
    model_config = ConfigDict(frozen=True)
    items: list[DataSourceView]


def routes(registry: Registry, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["sources"])

    @router.get(
        "/v1/data-centers/{data_center}/data-sources",
        summary="The data sources of a data center",
        dependencies=[keeper.requires("history:read")],
        responses=responses(Unauthenticated, Forbidden, NotFound),
    )
    async def list_data_sources(data_center: str) -> DataSources:
        """Systems that report visitors. `tracking_id_hint` says where a person finds their Tracking ID."""
        facts = [source.facts for source in registry.sources(data_center).values()]
        return DataSources(
            items=[
                DataSourceView(id=one.id, title=one.title, engine=one.engine, tracking_id_hint=one.tracking_id_hint)
                for one in facts
            ]
        )

    return router
