"""Every preset is a mapping that holds, and has a test of its own on a real database."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from app.adapters import build_source
from app.kit.errors import Misconfigured
from app.sources.binding import unbound
from app.sources.fragments import PLACE, without_fragments
from app.sources.mapping import SourceMapping
from app.sources.preset import preset_names, preset_shape, preset_variables, with_preset
from tests.small import mapping, toml

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


def _named(name: str, sections: list[dict[str, Any]]) -> dict[str, Any]:
    return next(one for one in sections if one["name"] == name)


def _refused(folder: Path, file: dict[str, Any]) -> str:
    (folder / "site.toml").write_text(toml(file))
    with pytest.raises(Misconfigured) as failure:
        build_source(folder / "site.toml", {"SITE_URL": "postgresql://nobody@localhost/none"})
    return str(failure.value)


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
def test_a_preset_says_by_what_its_product_is_recognised(name: str) -> None:
    shape, variables = preset_shape(name), preset_variables(name)
    named = [set(re.findall(r"\{([a-z_]+)\}", table)) for table in shape.tables]
    # The first table's name shows the variables, by which the others are looked for.
    assert named[0]
    assert all(one <= named[0] for one in named)
    assert named[0] <= set(variables)
    assert all(shape.tables.values())


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


def test_what_the_file_says_of_a_section_wins_and_the_section_keeps_its_place() -> None:
    before = _used("umami", "postgresql")["section"]
    retention = {"en": "13 months", "de": "13 Monate"}
    labels = {"os": "System", "language": {"en": "Language", "de": "Sprache"}}
    own = [{"name": "events", "retention": retention}, {"name": "session", "recipients": ["Us"], "labels": labels}]
    after = _used("umami", "postgresql", section=own)["section"]
    assert [one["name"] for one in after] == [one["name"] for one in before]
    changed = {one["name"]: one for one in after}
    assert changed["events"] == _named("events", before) | {"retention": retention}
    was = _named("session", before)
    assert changed["session"] == was | {"recipients": ["Us"], "labels": was["labels"] | labels}
    assert changed["revenue"] == _named("revenue", before)


def test_labels_by_language_are_taken_column_by_column_too() -> None:
    own = [{"name": "session", "labels": {"en": {"os": "System"}, "de": {"os": "Betriebssystem"}}}]
    session = _used("umami", "postgresql", section=own)["section"][0]
    assert (session["labels"]["os"], session["labels"]["screen"]) == (
        {"en": "System", "de": "Betriebssystem"},
        "Size of the screen",
    )


def test_a_section_of_another_name_comes_last_and_has_the_variables_but_no_fragments_in_its_sql() -> None:
    own = {"name": "notes", "sql": "SELECT {kinds} FROM {schema}.notes"}
    *_, last = _used("umami", "postgresql", section=[own])["section"]
    assert last == {"name": "notes", "sql": 'SELECT {kinds} FROM "My schema".notes'}


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ([{"name": "evnts", "retention": "x"}], "section 'evnts': sql: is required and missing; add it, or name the preset's 'events'"),
        ([{"name": "notes", "retention": "x"}], "section 'notes': title: is required and missing; add it"),
        ([{"name": "events", "titel": "x"}], "section 'events': titel: unknown key"),
        ([{"name": "events", "labels": "x"}], "section 'events': labels: "),
        ([{"name": "events", "because": "x"}], "section 'events': `scope = "),
        ([{"name": "events"}, {"name": "events"}], "section 'events' stands there twice"),
        ([{"retention": "x"}], "section number 8: name: is required"),
        (["events"], "section: each must be a table"),
        ("events", "section: each must be a table"),
    ],
)  # fmt: skip
def test_a_wrong_section_beside_a_preset_is_refused_by_its_name(tmp_path: Path, own: object, said: str) -> None:
    file = {"preset": "umami", "title": "Site", "dsn": "SITE_URL", "variables": {"schema": "public"}, "section": own}
    assert said in _refused(tmp_path, file)


@pytest.mark.parametrize("key", ["find", "variables", "omitted"])
def test_a_table_that_is_none_is_named(tmp_path: Path, key: str) -> None:
    file = {"preset": "umami", "title": "Site", "dsn": "SITE_URL", "variables": {"schema": "public"}}
    assert f"{key}: must be a table; write it under [{key}]" in _refused(tmp_path, file | {key: "x"})


def test_only_a_preset_has_fragments(tmp_path: Path) -> None:
    file = {"preset": "umami", "title": "Site", "dsn": "SITE_URL", "variables": {"schema": "public"}}
    assert "fragments: unknown key" in _refused(tmp_path, file | {"fragments": {"one": "SELECT 1"}})
    assert "fragments: unknown key" in _refused(tmp_path, mapping(fragments={"one": "SELECT 1"}))


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
