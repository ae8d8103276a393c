"""`sources check` finds what start cannot see: it asks the database about every query, and about what no query reads."""

from pathlib import Path
from typing import Any

import pytest

from app.sources.port import Finding
from tests.contract.test_source_finding import BY_AGENT, PARSED
from tests.servers import free_port
from tests.small import EVENTS, HERE, TABLES, Small, mapping, opened, personal, section

EXTRA = """
CREATE TABLE orders (number bigint PRIMARY KEY, placed_by bigint REFERENCES people (id), total text);
CREATE TABLE notes (id bigint PRIMARY KEY, visitor_id bigint, note text);
CREATE TABLE letters (id bigint PRIMARY KEY, person bigint, words text);
CREATE TABLE pages (id bigint PRIMARY KEY, title text);
CREATE VIEW told AS SELECT person AS visitor_id, words FROM letters;
"""


async def checked(small: Small, *sections: Any, **keys: Any) -> tuple[list[str], list[str]]:
    """What fails, and what is warned of, but for the indexes that searches want: see test_scanning."""
    async with opened(small.folder, small.url, mapping(*sections, **keys)) as source:
        findings: list[Finding] = [one for one in await source.check() if "reads all of" not in one.text]
    return [one.text for one in findings if not one.warning], [one.text for one in findings if one.warning]


async def test_a_right_mapping_passes(small: Small) -> None:
    small.run(TABLES)
    assert await checked(small.reader(), section(), personal()) == ([], [])


async def test_a_list_of_user_agents_that_does_not_hold_for_null_is_warned_of(small: Small) -> None:
    small.run(TABLES)
    small.run(PARSED)
    sql = "SELECT id FROM hits WHERE visitor_id = :visitor AND agent IN (:user_agents) ORDER BY id"
    omitted = {"events": "shown elsewhere"}
    failed, (warned,) = await checked(small.reader(), section(sql=sql), personal(), find=BY_AGENT, omitted=omitted)
    assert failed == []
    assert "coalesce" in warned


async def test_a_section_without_order_fails(small: Small) -> None:
    small.run(TABLES)
    windowed = f"SELECT id, row_number() OVER (ORDER BY id) AS place FROM events WHERE {HERE}"
    for sql in (f"SELECT id FROM events WHERE {HERE}", windowed):
        (failed,), _ = await checked(small.reader(), section(sql=sql), personal())
        assert "section 'events' has no ORDER BY" in failed


@pytest.mark.parametrize("condition", ["same(device, :device)"])
async def test_the_planner_of_postgresql_proves_what_the_sql_does_not_show(postgresql: Small, condition: str) -> None:
    postgresql.run(TABLES)
    postgresql.run("CREATE FUNCTION same(text, text) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 = $2'")
    sql = EVENTS.replace("device IS NOT DISTINCT FROM :device", condition)
    (failed,), warned = await checked(postgresql.reader(), section(sql=sql), personal())
    assert failed.startswith("section 'events' loses the rows of an unknown device (NULL) in silence; compare with")
    assert warned == []


async def test_a_form_that_neither_shows_nor_plans_as_wrong_is_warned_of(small: Small) -> None:
    small.run(TABLES)
    unclear = (
        "instr(device, :device)" if small.on_sqlite else "concat(device, '|') = concat(CAST(:device AS text), '|')"
    )
    sql = EVENTS.replace("device IS NOT DISTINCT FROM :device", unclear)
    failed, (warned,) = await checked(small.reader(), section(sql=sql), personal())
    assert failed == []
    same = {"sqlite": "IS", "mariadb": "<=>"}.get(small.engine, "IS NOT DISTINCT FROM")
    assert warned == (
        "section 'events' does not show whether it keeps the rows of an unknown device (NULL); compare with"
        f" `{same} :device`, which holds for NULL too."
    )


async def test_a_role_that_may_write_is_warned_of(postgresql: Small) -> None:
    postgresql.run(TABLES)
    failed, (warned,) = await checked(postgresql, section(), personal())
    assert failed == []
    assert "may write (the table 'events', for one); give Dossier one that may only read" in warned


async def test_a_table_with_the_visitors_key_that_no_section_reads_is_warned_of(small: Small) -> None:
    small.run(TABLES)
    small.run(EXTRA)
    failed, warned = await checked(small.reader(), section(), personal())
    assert failed == []
    assert [one.partition(" and stands")[0] for one in warned] == [
        "the table 'notes' has the column 'visitor_id', by which visitors are known,",
        "the table 'orders' refers to the visitors in 'people'",
    ]
    assert all(one.endswith("stands in no section; add one, or name it under [omitted].") for one in warned)


async def test_a_table_is_covered_by_a_section_a_view_or_a_reason(small: Small) -> None:
    small.run(TABLES)
    small.run(EXTRA)
    told = section(
        "told", "SELECT words FROM told WHERE visitor_id = :visitor ORDER BY words", scope="visitor", because="so"
    )
    omitted = {"orders": "kept by the accountant", "NOTES": "internal"}
    keys = {"visitor_columns": ["person"], "omitted": omitted}
    assert await checked(small.reader(), section(), personal(), told, **keys) == ([], [])
    _, (warned,) = await checked(small.reader(), section(), personal(), **keys)
    assert "the table 'letters' has the column 'person'" in warned


async def test_a_database_that_cannot_be_reached_is_said_once(tmp_path: Path) -> None:
    nowhere = Small("postgresql", f"postgresql://reader@127.0.0.1:{free_port()}/site", tmp_path)
    (failed,), warned = await checked(nowhere, section(), personal())
    assert failed.startswith("the connection: ")
    assert warned == []
