"""One visitor is erased from a data source, and nobody else; whole or not at all, on each engine."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from app.kit.errors import Conflict
from app.sources.erasing import NotErasable, RowsMismatch, RowsReferred, RowsRemain, Scope
from app.sources.port import SchemaLacks, SourceMisconfigured
from tests.small import CENTER, TABLES, Small, erasable, mapping, opened, step

EVENTS, PEOPLE = "SELECT id FROM events ORDER BY id", "SELECT id FROM people ORDER BY id"
OF_OTHERS = [(6,)]
BATCHES = {
    "sqlite": "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE visitor_id = :visitor LIMIT :batch)",
    "postgresql": "DELETE FROM events WHERE ctid IN (SELECT ctid FROM events WHERE visitor_id = :visitor LIMIT :batch)",
    "mariadb": "DELETE FROM events WHERE visitor_id = :visitor LIMIT :batch",
}


async def erase(
    small: Small, data: Mapping[str, Any], scope: Scope = "visitor", browser: str = "Safari"
) -> tuple[list[int], list[int]]:
    """The counts before and after."""
    async with opened(small.folder, small.url, data, f'erasure_scope = "{scope}"\n{CENTER}') as source:
        async with source.erase(1, "iPhone", browser, scope) as erasing:
            before = await erasing.count()
            await erasing.run(lambda _steps, _rows: None)
        async with source.erase(1, "iPhone", browser, scope, looking=True) as erasing:
            return before, await erasing.count()


async def test_all_rows_of_the_visitor_go_and_nobody_elses(small: Small) -> None:
    small.run(TABLES)
    assert await erase(small, erasable()) == ([5, 1], [0, 0])
    assert small.run(EVENTS) == OF_OTHERS
    assert small.run(PEOPLE) == [(2,), (3,)]


async def test_batches_are_repeated_until_no_row_is_touched(small: Small) -> None:
    small.run(TABLES)
    batched = step("events", sql=BATCHES[small.engine], batch=2)
    assert await erase(small, erasable(batched, step("people"))) == ([5, 1], [0, 0])
    assert small.run(EVENTS) == OF_OTHERS


async def test_who_watches_is_told_the_steps_and_the_rows(small: Small) -> None:
    small.run(TABLES)
    told = list[tuple[int, int]]()
    batched = step("events", sql=BATCHES[small.engine], batch=2)
    async with (
        opened(small.folder, small.url, erasable(batched, step("people"))) as source,
        source.erase(1, None, None, "visitor") as erasing,
    ):
        await erasing.run(lambda steps, rows: told.append((steps, rows)))
    assert told == [(0, 2), (0, 4), (0, 5), (0, 5), (1, 5), (1, 6), (2, 6)]


async def test_who_only_looks_waits_for_no_erasure(small: Small) -> None:
    small.run(TABLES)
    async with (
        asyncio.timeout(5),
        opened(small.folder, small.url, erasable()) as source,
        source.erase(1, None, None, "visitor"),
        source.erase(2, None, None, "visitor", looking=True) as other,
    ):
        assert await other.count() == [1, 1]


async def test_where_one_device_and_browser_is_erased_the_others_stay(small: Small) -> None:
    small.run(TABLES)
    here = "events WHERE visitor_id = :visitor AND device IS NOT DISTINCT FROM :device AND browser IS NOT DISTINCT FROM :browser"
    chosen = step("events", sql=f"DELETE FROM {here}", count=f"SELECT count(*) FROM {here}")
    assert await erase(small, erasable(chosen), "combination") == ([2], [0])
    assert small.run(EVENTS) == [(3,), (4,), (5,), (6,)]


async def test_rows_are_made_anonymous_or_kept_as_the_mapping_says(small: Small) -> None:
    small.run(TABLES)
    anonymous = step(
        "events", "anonymise", sql="UPDATE events SET visitor_id = NULL, os = NULL WHERE visitor_id = :visitor"
    )
    kept = step("people", "keep", because="the law asks for it")
    assert await erase(small, erasable(anonymous, kept)) == ([5, 1], [0, 1])
    assert small.run("SELECT count(*) FROM events WHERE visitor_id IS NULL") == [(5,)]
    assert len(small.run(PEOPLE)) == 3


async def test_once_more_it_changes_nothing(small: Small) -> None:
    small.run(TABLES)
    await erase(small, erasable())
    assert await erase(small, erasable()) == ([0, 0], [0, 0])
    assert small.run(EVENTS) == OF_OTHERS


STRANGERS: dict[str, dict[str, Any]] = {
    "at once": {"sql": "DELETE FROM events WHERE visitor_id - :visitor >= 0"},
    "in batches": {"sql": "DELETE FROM events WHERE visitor_id - :visitor >= 0 AND :batch > 0", "batch": 10},
}


@pytest.mark.parametrize("how", STRANGERS)
async def test_a_step_that_would_touch_strangers_rows_is_taken_back(small: Small, how: str) -> None:
    """Its sql takes more than its count says; no parser sees what a subtraction lets through."""
    small.run(TABLES)
    with pytest.raises(RowsMismatch, match="The events") as met:
        await erase(small, erasable(step("events", **STRANGERS[how]), step("people")))
    assert "6 rows where it counts 5" in met.value.detail
    assert (len(small.run(EVENTS)), len(small.run(PEOPLE))) == (6, 3)


async def test_a_batch_that_finds_its_rows_again_and_again_ends(small: Small) -> None:
    small.run(TABLES)
    again = step(
        "events", "anonymise", batch=100,
        sql="UPDATE events SET people = people + 1 WHERE visitor_id = :visitor AND :batch > 0",
    )  # fmt: skip
    with pytest.raises(RowsMismatch):
        await erase(small, erasable(again))


REMAINING = {
    "rows that its sql leaves": (
        step("events", sql="DELETE FROM events WHERE visitor_id = :visitor AND id < 4"),
        step("people"),
    ),
    "rows that are kept and go with the others": (
        step("people", "keep", because="the law"),
        step("events", sql="DELETE FROM people WHERE id = :visitor"),
    ),
}


@pytest.mark.parametrize("what", REMAINING)
async def test_what_does_not_come_out_as_it_should_is_taken_back(small: Small, what: str) -> None:
    small.run(TABLES)
    with pytest.raises((RowsRemain, RowsMismatch), match="The "):
        await erase(small, erasable(*REMAINING[what]))
    assert (len(small.run(EVENTS)), len(small.run(PEOPLE))) == (6, 3)


REFERRING = (
    TABLES
    + """
CREATE TABLE orders (id bigint PRIMARY KEY, person bigint, FOREIGN KEY (person) REFERENCES people (id));
INSERT INTO orders VALUES (1, 1);
"""
)


async def test_a_table_that_refers_to_the_rows_stops_it_by_its_name(small: Small) -> None:
    small.run(REFERRING)
    with pytest.raises(RowsReferred, match="orders"):
        await erase(small, erasable())
    assert (len(small.run(EVENTS)), len(small.run(PEOPLE))) == (6, 3)


async def test_a_step_for_a_table_that_is_not_there_stops_it_by_its_name(small: Small) -> None:
    small.run(TABLES)
    with pytest.raises(SchemaLacks, match="visits"):
        await erase(small, erasable(step("events"), step("visits")))
    assert len(small.run(EVENTS)) == 6


async def test_a_key_that_is_compared_with_a_column_of_another_type_is_named(postgresql: Small) -> None:
    postgresql.run(TABLES)
    postgresql.run("CREATE TABLE logins (id uuid, at text)")
    with pytest.raises(SourceMisconfigured, match="erase 'logins', count"):
        await erase(
            postgresql,
            erasable(
                step(
                    "logins",
                    sql="DELETE FROM logins WHERE id = :visitor",
                    count="SELECT count(*) FROM logins WHERE id = :visitor",
                ),
                step("people"),
            ),
        )


async def test_a_source_without_steps_cannot_erase(small: Small) -> None:
    small.run(TABLES)
    with pytest.raises(NotErasable):
        await erase(small, mapping())


@pytest.mark.parametrize("kind", [RowsMismatch, RowsRemain, RowsReferred, NotErasable])
def test_each_says_how_to_mend_it(kind: type[Conflict]) -> None:
    assert len(kind.help()) > 80
