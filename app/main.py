"""The web process: routers, problems for every error, health, and a life cycle that closes in reverse order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from app.access import endpoints as access
from app.bootstrap import Services
from app.exports import endpoints as exports
from app.history import endpoints as history
from app.kit.errors import Failure, NotFound, known_problems
from app.kit.http import CheckedRoute, Envelope, reference, responses
from app.kit.logs import log
from app.kit.problem import NotReady, answer_failure, answer_invalid, answer_protocol, problem
from app.kit.view import View
from app.sources import endpoints as sources
from app.startup import prepare_store
from app.visitors import endpoints as visitors

VERSION = "0.1.0"
_PROBE_SECONDS = 2.0
# In the order of the data's path.
_TAGS = {
    "access": "Who the key belongs to, and what it may do where.",
    "sources": "The systems that report visitors.",
    "visitors": "Who is it? A Tracking ID or an email becomes candidates, grouped by data source.",
    "exports": "One candidate's data as a ZIP: requested, compiled in the background, downloaded, revoked.",
    "history": "Every export of a data center, for years.",
    "audit": "What was done, by whom and when.",
    "service": "Whether it works, and what its problems mean.",
}
_DESCRIPTION = (
    "Finds what a site has collected about a visitor, and exports it for that person. Every error is a problem "
    "document (RFC 9457) whose `type` is described at /problems/{slug}."
)


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


class HealthView(View):
    status: str
    checks: dict[str, str]


def create_app(services: Services) -> FastAPI:
    """The whole web process over its services."""
    app = FastAPI(
        title="Dossier", version=VERSION, description=_DESCRIPTION, docs_url=None, redoc_url=None, openapi_url=None,
        redirect_slashes=False, lifespan=_life_of(services),
        openapi_tags=[{"name": name, "description": said} for name, said in _TAGS.items()],
        generate_unique_id_function=lambda route: route.name,
    )  # fmt: skip
    for router in _routers(services):
        app.include_router(router)
    app.add_exception_handler(Failure, answer_failure)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_protocol)
    app.add_middleware(Envelope)
    _document_problems(app)
    return app


def _routers(services: Services) -> list[APIRouter]:
    titles = {center.id: center.title for center in services.registry.centers.values()}
    keeper = access.Gatekeeper(services.keys, titles, services.ledger)
    return [
        access.routes(keeper),
        sources.routes(services.registry, keeper),
        visitors.routes(services.search, keeper),
        exports.routes(services.exports, keeper),
        history.routes(services.history, keeper),
        _own_routes(services),
    ]  # fmt: skip


def _life_of(services: Services) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(services.close)
            if services.settings.embedded:
                await services.tick.end_leases()
            stack.push_async_callback(services.crew.stop)
            _begin_work(services)
            await prepare_store(services.store)
            if not services.registry.centers:
                log.warning("%s holds no data center; nothing can be searched yet.", services.settings.data_centers)
            yield

    return life


def _begin_work(services: Services) -> None:
    services.crew.begin("the tick", services.tick.forever())
    if services.settings.compiles_itself:
        services.crew.begin("the bell", services.bell.answer(services.run_job, services.settings.max_exports))


def _own_routes(services: Services) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["service"])
    _add_health(router, services)
    _add_descriptions(router)
    return router


def _add_health(router: APIRouter, services: Services) -> None:
    @router.get("/health/live", summary="The process runs")
    async def live() -> HealthView:
        """Answers as long as the process can answer anything. It asks nobody else: a restart mends no database."""
        return HealthView(status="ok", checks={})

    @router.get(
        "/health/ready", summary="The service can work", response_model=HealthView, responses=responses(NotReady)
    )
    async def ready(request: Request) -> Response | HealthView:
        """Ready means: its own database answers and is migrated. What else fails stands there as `degraded`."""
        checks = await _health(services)
        if checks["database"] not in ("ok", "behind"):
            return problem(NotReady(), reference(request), checks=checks)
        degraded = any(state != "ok" for state in checks.values())
        return HealthView(status="degraded" if degraded else "ok", checks=checks)


def _add_descriptions(router: APIRouter) -> None:
    @router.get("/openapi.json", include_in_schema=False)
    async def describe_contract(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())

    @router.get(
        "/problems/{slug}", summary="What a problem means", response_class=HTMLResponse, responses=responses(NotFound)
    )
    async def describe_problem(slug: str) -> HTMLResponse:
        """The page behind a problem's `type`: what happened, and how to mend it."""
        found = known_problems().get(slug)
        if found is None:
            raise NotFound
        return HTMLResponse(
            _PROBLEM_PAGE.format(slug=escape(slug), title=escape(found.title), help=escape(found.help()))
        )


async def _health(services: Services) -> dict[str, str]:
    """A probe waits for an answer, so whoever is slow counts as degraded."""
    sources = [source.reach() for _, source in services.registry.every_source()]
    asked: list[Awaitable[object]] = [
        services.database.state(), services.bell.check(), services.store.check(), *sources
    ]  # fmt: skip
    quick = (asyncio.wait_for(one, _PROBE_SECONDS) for one in asked)
    database, queue, storage, *reached = await asyncio.gather(*quick, return_exceptions=True)
    return {
        "database": database if isinstance(database, str) else "unreachable",
        "queue": "degraded" if queue else "ok",
        "storage": "degraded" if storage else "ok",
        "sources": "degraded" if any(reached) else "ok",
        "threads": f"{services.threads.abandoned} abandoned" if services.threads.abandoned else "ok",
    }


_PROBLEM_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    "<h1>{title}</h1><p><code>{slug}</code></p><p>{help}</p></html>"
)


def _document_problems(app: FastAPI) -> None:
    """FastAPI documents its own error shape; ours is another, and the document must say so."""
    document = app.openapi

    def documented() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = document()
            found["components"]["schemas"]["Problem"] = Problem.model_json_schema()
            for foreign in ("HTTPValidationError", "ValidationError"):
                found["components"]["schemas"].pop(foreign, None)
            for operation in (one for path in found["paths"].values() for one in path.values()):
                if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                    del operation["responses"]["422"]
        return app.openapi_schema or {}

    app.openapi = documented  # type: ignore[method-assign]  # the framework's own way to change the document
