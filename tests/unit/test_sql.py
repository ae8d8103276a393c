"""Parameters are found outside quotes, comments and casts, and bound by position."""

import pytest

from app.sources.sql import Statement, inserted

EVERYWHERE = [
    ("SELECT :visitor", ["visitor"]),
    ("SELECT ':no', \":no\", 'it''s :no'", []),
    ("SELECT 1 -- :no\n, :yes /* :no \n :no */", ["yes"]),
    ("SELECT :a, :b, :a", ["a", "b", "a"]),
    ("SELECT '10:30' AS t, :yes", ["yes"]),
]
OWN = {
    "postgresql": [
        ("SELECT :visitor::text, a::uuid", ["visitor"]),
        (r"SELECT E'\' :no', e'\\' , :yes", ["yes"]),
        ("SELECT 'a\\', :yes, 'b'", ["yes"]),
        ("SELECT $$ :no $$, $tag$ $$ :no $tag$, :yes", ["yes"]),
        ("SELECT a[1:2], :yes", ["yes"]),
        ("SELECT 1 # :yes", ["yes"]),
    ],
    "sqlite": [
        ("SELECT 'a\\', :yes, 'b'", ["yes"]),
        ("SELECT `:no`, [a :no], :yes", ["yes"]),
        ("SELECT $$, :yes, $$", ["yes"]),
        ("SELECT :yes /* :no to the end", ["yes"]),
    ],
    "mariadb": [
        (r"SELECT 'it\'s', ':no', :yes", ["yes"]),
        (r"""SELECT "a\" :no", '\\', :yes, 'it''s'""", ["yes"]),
        ("SELECT `a`` :no`, :yes", ["yes"]),
        ("SELECT 1 # :no\n, :yes", ["yes"]),
        ("SELECT 5--:yes", ["yes"]),
        ("SELECT 5 --\t:no", []),
        ("SELECT 5 /*! + :yes */, /*!50000 :too */ 1", ["yes", "too"]),
        ("SELECT 5 /*M! + :yes */", ["yes"]),
        ("SELECT $$ :yes $$", ["yes"]),
    ],
}
CASES = [(engine, *case) for engine, own in OWN.items() for case in [*EVERYWHERE, *own]]


@pytest.mark.parametrize(("engine", "text", "names"), CASES)
def test_a_parameter_is_a_name_behind_a_colon_where_a_value_can_stand(engine: str, text: str, names: list[str]) -> None:
    assert list(Statement.parse(text, engine).names) == names


def test_values_are_bound_in_order_and_a_list_is_expanded() -> None:
    statement = Statement.parse("a = :a AND b IN (:b) AND c = :a", "sqlite")
    text, bound = statement.bind({"a": 1, "b": ("x", "y")}, lambda place: f"${place}")
    assert (text.strip(), bound) == ("a = $1 AND b IN ($2, $3) AND c = $4", [1, "x", "y", 1])


@pytest.mark.parametrize("text", ["SELECT 1", "SELECT 1;", "SELECT 1 ; ", "SELECT 1 -- the end"])
def test_a_statement_can_stand_within_another(text: str) -> None:
    whole, _ = Statement.parse(text, "sqlite").inside("SELECT * FROM (", ") AS t").bind({}, str)
    assert whole.endswith("\n) AS t")
    assert ";" not in whole


NAMES = {"prefix": "my_", "schema": 'it"s `x', "none": ""}
INSERTED = [
    ("postgresql", "SELECT 1 FROM {prefix}log_visit AS v", 'SELECT 1 FROM "my_log_visit" AS v'),
    ("mariadb", "SELECT 1 FROM {prefix}log_visit AS v", "SELECT 1 FROM `my_log_visit` AS v"),
    ("sqlite", "FROM {schema}.events, a{none}b", 'FROM "it""s `x".events, "ab"'),
    ("mariadb", "FROM {schema}.events", 'FROM `it"s ``x`.events'),
    ("postgresql", "WHERE a = '{prefix}x' AND b = '{\"a\": 1}'", "WHERE a = 'my_x' AND b = '{\"a\": 1}'"),
    ("postgresql", 'WHERE a = "{prefix}" -- {prefix}\n', 'WHERE a = "{prefix}" -- {prefix}\n'),
    ("postgresql", "SELECT {unknown}", "SELECT {unknown}"),
]


@pytest.mark.parametrize(("engine", "text", "made"), INSERTED)
def test_a_name_is_inserted_as_the_engine_quotes_it(engine: str, text: str, made: str) -> None:
    assert inserted(text, engine, NAMES) == made
