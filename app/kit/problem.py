"""Every error as RFC 9457 `application/problem+json`: the kind decides the status, the edge adds its own."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from app.kit.errors import Conflict, Denied, Exceeded, Failure, Gone, Invalid, Missing, NotFound, Unavailable

_SAFE_MESSAGES = {
    "json_invalid": "The body is not valid JSON.",
    "extra_forbidden": "There is a field that is not known here; remove it, or correct its spelling.",
    "missing": "A required value is missing.",
}
_STATUS: dict[type[Failure], int] = {
    Invalid: 422,
    Denied: 403,
    Missing: 404,
    Conflict: 409,
    Gone: 410,
    Exceeded: 429,
    Unavailable: 503,
}


class EdgeFailure(Failure):
    """An error of the HTTP protocol itself, with its own status."""

    status: ClassVar[int]


class UnknownParameter(EdgeFailure):
    """The request has a query parameter or header that this address does not know, or not yet. Nothing is
    ignored silently: leave it out, or check its spelling against /openapi.json."""

    slug, title, status = "unknown-parameter", "Unknown parameter", 400


class Unauthenticated(EdgeFailure):
    """Send `Authorization: Bearer <key>` with a key that exists, has not expired and was not revoked.
    `python -m app keys create` makes one. Where an identity provider is configured, a token of it that is in time and
    for this service does too."""

    slug, title, status = "unauthenticated", "A valid key is needed", 401
    is_refusal = True


class MethodNotAllowed(EdgeFailure):
    """This address does not take this method; the `Allow` header names those that it takes."""

    slug, title, status = "method-not-allowed", "Method not allowed", 405


class NotAcceptable(EdgeFailure):
    """The `Accept` header excludes everything that this address can answer with."""

    slug, title, status = "not-acceptable", "Not acceptable", 406


class RequestTimeout(EdgeFailure):
    """A request must have come whole in time: its headers within 10 s, its body within 30 s of them. The connection
    was closed, and nothing was done; send it again."""

    slug, title, status = "request-timeout", "The request took too long to arrive", 408


class PayloadTooLarge(EdgeFailure):
    """The body of a request may hold 64 KiB at most."""

    slug, title, status = "payload-too-large", "The body is too large", 413


class UnsupportedMediaType(EdgeFailure):
    """The body must be JSON and say so: `Content-Type: application/json`."""

    slug, title, status = "unsupported-media-type", "The body must be JSON", 415


class RangeNotSatisfiable(EdgeFailure):
    """The range lies beyond the end of the archive; `Content-Range` says how long it is (RFC 9110, 14.4)."""

    slug, title, status = "range-not-satisfiable", "The range lies beyond the end", 416


class HeadersTooLarge(EdgeFailure):
    """The request line and the headers of a request may hold 64 KiB together. The connection was closed."""

    slug, title, status = "headers-too-large", "The headers are too large", 431


class MalformedRequest(EdgeFailure):
    """What was sent is not an HTTP/1.1 request. The connection was closed."""

    slug, title, status = "malformed-request", "This is not an HTTP request", 400


class TooManyConnections(EdgeFailure):
    """This process has as many connections open as it can hold, and all are being answered. The connection was closed;
    try again after some seconds (`Retry-After`)."""

    slug, title, status = "too-many-connections", "Too many connections", 503


class NotReady(EdgeFailure):
    """The service's own database cannot be reached, or its schema is not migrated: `python -m app migrate`."""

    slug, title, status = "not-ready", "Not ready", 503


class ValidationError(Invalid):
    """The body or a parameter does not have the form of the contract; `errors` says where (`pointer`,
    RFC 6901) and what is wrong, without repeating what was sent."""

    slug = "validation-error"
    title = "The request does not have the right form"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("One or more values do not have the right form; see `errors`.")
        self.errors = errors


def status_of(kind: type[Failure]) -> int:
    """The HTTP status of a kind of failure; 500 for what has none."""
    if issubclass(kind, EdgeFailure):
        return kind.status
    return next((status for base, status in _STATUS.items() if issubclass(kind, base)), 500)


def problem(failure: Failure, reference: str, headers: Mapping[str, str] | None = None, **members: object) -> Response:
    """The response for a failure; `reference` is this occurrence's own id, also found in the log, where
    the request came whole."""
    body = problem_body(failure, reference) | members
    return Response(
        json.dumps(body, ensure_ascii=False),
        status_of(type(failure)),
        {"Cache-Control": "no-store", **(headers or {})},
        "application/problem+json",
    )


def problem_body(failure: Failure, reference: str) -> dict[str, Any]:
    """The document itself (RFC 9457, 3.1)."""
    body: dict[str, Any] = {
        "type": f"/problems/{failure.slug}",
        "title": failure.title,
        "status": status_of(type(failure)),
        "detail": failure.detail,
        "instance": f"urn:uuid:{reference}",
    }
    return body | ({"errors": failure.errors} if isinstance(failure, ValidationError) else {})


async def answer_failure(request: Request, error: Exception) -> Response:
    failure = error if isinstance(error, Failure) else Failure()
    headers = {"WWW-Authenticate": "Bearer"} if status_of(type(failure)) == 401 else {}  # noqa: PLR2004
    if isinstance(failure, Exceeded):
        headers["Retry-After"] = str(failure.retry_after)
    return problem(failure, _reference(request), headers)


async def answer_invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    return problem(ValidationError([_mistake(one) for one in found]), _reference(request))


def _mistake(error: dict[str, Any]) -> dict[str, str]:
    """Where and what, without a word of what was sent: an unknown field's name is the sender's too."""
    known = error["loc"][1:] if error["type"] not in ("extra_forbidden", "json_invalid") else error["loc"][1:-1]
    pointer = "".join(f"/{part}" for part in known)
    said = _SAFE_MESSAGES.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
    return {"pointer": pointer, "detail": said}


async def answer_protocol(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 400:  # noqa: PLR2004  FastAPI's word for a body that its JSON decoder cannot stomach
        mistake = {"pointer": "", "detail": _SAFE_MESSAGES["json_invalid"]}
        return problem(ValidationError([mistake]), _reference(request))
    kind: type[Failure] = {404: NotFound, 405: MethodNotAllowed, 413: PayloadTooLarge}.get(status, Failure)
    if kind is MethodNotAllowed:
        headers["Allow"] = ", ".join(_allowed(request))
    return problem(kind(), _reference(request), headers)


def _allowed(request: Request) -> list[str]:
    """The methods of every route at this path; the framework names only the first one's. Where a name of ours stands
    at the place of an id, only its own."""
    app: FastAPI = request.app
    found = dict[str, set[str]]()
    for route in _flat(app.routes):
        for method in ("GET", "POST", "DELETE"):
            match, _ = route.matches({**request.scope, "method": method})
            if match.name == "FULL":
                mine = found.setdefault(getattr(route, "path", ""), set())
                mine |= {"GET", "HEAD"} if method == "GET" else {method}
    return sorted(found[min(found, key=lambda path: path.count("{"))]) if found else []


def _flat(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """A router that was included stands among them as a whole."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        yield from _flat(inner.routes) if inner else [route]


def _reference(request: Request) -> str:
    return str(request.state.reference)
