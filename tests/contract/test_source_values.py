"""Values come out of every engine in PostgreSQL's JSON forms, every digit kept."""

import json
from decimal import Decimal
from typing import Any

import pytest

from app.sources.port import SourceMisconfigured, ValueNotEncodable
from tests.small import HERE, TABLES, Small, batches, personal, rows, section

ROW = "SELECT {} AS value FROM people WHERE id = :visitor"
ON_POSTGRESQL = {
    "9223372036854775807::bigint": "9223372036854775807",
    "(-9223372036854775808)::bigint": "-9223372036854775808",
    "1234567890123456789012345678901234567890.12345678900::numeric": "1234567890123456789012345678901234567890.12345678900",
    "0.0000000000::numeric": "0.0000000000",
    "1e20::numeric": "100000000000000000000",
    "'NaN'::numeric": '"NaN"',
    "'NaN'::float8": '"NaN"',
    "'-Infinity'::float8": '"-Infinity"',
    "0.1::float4": "0.1",
    "0.1::float8 + 0.2::float8": "0.30000000000000004",
    "true": "true",
    "'2026-01-02 03:04:05.123400+02'::timestamptz": '"2026-01-02T01:04:05.1234+00:00"',
    "'2026-01-02 03:04:05'::timestamp": '"2026-01-02T03:04:05"',
    "'2026-01-02'::date": '"2026-01-02"',
    "'03:04:05.5'::time": '"03:04:05.5"',
    "'1 year 2 mons 3 days 04:05:06.5'::interval": '"P1Y2M3DT4H5M6.5S"',
    "'infinity'::timestamptz": '"infinity"',
    "'10000-01-01'::date": '"10000-01-01"',
    "'0044-03-15 BC'::date": '"0044-03-15 BC"',
    r"'\xdeadbeef'::bytea": r'"\\xdeadbeef"',
    """'{"b": [], "a": {}, "n": 12345678901234567890.10}'::json""": '{"b": [], "a": {}, "n": 12345678901234567890.10}',
    """'{"b": [], "a": {}}'::jsonb""": '{"a": {}, "b": []}',
    "ARRAY[1, NULL, 3]": "[1,null,3]",
    "ARRAY['a\"b', NULL]": '["a\\"b",null]',
    "'7f3a9c00-0000-4000-8000-000000000000'::uuid": '"7f3a9c00-0000-4000-8000-000000000000"',
    "'10.0.0.0/8'::inet": '"10.0.0.0/8"',
    "'[1,5)'::int4range": '"[1,5)"',
    "ROW(1, 'x')": '{"f1":1,"f2":"x"}',
    "NULL::text": "null",
}
ON_SQLITE = {
    "9223372036854775807": "9223372036854775807",
    "0.1 + 0.2": "0.30000000000000004",
    "9e999": '"Infinity"',
    "-9e999": '"-Infinity"',
    "x'deadbeef'": r'"\\xdeadbeef"',
    "x''": r'"\\x"',
    "'2026-01-02T03:04:05.123456+02:00'": '"2026-01-02T03:04:05.123456+02:00"',
    "'12345678901234567890'": '"12345678901234567890"',
    "NULL": "null",
    "1 = 1": "1",
}
TEXTS = [
    "",
    " ",
    "quote \" and '",
    "back\\slash",
    "line\nbreak\ttab",
    "emoji 📱🇩🇪",
    "שלום עולם",
    "</script>",
    "date_encoded_hello",
    ":device -- $1 %s",
]


async def value_of(small: Small, sql: str, **keys: Any) -> str:
    """The JSON text of one value."""
    small.run(TABLES)
    async with small.source(personal(sql=sql, **keys)) as source:
        (batch,) = await batches(source, "person", 1, "iPhone", "Safari")
    text = batch.rows[0].decode()
    return text[text.index(":") + 1 : -1]


@pytest.mark.parametrize(("sql", "expected"), ON_POSTGRESQL.items(), ids=ON_POSTGRESQL)
async def test_postgresql_makes_the_json_itself(postgresql: Small, sql: str, expected: str) -> None:
    assert await value_of(postgresql, ROW.format(sql)) == expected


@pytest.mark.parametrize(("sql", "expected"), ON_SQLITE.items(), ids=ON_SQLITE)
async def test_sqlite_returns_what_it_holds(sqlite: Small, sql: str, expected: str) -> None:
    assert await value_of(sqlite, ROW.format(sql)) == expected


async def test_text_comes_out_verbatim(small: Small) -> None:
    small.run(TABLES)
    for text in TEXTS:
        quoted = text.replace("'", "''")
        async with small.source(personal(sql=ROW.format(f"'{quoted}'"))) as source:
            (row,) = await rows(source, name="person")
        assert row == {"value": text}


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 12345678901234567890, "d": 0.123456789012345678901234567890}',
        "[]",
        "{}",
        '"x"',
        "null",
        '[{"a": [1, {}]}]',
        ' {"a" : 1 }',
    ],
)
async def test_text_that_holds_json_is_nested_verbatim(small: Small, text: str) -> None:
    assert await value_of(small, ROW.format(f"'{text}'"), json=["value"]) == text


async def test_the_json_key_is_harmless_on_a_json_column_and_on_null(postgresql: Small) -> None:
    assert await value_of(postgresql, ROW.format("'[1]'::jsonb"), json=["value"]) == "[1]"
    assert await value_of_again(postgresql, ROW.format("NULL::text")) == "null"


async def value_of_again(small: Small, sql: str) -> str:
    async with small.source(personal(sql=sql, json=["value"])) as source:
        (batch,) = await batches(source, "person", 1, "iPhone", "Safari")
    return batch.rows[0].decode().removeprefix('{"value":').removesuffix("}")


@pytest.mark.parametrize("text", ["no json", "{", "NaN", '{"a": 1} x', ""])
async def test_text_that_holds_no_json_fails_by_section_and_column(small: Small, text: str) -> None:
    small.run(TABLES)
    async with small.source(personal(sql=ROW.format(f"'{text}'"), json=["value"])) as source:
        with pytest.raises(ValueNotEncodable) as failure:
            await rows(source, name="person")
    assert failure.value.detail == "section 'person', column value"


async def test_text_that_is_no_utf8_fails_by_section_and_column(sqlite: Small) -> None:
    sqlite.run(TABLES)
    async with sqlite.source(personal(sql=ROW.format("CAST(x'ff41' AS TEXT)"))) as source:
        with pytest.raises(ValueNotEncodable) as failure:
            await rows(source, name="person")
    assert failure.value.detail == "section 'person', column value"


async def test_a_naive_time_is_an_instant_where_the_source_names_its_zone(postgresql: Small) -> None:
    postgresql.run(TABLES)
    sql = "SELECT '2026-07-01 10:00:00'::timestamp AS at, '2026-07-01 10:00:00+00'::timestamptz AS tz FROM people WHERE id = :visitor"
    async with postgresql.source(personal(sql=sql, time="at"), time_zone="Europe/Berlin") as source:
        (batch,) = await batches(source, "person", 1, "iPhone", "Safari")
    assert json.loads(batch.rows[0]) == {"at": "2026-07-01T08:00:00+00:00", "tz": "2026-07-01T10:00:00+00:00"}
    assert batch.moments is not None
    assert str(batch.moments[0]) == "2026-07-01 08:00:00+00:00"


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "2026-01-02 05:04:05+02:00", "2026-01-02 03:04:05"])
async def test_the_time_column_dates_a_row(small: Small, text: str) -> None:
    small.run(TABLES)
    async with small.source(
        personal(sql=f"SELECT '{text}' AS at FROM people WHERE id = :visitor", time="at")
    ) as source:
        (batch,) = await batches(source, "person", 1, "iPhone", "Safari")
    assert [str(one) for one in batch.moments or ()] == ["2026-01-02 03:04:05+00:00"]


async def test_rows_come_in_batches_of_bounded_size_and_in_order(small: Small) -> None:
    small.run(TABLES)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n, people WHERE id = :visitor ORDER BY i"
    async with small.source(personal(sql=numbers)) as source:
        read = await batches(source, "person", 1, "iPhone", "Safari")
    assert len(read) >= 5
    assert [json.loads(row)["i"] for batch in read for row in batch.rows] == list(range(1, 5001))


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1 AS a, 2 AS a FROM people WHERE id = :visitor", "SELECT email, people.* FROM people WHERE id = :visitor"],
)
async def test_two_columns_of_one_name_are_refused(small: Small, sql: str) -> None:
    small.run(TABLES)
    async with small.source(personal(sql=sql)) as source:
        with pytest.raises(SourceMisconfigured, match="twice"):
            await rows(source, name="person")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            "email AS dossier_row, cookie AS dossier_raw, 1 AS dossier_row_",
            ["dossier_row", "dossier_raw", "dossier_row_"],
        ),
        ('email AS a, cookie AS "a:1"', ["a", "a:1"]),
        ('email AS "a:1", cookie AS "a:2"', ["a:1", "a:2"]),
        ('email AS "A", cookie AS a', ["A", "a"]),
    ],
)
async def test_a_column_of_any_name_is_itself(small: Small, columns: str, expected: list[str]) -> None:
    small.run(TABLES)
    async with small.source(
        personal(sql=f"SELECT {columns} FROM people WHERE id = :visitor", time=expected[0])
    ) as source:
        (row,) = await rows(source, name="person")
    assert list(row) == expected
    assert list(row.values())[:2] == ["Jane@example.com", "183"]


TOO_MUCH = [
    "repeat('x', length(email) * 100000000)",
    "repeat('[', 200000) || repeat(']', 200000)",
]


@pytest.mark.parametrize("column", TOO_MUCH)
async def test_a_value_that_is_too_much_for_postgresql_is_not_asked_again(postgresql: Small, column: str) -> None:
    postgresql.run(TABLES)
    sql = f"SELECT {column} AS a FROM people WHERE id = :visitor"
    async with postgresql.source(personal(sql=sql, json=["a"])) as source:
        with pytest.raises(ValueNotEncodable, match="section 'person', column a"):
            await rows(source, name="person")


@pytest.mark.parametrize("postgresql", ["postgres_18"], indirect=True)
async def test_nor_is_one_of_more_memory_than_the_server_gives_at_once(postgresql: Small) -> None:
    postgresql.run(TABLES)
    half = "repeat('x', length(email) * 34000000)"
    async with postgresql.source(
        personal(sql=f"SELECT {half} || {half} AS a FROM people WHERE id = :visitor")
    ) as source:
        with pytest.raises(ValueNotEncodable, match="section 'person'"):
            await rows(source, name="person")


async def test_a_value_that_is_too_much_for_sqlite_is_not_asked_again(sqlite: Small) -> None:
    sqlite.run(TABLES)
    async with sqlite.source(
        personal(sql="SELECT zeroblob(2000000000) AS a FROM people WHERE id = :visitor")
    ) as source:
        with pytest.raises(ValueNotEncodable, match="section 'person'"):
            await rows(source, name="person")


async def test_awkward_device_names_are_bound_and_never_read_as_sql(small: Small) -> None:
    small.run(TABLES)
    device = "O'Neill's \"Tablet\" 📱 :visitor -- \\"
    small.run(
        f"INSERT INTO events VALUES (99, 1, '{device.replace(chr(39), chr(39) * 2)}', '%s $1', NULL, NULL, 'odd', 1)"
    )
    async with small.source(section(sql=f"SELECT id FROM events WHERE {HERE} ORDER BY id -- the end")) as source:
        assert await rows(source, 1, device, "%s $1") == [{"id": Decimal(99)}]
