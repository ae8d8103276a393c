"""Parameters are found outside quotes, comments and casts, and bound by position."""

import pytest

from app.sources.sql import Statement


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SELECT :visitor", ["visitor"]),
        ("SELECT :visitor::text, a::uuid", ["visitor"]),
        ("SELECT ':no', \":no\", `:no`, 'it''s :no'", []),
        (r"SELECT E'\' :no', e'\\' , :yes", ["yes"]),
        ("SELECT 'a\\', :yes, 'b'", ["yes"]),
        ("SELECT $$ :no $$, $tag$ $$ :no $tag$, :yes", ["yes"]),
        ("SELECT 1 -- :no\n, :yes /* :no \n :no */", ["yes"]),
        ("SELECT a[1:2], :yes", ["yes"]),
        ("SELECT :a, :b, :a", ["a", "b", "a"]),
        ("SELECT '10:30' AS t, :yes", ["yes"]),
    ],
)
def test_a_parameter_is_a_name_behind_a_colon_where_a_value_can_stand(text: str, names: list[str]) -> None:
    assert list(Statement.parse(text).names) == names


def test_values_are_bound_in_order_and_a_list_is_expanded() -> None:
    statement = Statement.parse("a = :a AND b IN (:b) AND c = :a")
    text, bound = statement.bind({"a": 1, "b": ("x", "y")}, lambda place: f"${place}")
    assert (text.strip(), bound) == ("a = $1 AND b IN ($2, $3) AND c = $4", [1, "x", "y", 1])


@pytest.mark.parametrize("text", ["SELECT 1", "SELECT 1;", "SELECT 1 ; ", "SELECT 1 -- the end"])
def test_a_statement_can_stand_within_another(text: str) -> None:
    whole, _ = Statement.parse(text).inside("SELECT * FROM (", ") AS t").bind({}, str)
    assert whole.endswith("\n) AS t")
    assert ";" not in whole
