"""What a change of an OpenAPI document breaks for clients that were made from the one before.

A client relies on what it may send, and on what it is sent. So the two are held against each other in opposite ways:
what was accepted must still be accepted, and what is answered must still be of the form that was promised. Whatever is
only added breaks nothing, and neither does a new word in an answer's enumeration (they may grow).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

Node = Mapping[str, Any]
Direction = Literal["sent", "answered"]
_METHODS = ("get", "put", "post", "delete", "patch", "head")
# Limits of what may be sent, and whether a larger number of the new one is the wider.
_LIMITS = {
    "maxLength": True,
    "maximum": True,
    "maxItems": True,
    "minLength": False,
    "minimum": False,
    "minItems": False,
}


def breaks(old: Node, new: Node) -> Iterator[str]:
    """One sentence for each break; none where clients of the old document work with the new one."""
    both = _Both(old, new)
    for path, operations in old["paths"].items():
        for method in (one for one in _METHODS if one in operations):
            where = f"{method.upper()} {path}"
            if (operation := new["paths"].get(path, {}).get(method)) is None:
                yield f"{where} is gone"
            else:
                yield from both.operation(where, operations[method], operation)


class _Both:
    """The two documents, in which references are looked up."""

    def __init__(self, old: Node, new: Node) -> None:
        self._old, self._new = old, new
        # A schema may refer to itself; what is being compared already is not begun again.
        self._begun: set[tuple[str, str, Direction]] = set()

    def operation(self, where: str, old: Node, new: Node) -> Iterator[str]:
        if old.get("operationId") != new.get("operationId"):
            yield f"{where} has another operationId, so generated clients call it otherwise"
        yield from self._parameters(where, _named(old), _named(new))
        yield from self._bodies(where, old.get("requestBody"), new.get("requestBody"))
        for status in (one for one in old["responses"] if one.startswith("2")):
            if status not in new["responses"]:
                yield f"{where} does not answer {status} any more"
                continue
            yield from self._contents(
                f"{where}, {status}", old["responses"][status], new["responses"][status], "answered"
            )

    def _parameters(self, where: str, old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[str]:
        for name, one in old.items():
            if name not in new:
                yield f"{where} does not take the {name} any more"
                continue
            before = _never_null(one["schema"]) if one["in"] == "header" else one["schema"]
            yield from self._schemas(f"{where}, {name}", before, new[name]["schema"], "sent")
        for name, one in new.items():
            if one.get("required") and not old.get(name, {}).get("required"):
                yield f"{where} demands the {name}"

    def _bodies(self, where: str, old: Node | None, new: Node | None) -> Iterator[str]:
        if new is None:
            if old is not None:
                yield f"{where} does not take a body any more"
            return
        if new.get("required") and not (old or {}).get("required"):
            yield f"{where} demands a body"
        if old is not None:
            yield from self._contents(f"{where}, its body", old, new, "sent")

    def _contents(self, where: str, old: Node, new: Node, direction: Direction) -> Iterator[str]:
        for media, content in old.get("content", {}).items():
            if media not in new.get("content", {}):
                yield f"{where} is not {media} any more"
            elif "schema" in content:
                yield from self._schemas(where, content["schema"], new["content"][media].get("schema", {}), direction)

    def _schemas(self, where: str, old: Node, new: Node, direction: Direction) -> Iterator[str]:
        pair = (old.get("$ref", ""), new.get("$ref", ""), direction)
        if all(pair):
            if pair in self._begun:
                return
            self._begun.add(pair)
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        yield from _kinds(where, _types(self._old, old), _types(self._new, new), direction)
        yield from _values(where, old, new, direction)
        yield from self._members(where, old, new, direction)
        if "items" in old and "items" in new:
            yield from self._schemas(f"{where}, an item", old["items"], new["items"], direction)
        for before, after in zip(_variants(old), _variants(new), strict=False):
            yield from self._schemas(where, before, after, direction)

    def _members(self, where: str, old: Node, new: Node, direction: Direction) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name not in after:
                yield f"{where}: {name} is gone"
            else:
                yield from self._schemas(f"{where}, {name}", before[name], after[name], direction)
        demanded, promised = set(new.get("required", [])), set(old.get("required", []))
        if direction == "sent":
            yield from (f"{where}: {name} is demanded" for name in sorted(demanded - promised))
        else:
            yield from (f"{where}: {name} may be missing" for name in sorted((promised - demanded) & set(after)))


def _kinds(where: str, old: set[str], new: set[str], direction: Direction) -> Iterator[str]:
    if not old or not new:
        return
    lost = old - new if direction == "sent" else new - old
    if lost:
        yield f"{where} may {'not be' if direction == 'sent' else 'now be'} {' or '.join(sorted(lost))}" + (
            " any more" if direction == "sent" else ""
        )


def _values(where: str, old: Node, new: Node, direction: Direction) -> Iterator[str]:
    if direction == "answered":
        return
    if "enum" in new and (lost := {str(one) for one in old.get("enum", [])} - {str(one) for one in new["enum"]}):
        yield f"{where} does not take {' or '.join(sorted(lost))} any more"
    for name, wider in _LIMITS.items():
        if name in new and (name not in old or (new[name] < old[name] if wider else new[name] > old[name])):
            yield f"{where}: {name} is now {new[name]}"


def _resolved(document: Node, schema: Node) -> Node:
    while "$ref" in schema:
        found: Node = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def _variants(schema: Node) -> Sequence[Node]:
    return [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, []) if one.get("type") != "null"]


def _never_null(schema: Node) -> Node:
    """What a header may be, for no header can carry null, whatever a document says of it."""
    variants = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    return variants[0] if len(variants) == 1 else schema


def _types(document: Node, schema: Node) -> set[str]:
    """The JSON types that it may be, as far as it says."""
    schema = _resolved(document, schema)
    if "anyOf" in schema or "oneOf" in schema:
        both = (one for key in ("anyOf", "oneOf") for one in schema.get(key, []))
        return {kind for one in both for kind in _types(document, one) or {"object"}}
    kinds = schema.get("type", [])
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _named(operation: Node) -> dict[str, Node]:
    return {f"{one['in']} parameter {one['name']}": one for one in operation.get("parameters", [])}
