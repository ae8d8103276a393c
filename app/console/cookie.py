"""The cookie of a session, and whether a browser may send it without TLS."""

from fastapi import Request, Response

from app.access.endpoints import COOKIE
from app.access.sessions import Opened

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def keep(answer: Response, opened: Opened, request: Request) -> None:
    """For as long as the browser runs, at most."""
    answer.set_cookie(COOKIE, opened.secret, httponly=True, samesite="strict", secure=is_secure(request), path="/")


def is_secure(request: Request) -> bool:
    """Only TLS takes cookies along, but for one's own machine."""
    return request.url.hostname not in _LOOPBACK
