"""What every address has in common: checks before the body is read, an own reference, a last safety net."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kit.errors import Failure
from app.kit.headers import gathering
from app.kit.logs import about, log, whereabouts
from app.kit.metrics import Metrics
from app.kit.problem import (
    NotAcceptable,
    PayloadTooLarge,
    RequestTimeout,
    UnknownParameter,
    UnsupportedMediaType,
    problem,
)
from app.kit.traces import Traces

JSON = "application/json"
MOST_BODY_BYTES = 64 * 1024
# On every answer that does not say otherwise: for the reader alone, kept by nobody, and no page of anybody's (OWASP's
# REST and HTTP headers cheat sheets). A browser obeys Strict-Transport-Security over TLS alone.
SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"), (b"strict-transport-security", b"max-age=31536000"),
)  # fmt: skip
# Headers that change what a request means; an address that does not serve one must not ignore it.
_NEVER_IGNORED = ("idempotency-key",)
_SCHEME = (
    "An API key: `dossier_<id>_<secret>`. Where an identity provider is configured, a JWT that it signed for this "
    "service does too."
)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}


class Guard(HTTPBearer, ABC):
    """A dependency that decides before anything of the request's body is read."""

    def __init__(self) -> None:
        super().__init__(scheme_name="key", description=_SCHEME, auto_error=False)

    @abstractmethod
    async def admit(self, request: Request) -> None:
        """Raises the failure that answers the request, or returns."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]  # the token itself goes nowhere
        """What FastAPI calls, with the body at hand; `CheckedRoute` has asked `admit` by then."""


class CheckedRoute(APIRoute):
    """A route whose guard comes first, and which names what it does not understand instead of ignoring it.

    FastAPI reads and parses the body before it calls any dependency, so a guard among the dependencies would let
    anybody send a body, and would tell a stranger what is wrong with theirs. Here guards are asked before that; they
    stand among the dependencies all the same, for there FastAPI finds the security of the OpenAPI document.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = self.handler()
        guards = [need.call for need in self.dependant.dependencies if isinstance(need.call, Guard)]
        needs = list(_all_of(self.dependant))
        known = {field.alias for need in needs for field in need.query_params}
        headers = {field.alias for need in needs for field in need.header_params}
        media_types = {
            getattr(self.response_class, "media_type", None) or JSON,
            *getattr(self.response_class, "also", ()),
        }

        async def checked(request: Request) -> Response:
            for guard in guards:
                await guard.admit(request)
            _refuse_unknown(request, known, headers)
            _refuse_unacceptable(request, media_types)
            if self.body_field:
                _refuse_other_than_json(request)
                # Read here, where one that is too long is told as 413: whatever FastAPI meets while it reads a body
                # becomes a 400. What was read is kept, and FastAPI finds it.
                await request.body()
            return await handle(request)

        return checked

    def handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers once everything is checked."""
        return super().get_route_handler()


def _all_of(need: Dependant) -> Iterator[Dependant]:
    yield need
    for inner in need.dependencies:
        yield from _all_of(inner)


def asks_for_head(request: Request) -> bool:
    """Whether only the headers are wanted, so that nothing large needs to be read."""
    return bool(request.state.head)


def headers_only(headers: Mapping[str, str], media_type: str, status: int = 200) -> Response:
    """An answer to HEAD; how long the bytes would be stands in it only where the headers say so."""
    answer = Response(None, status, headers, media_type)
    if "Content-Length" not in headers:
        del answer.headers["Content-Length"]
    return answer


def reference(request: Request) -> str:
    """The id of this request, as it stands in problems, the log and the audit trail."""
    return str(request.state.reference)


class Envelope:
    """The outermost layer: gives a request its reference, logs its end, and answers what nobody caught."""

    def __init__(self, app: ASGIApp, metrics: Metrics, traces: Traces) -> None:
        self._app, self._metrics, self._traces = app, metrics, traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = {"reference": str(uuid4()), "head": scope["method"] == "HEAD"}
        # HEAD is answered by what answers GET, without the bytes (RFC 9110, 9.3.2). In a copy, because the server looks
        # at its own when it sends the answer.
        method = "GET" if state["head"] else scope["method"]
        inner = {**scope, "state": scope.get("state", {}) | state, "method": method}
        await _Exchange(inner, send, self._metrics, self._traces).run(self._app, receive)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send, metrics: Metrics, traces: Traces) -> None:
        self._scope, self._send, self._metrics, self._traces = scope, send, metrics, traces
        self._status = 0
        self._added: Mapping[str, str] = {}
        self._started = time.monotonic()

    async def run(self, app: ASGIApp, receive: Receive) -> None:
        reference = self._scope["state"]["reference"]
        with about(reference), self._traces.request(self._scope["headers"]), gathering() as self._added:
            try:
                await app(self._scope, _bounded(receive), self._answer)
            except ClientDisconnect:
                if self._status:
                    raise ConnectionAbortedError from None
                # Its body did not come in time, which it has been told, or its sender went away.
                self._status = RequestTimeout.status
            except Exception as error:  # noqa: BLE001  the last line: nobody else may print what an error quotes
                log.error("the request failed: %s", whereabouts(error))
                if self._status:
                    raise ConnectionAbortedError from None
                answer = problem(Failure(), reference)
                await answer(self._scope, receive, self._answer)
            finally:
                self._tell()

    async def _answer(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            added = [(name.lower().encode(), value.encode()) for name, value in self._added.items()]
            message["headers"] = with_safe_headers([*message["headers"], *added])
        elif self._scope["state"]["head"]:
            message["body"] = b""
        await self._send(message)

    def _tell(self) -> None:
        # The template and never the path: somebody may have put an email where an id belongs.
        route, took = self._scope.get("route"), time.monotonic() - self._started
        path, operation = getattr(route, "path", None), getattr(route, "name", "unknown")
        method = "HEAD" if self._scope["state"]["head"] else self._scope["method"]
        known = method in _METHODS
        self._metrics.answered(operation, self._status, took)
        self._traces.answered(operation, method if known else "_OTHER", path, self._status)
        fields = {"operation": operation, "status": self._status, "ms": round(took * 1000)}
        what = (method if known else "an unknown method", path or "an unknown path")
        log.info("%s %s %d %.0f ms", *what, self._status, took * 1000, extra={"fields": fields})


def _bounded(receive: Receive) -> Receive:
    left = MOST_BODY_BYTES

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise PayloadTooLarge
        return message

    return counted


def with_safe_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    names = {name for name, _ in given}
    return [*(pair for pair in SAFE_HEADERS if pair[0] not in names), *given]


def _refuse_unknown(request: Request, known: set[str], headers: set[str]) -> None:
    if not known.issuperset(request.query_params):
        names = ", ".join(sorted(known)) or "none"
        raise UnknownParameter(f"The address has a query parameter that is not known here. Known: {names}.")
    for header in _NEVER_IGNORED:
        if header in request.headers and header not in headers:
            raise UnknownParameter(f"The header {header} is not served at this address; send the request without it.")


def _refuse_unacceptable(request: Request, media_types: set[str]) -> None:
    if not accepts(request, *media_types):
        raise NotAcceptable(f"This address answers with {' or '.join(sorted(media_types))} only.")


def accepts(request: Request, *media_types: str) -> bool:
    """Whether one of them will do, by the Accept header."""
    accept = request.headers.get("accept")
    wider = (f"{one.partition('/')[0]}/*" for one in media_types)
    return not accept or not {"*/*", *media_types, *wider}.isdisjoint(map(_range, accept.split(",")))


def _range(part: str) -> str | None:
    """A media range of an Accept header, or None where its weight is 0 (RFC 9110, 12.5.1)."""
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    refused = any(piece.startswith("q=") and not piece[2:].strip("0.") for piece in parameters)
    return None if refused else media


def _refuse_other_than_json(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != JSON and not (media.startswith("application/") and media.endswith("+json")):
        raise UnsupportedMediaType
