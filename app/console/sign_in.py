"""/console/oidc: signing in at an identity provider instead of with a key."""

import secrets
from urllib.parse import urlunsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from app.access.endpoints import Gatekeeper, address_of
from app.access.joined import Tokens
from app.access.sessions import Sessions
from app.console.cookie import is_secure, keep
from app.kit.errors import IssuerAway
from app.kit.http import reference
from app.kit.problem import Unauthenticated

# The provider leads the browser back here from its own pages: a cookie that is Strict would stay behind then.
_COOKIE, _PATH, _SECONDS = "dossier_sign_in", "/console/oidc", 600
_BACK = f"{_PATH}/callback"
_SECRET_BYTES = 32


def oidc_routes(tokens: Tokens, sessions: Sessions, keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(prefix=_PATH, include_in_schema=False)

    @router.get("/begin")
    async def begin_sign_in(request: Request) -> RedirectResponse:
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        try:
            answer = RedirectResponse(await tokens.begin(secret, _back(request)), 303)
        except IssuerAway:
            return _failed("away")
        answer.set_cookie(
            _COOKIE, secret, max_age=_SECONDS, path=_PATH, httponly=True, samesite="lax", secure=is_secure(request)
        )
        return answer

    @router.get("/callback")
    async def finish_sign_in(request: Request) -> RedirectResponse:
        """Whatever comes of it, the secret counts once."""
        answer = await _finish(tokens, sessions, keeper, request)
        answer.delete_cookie(_COOKIE, path=_PATH, httponly=True, samesite="lax")
        return answer

    return router


async def _finish(tokens: Tokens, sessions: Sessions, keeper: Gatekeeper, request: Request) -> RedirectResponse:
    secret, told = request.cookies.get(_COOKIE), dict(request.query_params)
    try:
        found = await tokens.finish(secret, _back(request), told) if secret else None
    except IssuerAway:
        return _failed("away")
    if found is None:
        keeper.expects_stranger(request)
        await keeper.record(request, Unauthenticated())
        return _failed("refused" if secret else "late")
    answer = RedirectResponse("/console#oidc=done", 303)
    keep(answer, await sessions.open(found, address_of(request), reference(request)), request)
    return answer


def _failed(why: str) -> RedirectResponse:
    """The page has the sentence; behind a # it is sent nowhere."""
    return RedirectResponse(f"/console#oidc={why}", 303)


def _back(request: Request) -> str:
    """As the provider knows it: over TLS, which may end before this process, but for one's own machine."""
    scheme = "https" if is_secure(request) else "http"
    return urlunsplit((scheme, request.url.netloc, _BACK, "", ""))
