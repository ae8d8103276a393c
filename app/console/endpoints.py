"""/console: the page, its files, and a key exchanged for a session cookie."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field, model_validator

from app.access.endpoints import COOKIE, CSRF, Gatekeeper, address_of
from app.access.joined import Tokens
from app.access.port import key_id_of
from app.access.sessions import IDLE, Session, Sessions, is_csrf
from app.console.cookie import keep
from app.console.sign_in import oidc_routes
from app.kit.errors import NotFound
from app.kit.http import CheckedRoute, reference
from app.kit.problem import Unauthenticated
from app.kit.view import Body, Moment, View

_PAGE = Path(__file__).with_name("page")
_VIEWS = ("", "/history", "/audit", "/exports/{id}", "/erasures/{id}")
_MEDIA = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_Secret = Annotated[str, Field(min_length=1, max_length=200)]


class SignIn(Body):
    """A key, or the ticket of a link that signs its reader in, once."""

    key: _Secret | None = None
    ticket: _Secret | None = None

    @model_validator(mode="after")
    def _one(self) -> "SignIn":
        if (self.key is None) == (self.ticket is None):
            raise ValueError("needs either a key or a ticket")
        return self


class SessionView(View):
    name: str
    csrf: Annotated[str, Field(description="To be sent in X-CSRF-Token with every request.")]
    expires_at: Moment
    idle_seconds: int


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    etag: str


def routes(sessions: Sessions, keeper: Gatekeeper, tokens: Tokens | None) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_page(router, b' data-oidc="yes"' if tokens else b"")
    _add_files(router)
    router.include_router(_session_routes(sessions, keeper))
    if tokens:
        router.include_router(oidc_routes(tokens, sessions, keeper))
    return router


def _add_page(router: APIRouter, told: bytes) -> None:
    """Every view is the same page, which looks at its own address; `told` are attributes of its root."""
    page = _file((_PAGE / "index.html").read_bytes().replace(b'<html lang="en"', b'<html lang="en"' + told), ".html")

    async def show(request: Request) -> Response:
        return _sent(page, request)

    for view in _VIEWS:
        router.get(f"/console{view}", name="show_console")(show)

    @router.get("/", name="lead_to_console")
    async def lead() -> Response:
        return RedirectResponse("/console", 307)


def _add_files(router: APIRouter) -> None:
    files = dict(_files())

    @router.get("/console/files/{name}", name="send_console_file")
    async def send(request: Request, name: str) -> Response:
        if name not in files:
            raise NotFound
        return _sent(files[name], request)


def _session_routes(sessions: Sessions, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, prefix="/console/session", include_in_schema=False)

    @router.get("")
    async def read_session(request: Request) -> SessionView:
        return _view(await _found(sessions, request))

    @router.post("", status_code=201)
    async def sign_in(request: Request, body: SignIn, answer: Response) -> SessionView:
        told = (address_of(request), reference(request))
        if body.key is not None:
            opened = await sessions.sign_in(body.key, *told)
        else:
            opened = await sessions.redeem(body.ticket or "", *told)
        if opened is None:
            keeper.expects_stranger(request, key_id_of(body.key or ""))
            raise Unauthenticated("This key is not a live one, or the link was used before; ask for another.")
        keep(answer, opened, request)
        return _view(opened.session)

    @router.delete("", status_code=204)
    async def sign_out(request: Request) -> Response:
        session = await _found(sessions, request)
        if not is_csrf(session, request.headers.get(CSRF, "")):
            raise Unauthenticated
        await sessions.end(request.cookies[COOKIE], session, address_of(request), reference(request))
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    return router


async def _found(sessions: Sessions, request: Request) -> Session:
    found = await sessions.find(request.cookies.get(COOKIE, ""))
    if found is None:
        raise Unauthenticated
    return found


def _view(session: Session) -> SessionView:
    return SessionView(
        name=session.administrator.name,
        csrf=session.csrf,
        expires_at=session.ends_at,
        idle_seconds=int(IDLE.total_seconds()),
    )


def _files() -> Iterator[tuple[str, _File]]:
    for path in _PAGE.iterdir():
        if path.suffix in _MEDIA and path.name != "index.html":
            yield path.name, _file(path.read_bytes(), path.suffix)


def _file(content: bytes, suffix: str) -> _File:
    return _File(content, _MEDIA[suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _sent(file: _File, request: Request) -> Response:
    """Kept by the browser, which asks each time whether it is still the same."""
    headers = {"ETag": file.etag, "Cache-Control": "no-cache", "Content-Security-Policy": _POLICY}
    headers["Referrer-Policy"] = "no-referrer"
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)
