"""A step of an erasure that would touch strangers' rows does not start."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.adapters import build_registry
from app.commands.sample.generate import MAPPINGS
from app.kit.errors import Misconfigured
from app.settings import Settings
from app.sources.binding import plain_step
from app.sources.parser.grammar import seen
from tests.small import erasable, step, toml, write_mappings

URLS = {"postgresql": "postgresql://host/db", "sqlite": "sqlite:///x.db", "mariadb": "mysql://host/db"}
CONDITIONS = {
    "safe": (
        "person = :visitor", ":visitor = person", "t.person = :visitor AND kind = 'buy'", "person IN (:visitor)",
        "id IN (SELECT visit FROM visits WHERE person = :visitor)",
        "id IN (SELECT visit FROM visits WHERE person IN (SELECT id FROM people WHERE number = :visitor))",
        "EXISTS (SELECT 1 FROM visits AS v WHERE v.id = t.visit AND v.person = :visitor)",
        "person = :visitor AND kind <> 'billing' AND at IS NOT NULL", "(person = :visitor OR partner = :visitor)", "person = CAST(:visitor AS integer)",
    ),
    "leak": (
        "person = :visitor OR person IS NULL", "person <> :visitor", "NOT person = :visitor", "person NOT IN (:visitor)",
        "id NOT IN (SELECT visit FROM visits WHERE person = :visitor)", "(person = :visitor OR kind = 'buy')",
        "EXISTS (SELECT 1 FROM visits AS v WHERE v.person = :visitor)",
        "id IN (SELECT visit FROM visits WHERE person = :visitor OR kind = 'buy')", "person IS DISTINCT FROM :visitor",
        "(id IN (SELECT visit FROM visits WHERE person = :visitor) OR kind = 'buy')", "1 = 1 OR person = :visitor", "person = :visitor AND kind = 'x' OR kind = 'y'", ":visitor IS NOT NULL", ":visitor = :visitor", "person = :visitor OR 1 = 1",
    ),
    "unclear": ("person >= :visitor", "person - :visitor = 0", "id IN (SELECT :visitor)"),
}  # fmt: skip
FORMS = [(verdict, form) for verdict, forms in CONDITIONS.items() for form in forms]
CHANGES = ("DELETE FROM t WHERE {}", "UPDATE t SET name = NULL WHERE {}")


@pytest.mark.parametrize(("verdict", "form"), FORMS)
def test_a_condition_is_judged_by_whose_rows_it_lets_through(verdict: str, form: str) -> None:
    for change in CHANGES:
        found = seen("postgresql", change.format(form))
        assert found.changes
        assert [one.verdict for one in found.bound if one.parameter == "visitor"] in (
            [verdict],
            ["unused"] * (verdict == "never"),
        )


@pytest.mark.parametrize(("verdict", "form"), FORMS)
def test_what_is_plainly_bound_to_the_visitor_is_never_otherwise(verdict: str, form: str) -> None:
    for change in CHANGES:
        assert not plain_step(change.format(form)) or verdict == "safe"


BATCHES = {
    "postgresql": (
        "DELETE FROM t WHERE ctid IN (SELECT ctid FROM t WHERE person = :visitor LIMIT :batch)",
        "DELETE FROM t WHERE ctid = ANY (ARRAY(SELECT ctid FROM t WHERE person = :visitor LIMIT :batch))",
        "WITH some AS (SELECT id FROM t WHERE person = :visitor LIMIT :batch) DELETE FROM t USING some WHERE t.id = some.id",
        "DELETE FROM t USING people WHERE people.id = t.person AND people.id = :visitor AND :batch > 0",
    ),
    "sqlite": ("DELETE FROM t WHERE rowid IN (SELECT rowid FROM t WHERE person = :visitor LIMIT :batch)",),
    "mariadb": (
        "DELETE FROM t WHERE person = :visitor LIMIT :batch",
        "DELETE t FROM t JOIN people ON people.id = t.person WHERE people.id = :visitor AND :batch > 0",
        "UPDATE t JOIN people ON people.id = t.person SET t.name = NULL WHERE people.id = :visitor AND :batch > 0",
    ),
}


@pytest.mark.parametrize(("engine", "sql"), [(engine, sql) for engine, several in BATCHES.items() for sql in several])
def test_the_ways_in_which_engines_take_some_rows_at_a_time_start(tmp_path: Path, engine: str, sql: str) -> None:
    assert refused(tmp_path, engine, sql, batch=10) is None


def refused(folder: Path, engine: str, sql: str, **keys: Any) -> str | None:
    return refused_steps(folder, engine, step("events", sql=sql, **keys))


def refused_steps(folder: Path, engine: str, *steps: dict[str, Any]) -> str | None:
    centers = write_mappings(folder, toml(erasable(*steps)))
    try:
        build_registry(Settings(var_dir=folder, data_centers=centers), {"WEBSITE_URL": URLS[engine]})
    except Misconfigured as error:
        return str(error).removeprefix(f"{centers}/acme/website.toml: erase 'events': sql: ")
    return None


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DELETE FROM events WHERE visitor_id = :visitor OR device = 'x'", "`visitor_id = :visitor OR device = 'x'` lets rows of other visitors through; compare"),
        ("UPDATE events SET visitor_id = :visitor", "has no condition on :visitor, so that everybody's rows would go; add WHERE"),
        ("SELECT id FROM events WHERE visitor_id = :visitor", "is no DELETE and no UPDATE."),
        ("INSERT INTO events SELECT * FROM events WHERE visitor_id = :visitor", "is no DELETE and no UPDATE."),
    ],
)  # fmt: skip
def test_a_step_of_which_it_is_sure_does_not_start(tmp_path: Path, sql: str, told: str) -> None:
    assert (refused(tmp_path, "postgresql", sql) or "").startswith(told)


BY_VISITS = "DELETE FROM events WHERE visit IN (SELECT id FROM visits WHERE visitor_id = :visitor)"


@pytest.mark.parametrize(
    ("first", "told"),
    [
        (step("visits"), "finds its rows by 'visits', which an earlier step erases; move this one before that."),
        (step("visits", "anonymise", sql="UPDATE visits SET visitor_id = NULL WHERE visitor_id = :visitor"), "finds its"),
        (step("visits", "keep", because="the law"), None),
        (step("people"), None),
    ],
)  # fmt: skip
def test_a_step_that_would_not_find_its_rows_any_more_does_not_start(
    tmp_path: Path, first: dict[str, Any], told: str | None
) -> None:
    """It would leave them, and its count would find none of them either."""
    steps = [
        first,
        step(
            "events",
            sql=BY_VISITS,
            count="SELECT count(*) FROM events WHERE visit IN (SELECT id FROM visits WHERE visitor_id = :visitor)",
        ),
    ]
    found = refused_steps(tmp_path, "postgresql", *steps)
    assert found == told or (found or "").startswith(told or "\0")


def test_the_samples_steps_need_no_parser() -> None:
    for file in MAPPINGS.glob("*/*.toml"):
        for one in tomllib.loads(file.read_text()).get("erase", []):
            assert "sql" not in one or plain_step(one["sql"]), one["table"]
