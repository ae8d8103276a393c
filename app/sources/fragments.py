"""Fragments: pieces of SQL that a preset says once, under a name, and puts into its SELECTs as `{name}`."""

import re
from collections.abc import Mapping
from typing import Any

PLACE = re.compile(r"\{([a-z_]+)\}")


def without_fragments(preset: Mapping[str, Any]) -> dict[str, Any]:
    """The preset with each fragment's text, as it stands, in the places of its name; other names in braces stay.
    Raises ValueError for one that is part of itself."""
    left = dict(preset)
    fragments = left.pop("fragments", {})
    made: dict[str, Any] = _put(left, fragments, ())
    return made


def _put(data: Any, fragments: Mapping[str, str], within: tuple[str, ...]) -> Any:  # noqa: ANN401  TOML of any form
    if isinstance(data, dict):
        return {key: _put(value, fragments, within) for key, value in data.items()}
    if isinstance(data, list):
        return [_put(value, fragments, within) for value in data]
    if not isinstance(data, str):
        return data

    def piece(place: re.Match[str]) -> str:
        name = place[1]
        if name in within:
            raise ValueError(f"fragments.{name}: is part of itself")
        return str(_put(fragments[name], fragments, (*within, name))) if name in fragments else place[0]

    return PLACE.sub(piece, data)
