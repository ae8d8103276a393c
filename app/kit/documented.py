"""What the OpenAPI document says of an operation's answers: its problems, and the headers and links of the others."""

from collections.abc import Mapping
from typing import Any

from app.kit.db import DatabaseUnavailable
from app.kit.errors import Failure, IssuerAway
from app.kit.problem import (
    NotAcceptable,
    Unauthenticated,
    UnknownParameter,
    ValidationError,
    problem_body,
    status_of,
)

Answers = dict[int | str, dict[str, Any]]
PROBLEM_MEDIA = "application/problem+json"
_REFERENCE = "01890a5d-ac96-774b-bcce-b302099a8057"
_DIGEST = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="
_HEADERS: dict[str, tuple[str, Any]] = {
    "Location": ("Absolute path of the export.", f"/v1/data-centers/acme/exports/{_REFERENCE}"),
    "Retry-After": ("Seconds after which it is worth asking again.", 2),
    "ETag": ("Stands for exactly this state; send it as `If-None-Match`.", '"5f0c2b9d8e7a61435f0c2b9d8e7a6143"'),
    "Content-Disposition": ("A file name without personal data.", f'attachment; filename="export-{_REFERENCE}.zip"'),
    "Content-Length": ("Bytes of this answer.", 48213),
    "Content-Range": ("Which bytes of how many these are (RFC 9110, 14.4).", "bytes 0-1023/48213"),
    "Accept-Ranges": ("A broken download can be resumed.", "bytes"),
    "Repr-Digest": (
        "SHA-256 of the whole archive, in Base64 (RFC 9530).",
        f"sha-256=:{_DIGEST}:",
    ),
    "RateLimit-Policy": (
        "The limits of this administrator in this data center: so many (`q`) in so many seconds (`w`).",
        '"minute";q=30;w=60, "day";q=500;w=86400',
    ),
    "RateLimit": (
        "What is left of each (`r`), and in how many seconds it is more (`t`).",
        '"minute";r=29;t=60, "day";r=412;t=3121',
    ),
    "WWW-Authenticate": ("How to say who you are (RFC 6750).", "Bearer"),
}


# What the answers of operations with a limit tell.
LIMITED = ("RateLimit-Policy", "RateLimit")


def answer(status: int, description: str, *headers: str, **more: object) -> Answers:
    """An answer that is no problem; `more` are members of a Response Object, such as `links` and `content`."""
    described: dict[str, Any] = {"description": description, **more}
    if headers:
        described["headers"] = {name: _header(name) for name in headers}
    return {status: described}


def problems(*failures: type[Failure]) -> Answers:
    """The problems that an operation can answer with; some of them any can."""
    everywhere: set[type[Failure]] = {Failure, DatabaseUnavailable, UnknownParameter, NotAcceptable}
    if Unauthenticated in failures:
        everywhere.add(IssuerAway)
    documented: Answers = {}
    for failure in sorted(everywhere.union(failures), key=lambda one: (status_of(one), one.slug)):
        entry = documented.setdefault(status_of(failure), _no_problem_yet())
        entry["description"] = "; ".join(filter(None, (entry["description"], f"`{failure.slug}`: {failure.title}")))
        example = {"summary": failure.title, "value": problem_body(_met(failure), _REFERENCE)}
        entry["content"][PROBLEM_MEDIA]["examples"][failure.slug] = example
    for status, headers in {401: ("WWW-Authenticate",), 429: ("Retry-After", *LIMITED)}.items():
        if status in documented:
            documented[status]["headers"] = {name: _header(name) for name in headers}
    return documented


def follow_up(
    operation: str, description: str, parameters: Mapping[str, str], body: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A Link Object (OpenAPI 3.1, 4.8.20): what an answer can be used for next, values taken out of it."""
    link: dict[str, Any] = {"operationId": operation, "description": description, "parameters": parameters}
    return link | ({"requestBody": body} if body else {})


def _met(kind: type[Failure]) -> Failure:
    if kind is ValidationError:
        return ValidationError([{"pointer": "/identifier", "detail": "must not be empty"}])
    return kind()


def _no_problem_yet() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": "", "content": {PROBLEM_MEDIA: {"schema": schema, "examples": {}}}}


def _header(name: str) -> dict[str, Any]:
    description, example = _HEADERS[name]
    kind = "integer" if isinstance(example, int) else "string"
    return {"description": description, "schema": {"type": kind}, "example": example}
