"""The contract over HTTP: /openapi.json, /docs that renders it, and /problems/{slug}."""

from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from app.kit.documented import answer, problems
from app.kit.errors import NotFound, known_problems
from app.kit.http import CheckedRoute

Slug = Annotated[str, Path(description="The last part of a problem's `type`.")]


class ScriptResponse(Response):
    media_type = "text/javascript"


class StyleResponse(Response):
    media_type = "text/css"


def routes(*, with_page: bool) -> APIRouter:
    """`with_page` switches /docs on."""
    router = APIRouter(route_class=CheckedRoute, tags=["service"])
    _add_document(router)
    _add_problem(router)
    if with_page:
        _add_page(router)
        viewer = files("fastapi_offline") / "static"
        _add_file(router, "swagger-ui.css", StyleResponse, viewer)
        _add_file(router, "swagger-ui-bundle.js", ScriptResponse, viewer)
        _add_file(router, "start.js", ScriptResponse, files(__package__))
    return router


def _add_document(router: APIRouter) -> None:
    @router.get("/openapi.json", include_in_schema=False)
    async def describe_contract(request: Request) -> JSONResponse:
        return JSONResponse(request.app.openapi())


def _add_problem(router: APIRouter) -> None:
    @router.get(
        "/problems/{slug}", summary="What a problem means", response_class=HTMLResponse,
        responses=problems(NotFound) | answer(200, "A page for people."),
    )  # fmt: skip
    async def describe_problem(slug: Slug) -> HTMLResponse:
        """The page behind a problem's `type`: what happened, and how to mend it."""
        found = known_problems().get(slug)
        if found is None:
            raise NotFound
        return HTMLResponse(
            _PROBLEM_PAGE.format(slug=escape(slug), title=escape(found.title), help=escape(found.help()))
        )


def _add_page(router: APIRouter) -> None:
    @router.get("/docs", include_in_schema=False, response_class=HTMLResponse)
    async def show_contract() -> HTMLResponse:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


def _add_file(router: APIRouter, name: str, kind: type[Response], folder: Traversable) -> None:
    @router.get(f"/docs/{name}", include_in_schema=False, response_class=kind, name=name)
    async def send_file() -> Response:
        return kind((folder / name).read_bytes(), headers={"Cache-Control": "max-age=3600"})


_PROBLEM_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    "<h1>{title}</h1><p><code>{slug}</code></p><p>{help}</p></html>"
)
# The viewer sets styles of single elements by script, and its symbols are data: addresses.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Dossier: the API</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<link rel="icon" href="data:,"><link rel="stylesheet" href="docs/swagger-ui.css">'
    '<main id="contract"></main>'
    '<script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></html>'
)
