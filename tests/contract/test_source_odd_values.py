"""Values that no search may stumble over, moments in every spelling, and rows that a policy hides."""

import json
from datetime import UTC, datetime

import psycopg
import pytest

from app.sources.engines.postgres_wire import prepare_connection
from app.sources.port import SourceMisconfigured
from tests.small import FIND, TABLES, Small, batches, found, personal, rows

ODD_COUNTS = ["'NaN'::numeric", "'NaN'::float8", "'Infinity'::float8", "'-Infinity'::numeric", "1e400::numeric",
              "interval '300000 years'", "9223372036854775808::numeric", "NULL::bigint"]  # fmt: skip
ODD_TIMES = ["'infinity'::timestamptz", "'-infinity'::date", "'0044-03-15 BC'::date", "'10000-01-01'::timestamp",
             "'0001-01-01 00:00:00+14'::timestamptz", "interval '300000 years'", "'24:00:00'::time", "'x'::text"]  # fmt: skip
# Each is the second that began 2020 in March, UTC, or that day.
MARCH = datetime(2020, 3, 1, tzinfo=UTC)


def finding(**columns: str) -> dict[str, str]:
    shown = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return {**FIND, "combinations": f"SELECT device, browser, {shown} FROM events WHERE visitor_id = :visitor"}


@pytest.mark.parametrize("sql", ODD_COUNTS)
async def test_a_count_that_json_cannot_say_is_unknown_and_the_source_answers(postgresql: Small, sql: str) -> None:
    postgresql.run(TABLES)
    async with postgresql.source(find=finding(interactions=sql, people=sql)) as source:
        (jane,) = (await found(source, "183")).visitors
        assert {(one.interactions, one.people) for one in jane.combinations} == {(None, None)}
        assert len(await rows(source)) == 2


@pytest.mark.parametrize("sql", ["9e999", "-9e999", "'many'", "x'00'", "NULL"])
async def test_a_count_that_is_none_is_unknown_on_sqlite_too(sqlite: Small, sql: str) -> None:
    sqlite.run(TABLES)
    async with sqlite.source(find=finding(interactions=sql)) as source:
        (jane,) = (await found(source, "183")).visitors
        assert {one.interactions for one in jane.combinations} == {None}


@pytest.mark.parametrize("sql", ODD_TIMES)
async def test_a_time_that_no_calendar_of_ours_holds_is_unknown_and_the_source_answers(
    postgresql: Small, sql: str
) -> None:
    postgresql.run(TABLES)
    async with postgresql.source(find=finding(first_seen=sql, last_seen=sql, os=sql)) as source:
        (jane,) = (await found(source, "183")).visitors
        assert {(one.first_seen, one.last_seen) for one in jane.combinations} == {(None, None)}
        assert len(await rows(source)) == 2


async def test_such_a_time_dates_no_row_and_stands_in_it_as_the_database_writes_it(postgresql: Small) -> None:
    postgresql.run(TABLES)
    times = ["'infinity'::timestamptz", "'0044-03-15 BC'::timestamptz", "'10000-01-01'::timestamp"]
    for sql in times:
        said = f"SELECT {sql} AS at FROM people WHERE id = :visitor"
        async with postgresql.source(personal(sql=said, time="at")) as source:
            (batch,) = await batches(source, "person", 1, "iPhone", "Safari")
        assert batch.moments == [None]
        assert sql.split("'")[1][:5] in json.loads(batch.rows[0])["at"]


@pytest.mark.parametrize(
    "sql", ["1583020800", "1583020800000", "'1583020800'", "'1583020800000'", "1583020800.0", "'1583020800.5'",
            "'20200301'", "' 2020-03-01 '", "'2020-03-01T01:00:00+01:00'"],
)  # fmt: skip
async def test_a_time_column_of_epoch_numbers_is_read_as_what_it_is(small: Small, sql: str) -> None:
    small.run(TABLES)
    async with small.source(personal(sql=f"SELECT {sql} AS at FROM people WHERE id = :visitor", time="at")) as source:
        (batch,) = await batches(source, "person", 1, "iPhone", "Safari")
    (at,) = batch.moments or ()
    assert at
    assert at.replace(microsecond=0) == MARCH


@pytest.mark.parametrize("kind", ["bigint", "numeric", "float8", "int"])
async def test_an_integer_of_eight_digits_counts_seconds_in_every_numeric_type(postgresql: Small, kind: str) -> None:
    postgresql.run(TABLES)
    sql = f"SELECT 20200301::{kind} AS at FROM people WHERE id = :visitor"
    async with postgresql.source(personal(sql=sql, time="at")) as source:
        (batch,) = await batches(source, "person", 1, "iPhone", "Safari")
    assert batch.moments == [datetime.fromtimestamp(20200301, UTC)]


async def test_epoch_numbers_date_a_combination_too(small: Small) -> None:
    small.run(TABLES)
    async with small.source(find=finding(first_seen="1583020800000", last_seen="'1583020800'")) as source:
        (jane,) = (await found(source, "183")).visitors
        assert {(one.first_seen, one.last_seen) for one in jane.combinations} == {(MARCH, MARCH)}


POLICY = """
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
CREATE POLICY phones ON events FOR SELECT USING (device = 'iPhone');
"""


async def test_a_policy_that_would_hide_rows_is_an_error_that_names_what_to_grant(postgresql: Small) -> None:
    postgresql.run(TABLES)
    postgresql.run(POLICY)
    as_reader = postgresql.reader()
    async with as_reader.source() as source:
        for ask in (found(source, "183"), rows(source)):
            with pytest.raises(SourceMisconfigured, match="BYPASSRLS"):
                await ask
        assert any("BYPASSRLS" in one.text for one in await source.check())


async def test_a_policy_that_is_meant_chooses_rows_and_the_facts_say_so(postgresql: Small) -> None:
    postgresql.run(TABLES)
    postgresql.run(POLICY)
    as_reader = postgresql.reader()
    async with as_reader.source(row_security=True) as source:
        (jane,) = (await found(source, "183")).visitors
        assert [(one.device, one.browser) for one in jane.combinations] == [("iPhone", "Safari")]
        assert [row["what"] for row in await rows(source)] == ["first", "second"]
        assert source.facts.row_security


async def test_a_role_that_bypasses_policies_reads_every_row(postgresql: Small) -> None:
    postgresql.run(TABLES)
    postgresql.run(POLICY)
    as_reader = postgresql.reader("dossier_bypassing_reader")
    postgresql.run("ALTER ROLE dossier_bypassing_reader BYPASSRLS")
    async with as_reader.source() as source:
        (jane,) = (await found(source, "183")).visitors
        assert len(jane.combinations) == 4


async def test_a_connection_whose_settings_got_lost_on_the_way_is_refused_by_name(postgresql: Small) -> None:
    """As by a pooler that is told to ignore `options`: times would come in another zone, and a policy hide rows."""
    with psycopg.connect(postgresql.url) as plain, pytest.raises(SourceMisconfigured, match="pooler"):
        prepare_connection(plain)


async def test_a_table_that_was_altered_between_two_searches_is_asked_anew(postgresql: Small) -> None:
    """A prepared statement remembers the columns of its table, and complains for ever."""
    postgresql.run(TABLES)
    star = {**FIND, "email": "SELECT id AS visitor, * FROM people WHERE lower(email) = :email ORDER BY id"}
    async with postgresql.source(find=star) as source:
        for _ in range(2):
            assert len((await found(source, "jane@example.com")).visitors) == 2
            postgresql.run("ALTER TABLE people ADD COLUMN IF NOT EXISTS later text")
        postgresql.run("ALTER TABLE people DROP COLUMN later")
        assert len((await found(source, "jane@example.com")).visitors) == 2
