"""What would break a client is told by name, and what would not is let be."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from app.kit.compatibility import breaks

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "openapi" / "openapi.json").read_text())
EXPORTS, HISTORY = "/v1/data-centers/{data_center}/exports", "/v1/data-centers/{data_center}/history"
Change = Callable[[dict[str, Any]], object]


def schema(document: dict[str, Any], name: str) -> Any:
    return document["components"]["schemas"][name]


def operation(document: dict[str, Any], path: str, method: str = "get") -> Any:
    return document["paths"][path][method]


def after(change: Change) -> list[str]:
    changed = deepcopy(DOCUMENT)
    change(changed)
    return list(breaks(DOCUMENT, changed))


BREAKING: dict[str, tuple[Change, str]] = {
    "a path": (lambda told: told["paths"].pop("/v1/me"), "GET /v1/me is gone"),
    "a method": (lambda told: told["paths"][EXPORTS + "/{id}"].pop("delete"), "DELETE /v1/data-centers/{data_center}/exports/{id} is gone"),
    "an id": (lambda told: operation(told, "/v1/me").update(operationId="who"), "GET /v1/me has another operationId"),
    "a parameter": (lambda told: operation(told, HISTORY)["parameters"].pop(), "does not take the query parameter"),
    "a demanded parameter": (
        lambda told: operation(told, HISTORY)["parameters"].append({"in": "query", "name": "x", "required": True, "schema": {}}),
        "demands the query parameter x",
    ),
    "a status": (lambda told: operation(told, EXPORTS, "post")["responses"].pop("202"), "does not answer 202 any more"),
    "a media type": (
        lambda told: operation(told, HISTORY)["responses"]["200"].update(content={"text/csv": {}}),
        "is not application/json any more",
    ),
    "a field of an answer": (lambda told: schema(told, "Export")["properties"].pop("sha256"), "sha256 is gone"),
    "a promised field": (lambda told: schema(told, "Export")["required"].remove("links"), "links may be missing"),
    "null where none was": (
        lambda told: schema(told, "Export")["properties"].update(downloads={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        "downloads may now be null",
    ),
    "another type": (lambda told: schema(told, "Me")["properties"].update(name={"type": "integer"}), "name may now be integer"),
    "a field of a body": (
        lambda told: schema(told, "ExportRequest")["properties"].pop("case_reference"), "case_reference is gone"
    ),
    "a demanded field": (
        lambda told: schema(told, "ExportRequest")["required"].append("language"), "language is demanded"
    ),
    "a shorter text": (
        lambda told: schema(told, "SearchRequest")["properties"]["identifier"].update(maxLength=10), "maxLength is now 10"
    ),
    "a longer text": (
        lambda told: schema(told, "SearchRequest")["properties"]["identifier"].update(minLength=5), "minLength is now 5"
    ),
    "a word of a filter": (
        lambda told: schema(told, "HistorySort").update(enum=["requested_at"]),
        "does not take -requested_at any more",
    ),
}  # fmt: skip
HARMLESS: dict[str, Change] = {
    "nothing": lambda _told: None,
    "a new path": lambda told: told["paths"].update({"/v1/new": told["paths"]["/v1/me"]}),
    "a new field of an answer": lambda told: schema(told, "Export")["properties"].update(new={"type": "string"}),
    "a new field of a body": lambda told: schema(told, "ExportRequest")["properties"].update(new={"type": "string"}),
    "a new parameter": lambda told: operation(told, HISTORY)["parameters"].append({"in": "query", "name": "x", "schema": {}}),
    "a longer text": lambda told: schema(told, "SearchRequest")["properties"]["identifier"].update(maxLength=1000),
    "a new word in an answer": lambda told: schema(told, "ExportStatus")["enum"].append("paused"),
    "any text beside the words of an answer": lambda told: schema(told, "Me")["properties"].update(
        name={"anyOf": [{"$ref": "#/components/schemas/Language"}, {"type": "string"}]}
    ),
    "a name for what a field may be": lambda told: schema(told, "Export")["properties"].update(
        compiled_at={"anyOf": [{"$ref": "#/components/schemas/Language"}, {"type": "null"}]}
    ),
    "other descriptions": lambda told: operation(told, "/v1/me").update(description="x", summary="y", tags=["z"]),
    "another problem": lambda told: operation(told, "/v1/me")["responses"].pop("401"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_client_is_named(name: str) -> None:
    change, sentence = BREAKING[name]
    found = after(change)
    assert any(sentence in one for one in found), found


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_nobody_is_let_be(name: str) -> None:
    assert after(HARMLESS[name]) == []


def test_a_schema_that_refers_to_itself_is_compared_once() -> None:
    tree = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}},
    }
    answer = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Tree"}}}}}
    told = {"paths": {"/t": {"get": {"responses": answer}}}, "components": {"schemas": {"Tree": tree}}}
    assert list(breaks(told, told)) == []


def test_a_header_that_was_said_to_be_null_need_not_be() -> None:
    def taking(schema: object) -> dict[str, Any]:
        header = {"in": "header", "name": "if-none-match", "schema": schema}
        return {"paths": {"/t": {"get": {"parameters": [header], "responses": {}}}}, "components": {"schemas": {}}}

    old, new = taking({"anyOf": [{"type": "string"}, {"type": "null"}]}), taking({"type": "string"})
    assert list(breaks(old, new)) == []
    assert list(breaks(old, taking({"type": "integer"})))


def test_nothing_breaks_for_clients_of_the_last_release() -> None:
    released = json.loads((ROOT / "openapi" / "released.json").read_text())
    assert list(breaks(released, DOCUMENT)) == []
