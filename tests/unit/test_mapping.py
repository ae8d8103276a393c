"""A mapping that cannot be right does not start: one sentence names file, section or key, and the mend."""

from pathlib import Path
from typing import Any

import pytest

from app.adapters import build_registry
from app.kit.errors import Misconfigured
from app.settings import Settings
from tests.small import (
    CENTER,
    EVENTS,
    FIND,
    HERE,
    erasable,
    mapping,
    personal,
    section,
    step,
    toml,
    without,
    write_mappings,
)

ENVIRON = {"WEBSITE_URL": "sqlite:///x.db"}


def refused(folder: Path, source: str, center: str = CENTER, environ: dict[str, str] = ENVIRON) -> str:
    centers = write_mappings(folder, source, center)
    with pytest.raises(Misconfigured) as failure:
        build_registry(Settings(var_dir=folder / "var", data_centers=centers), environ)
    told = str(failure.value)
    assert told.startswith(str(centers / "acme"))
    assert told.endswith(".")
    return told.removeprefix(str(centers / "acme"))


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "steps without a role": (without(erasable(), "erase_dsn"), "`[[erase]]` and `erase_dsn` belong together"),
    "a role without steps": (without(erasable(), "erase"), "`[[erase]]` and `erase_dsn` belong together"),
    "an unknown key of a step": (erasable(step("events", sqll="x")), "erase number 1: sqll: unknown key; did you mean sql?"),
    "an action that is none": (erasable(step("events", "shred")), "erase number 1: action"),
    "a step without a count": (erasable(without(step("events"), "count")), "erase number 1: count: is required"),
    "a step without sql": (erasable(without(step("events"), "sql")), "erase number 1: needs the sql that deletes"),
    "a step that keeps with sql": (erasable(step("people"), step("events", "keep", sql="DELETE", because="x")), "erase number 2: a step that keeps its rows has no sql"),
    "a step that keeps without a reason": (erasable(step("people"), step("events", "keep")), "erase number 2: says not why its rows are kept"),
    "nothing but what is kept": (erasable(step("events", "keep", because="x")), "erase: every step keeps its rows"),
    "a step for everybody": (erasable(step("events", sql="DELETE FROM events")), "erase number 1: sql must use the parameter :visitor"),
    "a count of everybody": (erasable(step("events", count="SELECT count(*) FROM events")), "erase number 1: count must use the parameter :visitor"),
    "a batch that is not used": (erasable(step("events", batch=5)), "erase number 1: sql must use the parameter :batch"),
    "a batch of nothing": (erasable(step("events", batch=0)), "erase number 1: batch"),
    "a batch that nobody gave": (erasable(step("events", sql="DELETE FROM events WHERE visitor_id = :visitor LIMIT :batch")), "sql uses the parameter :batch, which has no value here"),
    "a device where the whole visitor goes": (erasable(step("events", sql=f"DELETE FROM events WHERE {HERE}")), "sql uses the parameter :device, which has no value here; known are :visitor"),
    "unknown key": (mapping(titel="x"), "/website.toml: titel: unknown key"),
    "unknown key of a section": (mapping(section(titel="x")), "section 'events': titel: unknown key"),
    "unknown key of find": (mapping(find={"emial": "x"}), "find.emial: unknown key"),
    "a preset that is none": (mapping(preset="piwik"), "preset: 'piwik' is none; there are "),
    "variables without a preset": (mapping(variables={"prefix": "x"}), "variables: unknown key"),
    "a repeated section of one table": (mapping(section(each="SELECT 1")), "`each` and `{each}` in its sql belong together"),
    "a table of nothing": (mapping(section(sql=EVENTS.replace("events", "{each}"))), "`each` and `{each}` in its sql belong together"),
    "a repetition by visitor": (mapping(section(each="SELECT :visitor", sql=EVENTS.replace("events", "{each}"))), "each uses the parameter :visitor"),
    "a count of withheld rows without a reason": (mapping(section(withheld="SELECT 1 WHERE 1 = :visitor")), "`withheld` and `withheld_because` belong together"),
    "a count for nobody": (mapping(section(withheld="SELECT 1", withheld_because="so")), "withheld must use the parameter :visitor"),
    "no query in a list": (mapping(find={"email": []}), "find.email"),
    "a wrong one in a list": (mapping(find={"email": [FIND["email"], "SELECT 1"]}), "find: email must use the parameter :email"),
    "an unbound one in a list": (mapping(section(sql=[EVENTS, EVENTS.replace(":device", "'x'")])), "must use :device and :browser"),
    "one that loses rows in a list": (mapping(section(sql=[EVENTS, EVENTS.replace("device IS NOT DISTINCT FROM", "device =")])), "loses the rows of an unknown device"),
    "no title": (without(mapping(), "title"), "title: is required and missing"),
    "no dsn": (without(mapping(), "dsn"), "dsn: is required"),
    "no find": (without(mapping(), "find"), "find: is required"),
    "no combinations": ({**mapping(), "find": without(FIND, "combinations")}, "find.combinations: is required"),
    "nothing to find by": ({**mapping(), "find": {"combinations": FIND["combinations"]}}, "at least one of tracking_id and email"),
    "no section": (without(mapping(), "section"), "section: is required"),
    "no purpose": (mapping(without(section(), "purpose")), "section 'events': purpose: is required"),
    "a name that is none": (mapping(section("Events!")), "section 'Events!': name"),
    "a category that is none": (mapping(section(category="secret")), "section 'events': category"),
    "an origin that is none": (mapping(section(origin="guessed")), "section 'events': origin"),
    "one name twice": (mapping(section(), section()), "section 'events' stands there twice"),
    "no device": (mapping(section(sql=EVENTS.replace(":device", "'x'"))), "must use :device and :browser"),
    "no browser": (mapping(section(sql=EVENTS.replace(":browser", "'x'"))), "must use :device and :browser"),
    "a device in a comment": (mapping(section(sql=EVENTS.replace(":device", "'x' /* :device */"))), "must use :device"),
    "a device in quotes": (mapping(section(sql=EVENTS.replace(":device", "':device'"))), "must use :device"),
    "a device that may not be unknown": (mapping(section(sql=EVENTS.replace("device IS NOT DISTINCT FROM", "device ="))), "loses the rows of an unknown device"),
    "no visitor": (mapping(section(sql="SELECT :device, :browser")), "sql must use the parameter :visitor"),
    "no visitor although unbound": (mapping(personal(sql="SELECT 1")), "sql must use the parameter :visitor"),
    "an unknown parameter": (mapping(section(sql=EVENTS + " -- \n, :user")), "the parameter :user, which has no value here"),
    "a parameter of another query": (mapping(find={"email": "SELECT :email, :tracking_id"}), "email uses the parameter :tracking_id"),
    "no parameter at all": (mapping(find={"email": "SELECT 1 AS visitor"}), "email must use the parameter :email"),
    "a scope without because": (mapping(without(personal(), "because")), "belong together"),
    "a because without scope": (mapping(section(because="so")), "belong together"),
    "a zone that is none": (mapping(time_zone="Mars/Olympus"), "time_zone: is no time zone"),
    "a pattern of two groups": (mapping(tracking_id_pattern="(a)(b)"), "exactly one group"),
    "a pattern that is none": (mapping(tracking_id_pattern="("), "no regular expression"),
    "no time": (mapping(search_timeout=0), "search_timeout"),
    "no connection": (mapping(connections=0), "connections"),
    "a number as title": (mapping(title=5), "title: must be a text, or texts by language such as"),
    "an empty title": (mapping(title=" "), "title: must be a text"),
    "a language that is none": (mapping(title={"english": "Web"}), "title: 'english' is no language; write two letters"),
    "a text that is none in one language": (mapping(section(purpose={"en": "x", "de": 5})), "section 'events': purpose: must be"),
    "no recipient": (mapping(section(recipients=[])), "section 'events': recipients: must be a text or a list of texts"),
    "a label that is no text": (mapping(section(labels={"at": 5})), "section 'events': labels.at: must be a text"),
    "labels that are no table": (mapping(section(labels="When")), "section 'events': labels"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "said"), BROKEN.values(), ids=BROKEN)
def test_a_mapping_is_refused_with(tmp_path: Path, data: dict[str, Any], said: str) -> None:
    assert said in refused(tmp_path, toml(data))


@pytest.mark.parametrize("key", ["controller", "contact", "rights", "authority"])
def test_a_notice_that_the_law_asks_for_must_not_be_missing(tmp_path: Path, key: str) -> None:
    center = CENTER.replace(f"{key} =", "dpo =")
    assert f"/center.toml: notice.{key}: is required" in refused(tmp_path, toml(mapping()), center)


def test_a_language_without_words_is_refused(tmp_path: Path) -> None:
    assert "language" in refused(tmp_path, toml(mapping()), CENTER + 'language = "nl"\n')


def test_a_typo_in_toml_is_named_with_its_file_and_line(tmp_path: Path) -> None:
    assert "/website.toml: is not TOML" in refused(tmp_path, "title = ")


def test_an_unset_variable_is_named(tmp_path: Path) -> None:
    assert "WEBSITE_URL is not set; set it" in refused(tmp_path, toml(mapping()), environ={})


@pytest.mark.parametrize("url", ["mssql://host/db", "oracle://host/db", "site.db"])
def test_a_database_of_another_kind_is_refused_without_repeating_its_url(tmp_path: Path, url: str) -> None:
    told = refused(tmp_path, toml(mapping()), environ={"WEBSITE_URL": url})
    assert "must be a URL that begins with one of mariadb://, mysql://, postgres://, postgresql://, sqlite://" in told
    assert url not in told


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    wrong = section(sql="SELECT :device", estimate="SELECT 1", scop="visitor", because="so")
    source = mapping(wrong, section(), find={"email": "SELECT 1", "tracking_id": "SELECT :user"}, titel="x")
    centers = write_mappings(tmp_path, toml(source), CENTER.replace("rights =", "right ="))
    (centers / "acme" / "shop.toml").write_text("title = ")
    with pytest.raises(Misconfigured) as failure:
        build_registry(Settings(var_dir=tmp_path / "var", data_centers=centers), {})
    told = [line.removeprefix(f"{centers / 'acme'}/") for line in str(failure.value).splitlines()]
    assert all(line.endswith(".") for line in told)
    center, shop, *website = told[:2], told[2], *told[3:]
    assert [line.partition(";")[0] for line in center] == [
        "center.toml: notice.rights: is required and missing", "center.toml: notice.right: unknown key",
    ]  # fmt: skip
    assert shop.startswith("shop.toml: is not TOML")
    expected = [
        "dsn: the environment variable WEBSITE_URL is not set", "find: tracking_id uses the parameter :user",
        "find: tracking_id must use the parameter :tracking_id", "find: email must use the parameter :email",
        "section 'events': `scope", "section 'events': scop: unknown key; did you mean scope?",
        "titel: unknown key; did you mean title?", "section 'events' stands there twice",
        "section 'events': estimate must use the parameter :visitor", "section 'events': sql must use the parameter :visitor",
        "section 'events': its sql must use :device and :browser",
    ]  # fmt: skip
    for one in expected:
        assert [line for line in website if line.startswith(f"website.toml: {one}")], one
    assert len(website) == len(expected)


@pytest.mark.parametrize(
    ("data", "near"),
    [
        (mapping(dns="x"), "dns: unknown key; did you mean dsn?"),
        (mapping(sections=[]), "sections: unknown key; did you mean section?"),
        (mapping(find={"emial": "x"}), "find.emial: unknown key; did you mean email?"),
        (mapping(section(orgin="observed")), "section 'events': orgin: unknown key; did you mean origin?"),
        (mapping(section(json_columns=["a"])), "section 'events': json_columns: unknown key; remove it"),
        (mapping(section(jsn=["a"])), "section 'events': jsn: unknown key; did you mean json?"),
    ],
)
def test_a_typo_is_told_with_the_key_that_was_meant(tmp_path: Path, data: dict[str, Any], near: str) -> None:
    assert near in refused(tmp_path, toml(data))


def test_a_key_that_is_missing_is_told_once(tmp_path: Path) -> None:
    assert refused(tmp_path, toml(without(mapping(), "dsn"))) == "/website.toml: dsn: is required and missing; add it."


def test_what_is_no_table_is_refused_by_its_number(tmp_path: Path) -> None:
    assert "section number 1: " in refused(tmp_path, toml(mapping() | {"section": ["events"]}))


def test_a_directory_without_its_center_file_is_refused(tmp_path: Path) -> None:
    centers = write_mappings(tmp_path, toml(mapping()))
    (centers / "acme" / "center.toml").unlink()
    with pytest.raises(Misconfigured, match=r"center\.toml is missing"):
        build_registry(Settings(var_dir=tmp_path, data_centers=centers), ENVIRON)


def test_a_file_name_that_cannot_be_an_id_is_refused(tmp_path: Path) -> None:
    centers = write_mappings(tmp_path, toml(mapping()))
    (centers / "acme" / "website.toml").rename(centers / "acme" / "Web Site.toml")
    with pytest.raises(Misconfigured, match="its name is its id"):
        build_registry(Settings(var_dir=tmp_path, data_centers=centers), ENVIRON)


def test_an_absent_or_empty_directory_is_legal(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        assert build_registry(Settings(var_dir=tmp_path, data_centers=folder), {}).centers == {}


@pytest.mark.parametrize("spelled", [7, 7.5, "7 s", "7s", "2 min", "1 h"])
def test_a_time_is_a_number_of_seconds_or_says_its_unit(tmp_path: Path, spelled: object) -> None:
    centers = write_mappings(tmp_path, toml(mapping(search_timeout=spelled)))
    assert build_registry(Settings(var_dir=tmp_path, data_centers=centers), ENVIRON).centers["acme"].sources


def test_a_step_must_be_bound_to_the_combination_where_only_that_is_erased(tmp_path: Path) -> None:
    told = refused(tmp_path, toml(erasable(step("events"))), f'erasure_scope = "combination"\n{CENTER}')
    assert "erase number 1: sql must use :device and :browser (or :user_agents): `erasure_scope` is the comb" in told
    assert "erase number 1: count must use :device and :browser" in told


def test_where_erasing_is_on_the_role_that_may_must_be_known(tmp_path: Path) -> None:
    told = refused(tmp_path, toml(erasable()), f'erasure = "two"\n{CENTER}')
    assert "erase_dsn: the environment variable WEBSITE_ERASE_URL is not set; set it to the database's URL with" in told
    other = ENVIRON | {"WEBSITE_ERASE_URL": "postgresql://host/db"}
    assert "must be a URL of the same database as `dsn`" in refused(tmp_path, toml(erasable()), CENTER, other)
