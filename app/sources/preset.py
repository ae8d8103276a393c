"""Presets: mappings of well-known databases that ship with the service, and what a file adds that uses one."""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from app.sources.fragments import without_fragments
from app.sources.sql import inserted
from app.sources.texts import by_key

_FOLDER = files("app.sources") / "presets"


@dataclass(frozen=True, slots=True)
class Shape:
    """By what a product is recognised: tables with some of their columns, and a query for its version."""

    product: str
    engines: Sequence[str]
    tables: Mapping[str, Sequence[str]]
    version: str


def preset_names() -> list[str]:
    return sorted(one.name.removesuffix(".toml") for one in _FOLDER.iterdir() if one.name.endswith(".toml"))


def preset_variables(name: str) -> dict[str, str]:
    """What a preset asks for, each with the pattern of its values."""
    variables: dict[str, str] = _read(name).get("variables", {})
    return variables


def preset_shape(name: str) -> Shape:
    made = _read(name)
    return Shape(engines=made["engines"], **made["recognised"])


def first_section(name: str) -> str:
    """The name of a section, as an example of what a file may change."""
    return str(_read(name)["section"][0]["name"])


def with_preset(data: Mapping[str, Any], engine: str) -> dict[str, Any]:
    """The preset's mapping with what the file itself says: its own keys win, also in the preset's sections; its other
    sections and omitted tables are added. Raises ValueError with a sentence."""
    own, name = dict(data), data["preset"]
    if name not in preset_names():
        raise ValueError(f"preset: {name!r} is none; there are {', '.join(preset_names())}")
    if wrong := [key for key in ("find", "variables", "omitted") if not isinstance(own.get(key, {}), dict)]:
        raise ValueError(f"{wrong[0]}: must be a table; write it under [{wrong[0]}]")
    made = without_fragments(_read(name))
    del own["preset"], made["recognised"]
    engines = made.pop("engines")
    if engine not in engines:
        raise ValueError(f"dsn: the preset {name!r} is for {' or '.join(engines)}")
    variables = _chosen(made.pop("variables", {}), own.pop("variables", {}))
    sections = _sections(made.pop("section"), own.pop("section", []))
    omitted = {inserted_text(table, variables): why for table, why in made.pop("omitted", {}).items()}
    made["find"] |= own.pop("find", {})
    filled: dict[str, Any] = _filled(made | {"section": sections}, engine, variables)
    return filled | own | {"omitted": omitted | own.get("omitted", {})}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))


def inserted_text(text: str, variables: Mapping[str, str]) -> str:
    """Names in `[omitted]` are no SQL, and stand there as they are."""
    for name, value in variables.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _chosen(patterns: Mapping[str, str], given: Mapping[str, object]) -> dict[str, str]:
    if unknown := sorted(set(given) - set(patterns)):
        known = ", ".join(patterns) or "none"
        raise ValueError(f"variables: {unknown[0]!r} is none of this preset's; they are {known}")
    chosen = {}
    for name, pattern in patterns.items():
        value = given.get(name, "")
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"variables.{name}: must be a text that fits {pattern}")
        chosen[name] = value
    return chosen


def _sections(preset: list[dict[str, Any]], own: object) -> list[dict[str, Any]]:
    """The preset's in their places, each with what the file's section of its name says, and then the file's others."""
    if not isinstance(own, list) or not all(isinstance(one, dict) for one in own):
        raise ValueError("section: each must be a table; write it under [[section]]")
    left, made, known = list(own), list[dict[str, Any]](), [section["name"] for section in preset]
    for section in preset:
        change = next((one for one in left if one.get("name") == section["name"]), None)
        left = [one for one in left if one is not change]
        made.append(_changed(section, change or {}))
    for one in left:
        _check_new(one, known)
    return made + left


def _changed(section: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Labels column by column, however they are given."""
    labels = by_key(change.get("labels"))
    merged = {"labels": section.get("labels", {}) | labels} if isinstance(labels, dict) else {}
    return section | change | merged


def _check_new(section: Mapping[str, Any], known: list[str]) -> None:
    """One without sql, whose name is almost one of the preset's, was meant to change that."""
    name = section.get("name")
    if name in known:
        raise ValueError(f"section {name!r} stands there twice; each needs a name of its own")
    if "sql" not in section and (near := difflib.get_close_matches(str(name), known, 1)):
        raise ValueError(f"section {name!r}: sql: is required and missing; add it, or name the preset's {near[0]!r}")


def _filled(data: Any, engine: str, variables: Mapping[str, str]) -> Any:  # noqa: ANN401  TOML of any form
    """Every SELECT with the variables in it; other texts have no braces of these names."""
    if isinstance(data, dict):
        return {key: _filled(value, engine, variables) for key, value in data.items()}
    if isinstance(data, list):
        return [_filled(value, engine, variables) for value in data]
    return inserted(data, engine, variables) if isinstance(data, str) else data
