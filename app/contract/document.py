"""Completes the OpenAPI document: problems in our own form, and examples that a run has answered."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

Node = dict[str, Any]
_EXAMPLES = Path(__file__).with_name("examples.json")


class Mistake(BaseModel):
    """Where in the request (`pointer`, RFC 6901) and what; never a word of what was sent."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Mistake] = []


def complete(app: FastAPI) -> None:
    """FastAPI documents its own form of errors, and knows no examples; the document must say what is so."""
    document = app.openapi

    def completed() -> Node:
        if app.openapi_schema is None:
            found = document()
            _put_own_problems(found)
            examples: dict[str, Node] = json.loads(_EXAMPLES.read_text("utf-8"))
            for operation in _operations(found):
                _put_examples(operation, examples.get(operation["operationId"], {}))
        return app.openapi_schema or {}

    app.openapi = completed  # type: ignore[method-assign]  # the framework's own way to change the document


def _put_own_problems(found: Node) -> None:
    schemas = found["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs") | {"Problem": problem}
    for foreign in ("HTTPValidationError", "ValidationError"):
        schemas.pop(foreign, None)
    for operation in _operations(found):
        if "application/json" in operation["responses"].get("422", {}).get("content", {}):
            del operation["responses"]["422"]


def _put_examples(operation: Node, examples: Mapping[str, Any]) -> None:
    """`examples` holds `parameters` by name, `request`, and `responses` by status."""
    for parameter in operation.get("parameters", []):
        if parameter["name"] in examples.get("parameters", {}):
            parameter["example"] = examples["parameters"][parameter["name"]]
    if "request" in examples:
        operation["requestBody"]["content"]["application/json"]["example"] = examples["request"]
    for status, body in examples.get("responses", {}).items():
        for media, content in operation["responses"][status]["content"].items():
            if isinstance(body, str) != media.endswith("json"):
                content["example"] = body


def _operations(found: Node) -> Iterator[Node]:
    for path in (*found["paths"].values(), *found.get("webhooks", {}).values()):
        yield from path.values()
