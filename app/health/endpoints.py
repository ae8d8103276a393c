"""GET /health/live and /health/ready, and /metrics where it is switched on."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from app.health.probe import Probe
from app.health.scrape import Scrape
from app.kit.documented import answer, problems
from app.kit.http import CheckedRoute, reference
from app.kit.metrics import TEXT
from app.kit.problem import NotReady, problem
from app.kit.view import View

_SAID = answer(200, "It does; `checks` says how each part is.")


class HealthView(View):
    status: str
    checks: dict[str, str]


def metrics(scrape: Scrape) -> APIRouter:
    """Not in the OpenAPI document: it is Prometheus' own format, for operators."""
    router = APIRouter(route_class=CheckedRoute)

    @router.get("/metrics", include_in_schema=False, response_class=PlainTextResponse)
    async def read_metrics() -> Response:
        return Response(await scrape(), media_type=TEXT)

    return router


def routes(probe: Probe) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["service"])

    @router.get("/health/live", summary="The process runs", responses=problems() | _SAID)
    async def live() -> HealthView:
        """Answers as long as the process can answer anything. It asks nobody else: a restart mends no database."""
        return HealthView(status="ok", checks={})

    @router.get(
        "/health/ready", summary="The service can work", response_model=HealthView,
        responses=problems(NotReady) | _SAID,
    )  # fmt: skip
    async def ready(request: Request) -> Response | HealthView:
        """Ready means: its own database answers and is migrated. What else fails stands there as `degraded`."""
        checks = await probe()
        if checks["database"] not in ("ok", "behind"):
            return problem(NotReady(), reference(request), checks=checks)
        degraded = any(state != "ok" for state in checks.values())
        return HealthView(status="degraded" if degraded else "ok", checks=checks)

    return router
