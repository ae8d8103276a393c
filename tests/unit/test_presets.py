"""Every preset is a mapping that holds, and has a test of its own on a real database."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from app.sources.binding import unbound
from app.sources.fragments import PLACE, without_fragments
from app.sources.mapping import SourceMapping
from app.sources.preset import preset_names, with_preset

TESTS = Path(__file__).parents[1]
# What a variable of that name may be.
EXAMPLES = {"schema": "My schema", "prefix": "pre_"}


def _raw(name: str) -> dict[str, Any]:
    return tomllib.loads((files("app.sources") / "presets" / f"{name}.toml").read_text("utf-8"))


def _used(name: str, engine: str, **own: object) -> dict[str, Any]:
    patterns = _raw(name).get("variables", {})
    chosen = {one: EXAMPLES.get(one, "") for one in patterns}
    chosen = {one: value if re.fullmatch(patterns[one], value) else "1" for one, value in chosen.items()}
    return with_preset({"preset": name, "title": "Site", "dsn": "SITE_URL", "variables": chosen} | own, engine)


def _texts(data: Any) -> list[str]:
    if isinstance(data, dict):
        data = list(data.values())
    return [text for one in data for text in _texts(one)] if isinstance(data, list) else [str(data)]


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_a_mapping_that_holds(name: str) -> None:
    for engine in _raw(name)["engines"]:
        mapping = SourceMapping.model_validate(_used(name, engine), context=engine)
        assert not [told for told in unbound([(engine, one) for one in mapping.section]) if told]
        assert mapping.tracking_id_hint
        texts = [text for one in mapping.section for text in one.sql]
        assert all("ORDER BY" in text and not re.search(r"\{(?!each\})[a-z_]+\}", text) for text in texts)


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_names_only_what_there_is_and_says_as_a_fragment_only_what_repeats(name: str) -> None:
    raw = _raw(name)
    fragments, others = set(raw.get("fragments", {})), {*raw.get("variables", {}), "each"}
    named = [place for text in _texts(raw) for place in PLACE.findall(text)]
    assert set(named) <= fragments | others
    assert not fragments & others
    assert not [one for one in fragments if named.count(one) < 2]


def test_a_fragment_may_have_others_in_it_wherever_they_stand() -> None:
    pieces = {"inner": "a, {last}", "outer": "({inner})", "last": "{schema}.b"}
    made = without_fragments({"find": {"email": ["SELECT {outer}"]}, "connections": 2, "fragments": pieces})
    assert made == {"find": {"email": ["SELECT (a, {schema}.b)"]}, "connections": 2}


def test_a_fragment_that_is_part_of_itself_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=re.escape("fragments.one: is part of itself")):
        without_fragments({"find": "{one}", "fragments": {"one": "({two})", "two": "{one}"}})


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_has_a_test_of_its_own(name: str) -> None:
    assert list(TESTS.glob(f"*/test_preset_{name}.py"))


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_has_a_page_of_its_own(name: str) -> None:
    page = TESTS.parent / "docs" / "presets" / f"{name}.md"
    told = page.read_text("utf-8")
    assert all(f"`{one}`" in told for one in _raw(name).get("variables", {}))
    assert "GRANT" in told


def test_presets_are_part_of_the_package() -> None:
    built = tomllib.loads((TESTS.parent / "pyproject.toml").read_text("utf-8"))
    assert built["tool"]["setuptools"]["package-data"]["app.sources"] == ["presets/*.toml"]
