"""The web process: routers, problems for every error, health, and a life cycle that closes in reverse order."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from app.access import endpoints as access
from app.bootstrap import Services
from app.console import endpoints as console
from app.contract import endpoints as contract
from app.contract.document import complete
from app.erasures import endpoints as erasures
from app.exports import endpoints as exports
from app.health import endpoints as health
from app.health.probe import Probe
from app.history import endpoints as history
from app.kit.errors import Failure
from app.kit.http import Envelope
from app.kit.logs import log
from app.kit.problem import answer_invalid, answer_protocol
from app.sources import endpoints as sources
from app.startup import prepare_store
from app.visitors import endpoints as visitors
from app.webhooks import endpoints as webhooks

VERSION = "0.1.0"
# In the order of the data's path.
_TAGS = {
    "access": "Who the key belongs to, and what it may do where.",
    "sources": "The systems that report visitors.",
    "visitors": "Who is it? A Tracking ID or an email becomes candidates, grouped by data source.",
    "exports": "One candidate's data as a ZIP: requested, compiled in the background, downloaded, revoked.",
    "erasures": "One visitor's data deleted: looked at first, confirmed, approved, proved by a receipt.",
    "history": "Every export and erasure of a data center, for years.",
    "audit": "What was done, by whom and when.",
    "webhooks": "What other services are told, if the data center names them.",
    "service": "Whether it works, and what its problems mean.",
}
# The framework's own traces and logs would hold each path as it was sent, and what an error quotes.
_SILENT: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
# Pages of the origins that are named call with a key; a cookie counts for the console's own pages alone.
_CORS: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "DELETE"], "max_age": 600,
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Range", "Range"],
    "expose_headers": [
        "Content-Disposition", "Content-Range", "ETag", "Location", "RateLimit", "RateLimit-Policy", "Repr-Digest",
        "Retry-After",
    ],
}  # fmt: skip
_DESCRIPTION = (
    "Finds what a site has collected about a visitor, and exports it for that person. Every error is a problem "
    "document (RFC 9457) whose `type` is described at /problems/{slug}."
)


def create_app(services: Services) -> FastAPI:
    """The whole web process over its services."""
    app = FastAPI(
        title="Dossier", version=VERSION, description=_DESCRIPTION, docs_url=None, redoc_url=None, openapi_url=None,
        redirect_slashes=False, lifespan=_life_of(services),
        openapi_tags=[{"name": name, "description": said} for name, said in _TAGS.items()], telemetry=_SILENT,
        generate_unique_id_function=lambda route: route.name,
        webhooks=webhooks.described(),
    )  # fmt: skip
    titles = {center.id: center.title for center in services.registry.centers.values()}
    keeper = access.Gatekeeper(services.access, services.sessions, titles, services.refusals)
    for router in _routers(services, keeper):
        app.include_router(router)
    app.add_exception_handler(Failure, keeper.answer)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_protocol)
    if services.settings.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=services.settings.cors_origins.split(), **_CORS)
    app.add_middleware(Envelope, metrics=services.metrics, traces=services.traces)
    complete(app)
    return app


def _routers(services: Services, keeper: access.Gatekeeper) -> list[APIRouter]:
    probe = Probe(services.database, services.bell, services.store, services.registry, services.threads)
    given = services.settings
    return [
        access.routes(keeper),
        sources.routes(services.registry, keeper),
        visitors.routes(services.search, keeper),
        exports.routes(services.exports, keeper),
        erasures.routes(services.erasures, keeper),
        history.routes(services.history, keeper),
        health.routes(probe),
        access.public_key_routes(services.public_keys),
        contract.routes(with_page=given.shows_docs),
        *([console.routes(services.sessions, keeper, services.oidc)] if given.shows_console else []),
        *([health.metrics(services.scrape)] if given.shows_metrics else []),
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
    services.crew.begin("the sealer", services.sealer.forever())
    if services.settings.compiles_itself:
        services.crew.begin("the bell", services.bell.answer(services.run_job, services.settings.max_exports))
        if services.deliver.receivers:
            services.crew.begin("the webhooks", services.deliver.forever())
