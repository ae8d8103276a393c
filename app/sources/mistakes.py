"""What is wrong with a file, in sentences: which section and key, and how to mend it."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from app.sources.mapping import EraseMapping, Find, Notice, SectionMapping
from app.sources.receiver import ReceiverMapping

_WITHIN: Mapping[object, type[BaseModel]] = {
    "section": SectionMapping, "erase": EraseMapping, "find": Find, "notice": Notice, "webhooks": ReceiverMapping,
}  # fmt: skip


def mistakes(error: ValidationError, form: type[BaseModel], data: Mapping[str, Any]) -> Iterator[str]:
    """All that pydantic found in the data of a file, which was to be of this form."""
    for one in error.errors(include_url=False):
        where = list(one["loc"])
        keys = _keys(_WITHIN.get(where[0], form) if len(where) > 1 else form)
        section, where = _section(where, data)
        key = ".".join(str(part) for part in where)
        for line in _said(one["type"], one["msg"], where, keys):
            yield section + (f"{key}: " if key else "") + line


def _section(where: list[int | str], data: Mapping[str, Any]) -> tuple[str, list[int | str]]:
    """In which section a place is, and the place within it."""
    match where:
        case ["section", int(number), *within]:
            section = data["section"][number]
            name = section.get("name") if isinstance(section, dict) else None
            return f"section {name!r}: " if name else f"section number {number + 1}: ", within
        case ["erase", int(number), *within]:
            return f"erase number {number + 1}: ", within
    return "", where


def _keys(form: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in form.model_fields.items()]


def _said(kind: str, message: str, where: Sequence[object], keys: Sequence[str]) -> list[str]:
    if kind == "missing":
        return ["is required and missing; add it"]
    if kind == "extra_forbidden":
        near = get_close_matches(str(where[-1]), keys, 1)
        return [f"unknown key; {f'did you mean {near[0]}?' if near else 'remove it, or correct its spelling'}"]
    return message.removeprefix("Value error, ").splitlines()
