"""Presets: mappings of well-known databases that ship with the service, and what a file adds that uses one."""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from app.sources.fragments import without_fragments
from app.sources.sql import inserted

_FOLDER = files("app.sources") / "presets"


def preset_names() -> list[str]:
    return sorted(one.name.removesuffix(".toml") for one in _FOLDER.iterdir() if one.name.endswith(".toml"))


def preset_variables(name: str) -> dict[str, str]:
    """What a preset asks for, each with the pattern of its values."""
    variables: dict[str, str] = _read(name).get("variables", {})
    return variables


def with_preset(data: Mapping[str, Any], engine: str) -> dict[str, Any]:
    """The preset's mapping with what the file itself says: its own keys win, its sections and omitted tables are added.
    Raises ValueError with a sentence."""
    own, name = dict(data), data["preset"]
    if name not in preset_names():
        raise ValueError(f"preset: {name!r} is none; there are {', '.join(preset_names())}")
    made = without_fragments(_read(name))
    del own["preset"]
    engines = made.pop("engines")
    if engine not in engines:
        raise ValueError(f"dsn: the preset {name!r} is for {' or '.join(engines)}")
    variables = _chosen(made.pop("variables", {}), own.pop("variables", {}))
    sections = [*made.pop("section"), *own.pop("section", [])]
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


def _filled(data: Any, engine: str, variables: Mapping[str, str]) -> Any:  # noqa: ANN401  TOML of any form
    """Every SELECT with the variables in it; other texts have no braces of these names."""
    if isinstance(data, dict):
        return {key: _filled(value, engine, variables) for key, value in data.items()}
    if isinstance(data, list):
        return [_filled(value, engine, variables) for value in data]
    return inserted(data, engine, variables) if isinstance(data, str) else data
