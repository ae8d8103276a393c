"""GET /health/live and /health/ready."""

from fastapi import APIRouter, Request, Response

from app.health.probe import Probe
from app.kit.documented import answer, problems
from app.kit.http import CheckedRoute, reference
from app.kit.problem import NotReady, problem
from app.kit.view import View

_SAID = answer(200, "It does; `checks` says how each part is.")


class HealthView(View):
    status: str
    checks: dict[str, str]


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
