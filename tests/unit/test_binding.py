"""A section that would lose the rows of an unknown device, or bring those of another, does not start."""

from pathlib import Path

import pytest

from app.adapters import build_registry
from app.kit.errors import Misconfigured
from app.settings import Settings
from app.sources.binding import plainly_bound
from app.sources.parser.grammar import seen
from app.sources.parser.inspection import inspected
from tests.small import mapping, section, toml, write_mappings

URLS = {"postgresql": "postgresql://host/db", "sqlite": "sqlite:///x.db", "mariadb": "mysql://host/db"}
SAME = {"postgresql": "IS NOT DISTINCT FROM", "sqlite": "IS", "mariadb": "<=>"}
EVERYWHERE = {
    "lost": (
        "d = :device", ":device = d", "d = CAST(:device AS text)", "lower(d) = lower(:device)", "d IN (:device)",
        "d LIKE :device", "d LIKE '%' || :device || '%'", "d IN (SELECT :device)", "d = (SELECT :device)", "d = coalesce(:device, '')",
        "coalesce(d, '') = :device", "d <> :device", "NOT (d = :device)", "d NOT IN (:device)", "d || '' = :device",
        "(d = :device OR kind = 'buy')", "(d = :device OR (e IS NULL AND CAST(:device AS text) IS NULL))",
        "EXISTS (SELECT 1 FROM s WHERE s.d = :device)", "id IN (SELECT id FROM s WHERE d = :device)",
        "coalesce(d = :device, false)", "CASE WHEN d = :device THEN true ELSE false END",
        "CASE kind WHEN 0 THEN 'phone' END = :device",
    ),
    "leak": ("(d = :device OR d IS NULL)", "(d = :device OR CAST(:device AS text) IS NULL)"),
    "safe": (
        "d IS NOT DISTINCT FROM :device", ":device IS NOT DISTINCT FROM d", "NOT (d IS DISTINCT FROM :device)",
        "d IS NOT DISTINCT FROM CAST(:device AS text)",
        "(d = :device OR (d IS NULL AND CAST(:device AS text) IS NULL))",
        "((CAST(:device AS text) IS NULL AND d IS NULL) OR d = CAST(:device AS text))",
        "(lower(d) = lower(:device) OR (d IS NULL AND CAST(:device AS text) IS NULL))",
        "(d IN (:device) OR (t.d IS NULL AND CAST(:device AS text) IS NULL))",
        "coalesce(d, '') = coalesce(:device, '')", "coalesce(d, '') IN (coalesce(:device, ''))",
        "coalesce(d, 'Unknown') IS NOT DISTINCT FROM :device", "coalesce(d, e) IS NOT DISTINCT FROM :device",
        "CASE kind WHEN 0 THEN 'phone' WHEN 1 THEN 'desktop' END IS NOT DISTINCT FROM :device",
        "CASE WHEN CAST(:device AS text) IS NULL THEN d IS NULL ELSE d = :device END",
        "coalesce(d = :device, d IS NULL AND CAST(:device AS text) IS NULL)",
        "EXISTS (SELECT 1 FROM s WHERE s.d IS NOT DISTINCT FROM :device)",
        "((d IS NOT DISTINCT FROM :device AND kind = 'a') OR (d IS NOT DISTINCT FROM :device AND kind = 'b'))",
    ),
    "unclear": (
        "same(d, :device)", "nullif(d, '') IS NOT DISTINCT FROM nullif(:device, '')", "d IS DISTINCT FROM :device",
        "(d IS NOT DISTINCT FROM :device OR amount > 5)", "(d IS NOT DISTINCT FROM :device OR kind = 'call')",
    ),
}  # fmt: skip
ALONE = {
    "postgresql": {
        "lost": ("d ILIKE :device", "d ~ :device", "d = :device::text", "d = ANY(ARRAY[:device])", "(d = :device) IS TRUE"),
        "safe": ("d->>'name' IS NOT DISTINCT FROM :device", "(d = :device OR (d IS NULL AND :device::text IS NULL))"),
        "unclear": ("d = ANY(:device)",),
    },
    "sqlite": {
        "lost": ("d == :device", "d GLOB :device"),
        "safe": (
            "d IS :device", ":device IS d", "(d = :device OR (d IS NULL AND :device IS NULL))", "NOT (d IS NOT :device)",
            "ifnull(d, '') = ifnull(:device, '')", "d COLLATE NOCASE IS :device",
        ),
        "unclear": ("d IS NOT :device",),
    },
    "mariadb": {
        "lost": ("d = BINARY :device", "d = :device COLLATE utf8mb4_bin", "d REGEXP :device"),
        "safe": (
            "d <=> :device", ":device <=> d", "d<=>:device", "(d = :device OR (d IS NULL AND :device IS NULL))",
            "ifnull(d, '') = ifnull(:device, '')", "d <=> BINARY :device", "d COLLATE utf8mb4_bin <=> :device",
        ),
        "unclear": ("NOT d <=> :device", "d LIKE concat('%', :device, '%')"),
    },
}  # fmt: skip


def spoken(engine: str, form: str) -> str | None:
    """The form as MariaDB writes it, if it can: `||` is an OR there."""
    if engine != "mariadb":
        return form
    said = form.replace("IS NOT DISTINCT FROM", "<=>").replace(" AS text)", " AS char)")
    return None if "||" in said or "DISTINCT" in said else said


FORMS = [
    (engine, verdict, form)
    for engine, own in ALONE.items()
    for verdict, forms in EVERYWHERE.items()
    for form in (*filter(None, (spoken(engine, one) for one in forms)), *own.get(verdict, ()))
]
TOGETHER = {
    "lost": (
        "(d, b) = (:device, :browser)", "(d, b) IN ((:device, :browser))", "d || b = :device || :browser",
        "((d = :device AND b = :browser) OR (d IS NULL AND :device IS NULL AND b IS NULL AND :browser IS NULL))",
    ),
    "safe": ("(d, b) IS NOT DISTINCT FROM (:device, :browser)",),
}  # fmt: skip


def bound(engine: str, condition: str) -> str:
    rest = f"b {SAME[engine]} :browser"
    return f"SELECT a FROM t WHERE id = :visitor AND {rest} AND {condition} ORDER BY a"


def refused(folder: Path, engine: str, sql: str) -> str | None:
    centers = write_mappings(folder, toml(mapping(section(sql=sql))))
    try:
        build_registry(Settings(var_dir=folder, data_centers=centers), {"WEBSITE_URL": URLS[engine]})
    except Misconfigured as error:
        return str(error).removeprefix(f"{centers}/acme/website.toml: section 'events': sql: ")
    return None


@pytest.mark.parametrize(("engine", "verdict", "form"), FORMS)
def test_a_form_is_judged_by_what_it_does_with_null(engine: str, verdict: str, form: str) -> None:
    (device, browser) = seen(engine, bound(engine, form)).bound
    assert (device.verdict, browser.verdict) == (verdict, "safe")


@pytest.mark.parametrize(("verdict", "form"), [(one, form) for one, forms in TOGETHER.items() for form in forms])
def test_a_form_of_both_parameters_is_judged_for_each(verdict: str, form: str) -> None:
    sql = f"SELECT a FROM t WHERE id = :visitor AND {form} ORDER BY a"
    assert [one.verdict for one in seen("postgresql", sql).bound] == [verdict, verdict]


@pytest.mark.parametrize(("engine", "verdict", "form"), FORMS)
def test_what_is_plainly_bound_is_never_otherwise(engine: str, verdict: str, form: str) -> None:
    assert not plainly_bound(bound(engine, form), engine) or verdict == "safe"


@pytest.mark.parametrize("engine", URLS)
def test_the_service_does_not_start_with_a_section_that_loses_rows(tmp_path: Path, engine: str) -> None:
    told = refused(tmp_path, engine, bound(engine, "ua_device = :device"))
    mend = f"compare with `{SAME[engine]} :device`, which holds for NULL too."
    assert told == f"`ua_device = :device` loses the rows of an unknown device (NULL) in silence; {mend}"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (bound("sqlite", "(d = :device OR d IS NULL)"), "lets rows of another device through"),
        (
            "SELECT :device AS d, b FROM t WHERE id = :visitor AND b IS :browser ORDER BY b",
            "compares nothing with :device, so that rows of every device would leave",
        ),
        ("SELECT a FROM t WHERE id = :visitor AND d IS :device AND b = :browser ORDER BY a", "of an unknown browser"),
        (
            "SELECT a FROM t WHERE id = :visitor AND d IS :device AND b IS :browser UNION ALL"
            " SELECT a FROM u WHERE id = :visitor AND d IS :device AND b = :browser ORDER BY a",
            "`b = :browser` loses",
        ),
        (
            "SELECT sum(CASE WHEN d = :device AND b IS :browser THEN 1 ELSE 0 END) FROM t WHERE id = :visitor ORDER BY 1",
            "of an unknown device",
        ),
    ],
)
def test_the_service_does_not_start_with(tmp_path: Path, sql: str, said: str) -> None:
    told = refused(tmp_path, "sqlite", sql)
    assert told is not None
    assert said in told


@pytest.mark.parametrize("engine", URLS)
def test_the_service_starts_with_what_is_safe_and_with_what_cannot_be_judged(tmp_path: Path, engine: str) -> None:
    nested = f"WITH w AS (SELECT :device AS d) SELECT a FROM t JOIN w ON t.d {SAME[engine]} w.d WHERE id = :visitor AND b {SAME[engine]} :browser"
    for sql in (bound(engine, EVERYWHERE["safe"][4]), bound(engine, EVERYWHERE["unclear"][0]), nested, f"{nested} ]["):
        assert refused(tmp_path, engine, sql) is None


def test_the_parser_works_in_a_process_that_ends() -> None:
    """Its own sees what the one of the service's process would, and nothing of it stays."""
    questions = [("postgresql", bound("postgresql", "d = :device")), ("sqlite", "SELEKT"), ("sqlite", "DELETE FROM t")]
    assert inspected(questions) == [seen(*one) for one in questions]
