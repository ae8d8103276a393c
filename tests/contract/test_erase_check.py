"""`sources check` says of each step of an erasure what the database says of it, under the role that may erase."""

from pathlib import Path
from typing import Any

import psycopg

from tests.contract.test_source_check import EXTRA
from tests.small import TABLES, Small, erasable, opened, step


async def checked(small: Small, *steps: Any, erase_url: str | None = None, **keys: Any) -> tuple[list[str], list[str]]:
    """What fails, and what is warned of, of the steps alone."""
    async with opened(small.folder, small.url, erasable(*steps, **keys), erase_url=erase_url) as source:
        found = [one for one in await source.check() if one.text.startswith("erase") or "[[erase]]" in one.text]
    return [one.text for one in found if not one.warning], [one.text for one in found if one.warning]


async def test_right_steps_pass(small: Small) -> None:
    small.run(TABLES)
    assert await checked(small) == ([], [])
    assert small.run("SELECT count(*) FROM events") == [(6,)]


async def test_a_table_with_the_visitors_key_that_is_in_no_step_is_named(small: Small) -> None:
    small.run(TABLES)
    small.run(EXTRA.rpartition("CREATE VIEW")[0])
    failed, warned = await checked(small)
    assert failed == []
    told = "and stands in no [[erase]] step; add one, or one that keeps it and says why."
    assert warned == [
        f"the table 'notes' has the column 'visitor_id', by which visitors are known, {told}",
        f"the table 'orders' refers to the visitors in 'people' {told}",
    ]


async def test_a_step_for_a_table_or_column_that_is_not_there_fails(small: Small) -> None:
    small.run(TABLES)
    wrong = step("people", sql="DELETE FROM people WHERE number = :visitor")
    (first, second), _ = await checked(small, step("visits"), step("events"), wrong)
    assert first.startswith("erase 'visits': ")
    assert second.startswith("erase 'people': ")


async def test_what_does_not_show_whose_rows_it_touches_fails(small: Small) -> None:
    small.run(TABLES)
    unclear = step("events", sql="DELETE FROM events WHERE visitor_id - :visitor = 0")
    (failed,), warned = await checked(small, unclear, step("people"))
    assert warned == []
    assert failed.startswith("erase 'events': sql: does not show that it touches the visitor's rows alone; compare")


async def test_a_step_that_makes_the_visitor_unfindable_goes_last(small: Small) -> None:
    small.run(TABLES)
    some = "DELETE FROM events WHERE id IN (SELECT id FROM (SELECT id FROM events WHERE visitor_id = :visitor LIMIT :batch) AS few)"
    failed, (warned,) = await checked(small, step("people"), step("events", sql=some, batch=5))
    assert failed == []
    assert warned.startswith("erase 'people': goes before a step with a batch, and visitors are found by it; move it")


async def test_a_role_that_may_not_delete_is_named(postgresql: Small) -> None:
    postgresql.run(TABLES)
    reader = postgresql.reader()
    (first, second), _ = await checked(postgresql, erase_url=reader.url)
    assert first == "erase 'events': permission denied for table events"
    assert second == "erase 'people': permission denied for table people"


async def test_a_role_that_may_erase_need_not_own_the_tables(postgresql: Small) -> None:
    postgresql.run(TABLES)
    reader = postgresql.reader()
    role = psycopg.conninfo.conninfo_to_dict(reader.url)["user"]
    postgresql.run(f"GRANT DELETE ON events, people TO {role}")
    assert await checked(reader, erase_url=reader.url) == ([], [])


async def test_a_role_that_is_refused_is_said_once_with_its_variable(small: Small, tmp_path: Path) -> None:
    small.run(TABLES)
    away = f"sqlite:///{tmp_path / 'away.db'}" if small.on_sqlite else small.url.replace("/small", "/nowhere")
    (failed,), _ = await checked(small, erase_url=away)
    assert failed.startswith("erase: ")
    assert failed.endswith("in WEBSITE_ERASE_URL.")
