"""The contract of data sources on MariaDB: the tests that every engine passes, and what is MariaDB's own."""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.sources.engines.mariadb_wire import bound
from app.sources.identifier import Identifier
from app.sources.port import SchemaLacks, SourceMisconfigured, SourceUnavailable, ValueNotEncodable
from app.sources.sql import Statement
from tests.contract import (
    test_erase_check,
    test_erasing,
    test_interruptions,
    test_odd_names,
    test_refusals,
    test_source_check,
    test_source_finding,
    test_source_odd_values,
    test_source_values,
    test_versions,
)
from tests.contract.test_interruptions import MORE, PLACES, SECTIONS, beside_searches, cancelled_reads, read
from tests.contract.test_refusals import PASSWORD, told
from tests.contract.test_source_check import EXTRA, checked
from tests.contract.test_source_finding import sessions
from tests.contract.test_source_values import ROW, TEXTS
from tests.servers import Mariadb, free_port
from tests.small import FIND, HERE, TABLES, Small, batches, found, mapping, opened, personal, rows, section

pytestmark = pytest.mark.everywhere
# What the tests for every engine write in SQL that MariaDB reads otherwise, and where its own way stands here.
_OTHERWISE = {
    "test_a_reader_that_is_cancelled_leaves_neither_connection_nor_thread_busy": "asks pg_stat_activity",
    "test_text_comes_out_verbatim": "a backslash begins an escape",
    "test_awkward_device_names_are_bound_and_never_read_as_sql": "a backslash begins an escape",
    "test_a_column_of_any_name_is_itself": "a name in double quotes is a string",
}


def _of_every_engine() -> Iterator[tuple[str, Any]]:
    for module in (
        test_source_finding, test_source_values, test_source_odd_values, test_versions, test_source_check,
        test_interruptions, test_odd_names, test_refusals, test_erasing, test_erase_check,
    ):  # fmt: skip
        for name, test in vars(module).items():
            if (
                name.startswith("test_")
                and {"small", "odd"} & set(getattr(test, "__annotations__", {}))
                and name not in _OTHERWISE
            ):
                yield name, test


odd = test_odd_names.odd
globals().update(_of_every_engine())


# What stands in a column of the type comes out as JSON.
VALUES = [
    ("bigint", "-9223372036854775808", "-9223372036854775808"),
    ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
    ("tinyint(1)", "1", "1"),
    ("tinyint", "-128", "-128"),
    ("smallint unsigned", "65535", "65535"),
    ("mediumint", "-8388608", "-8388608"),
    ("mediumint unsigned", "16777215", "16777215"),
    ("int unsigned zerofill", "7", "7"),
    ("decimal(65, 30)", "'12345678901234567890123456789012345.123456789012345678901234567890'", "12345678901234567890123456789012345.123456789012345678901234567890"),
    ("decimal(20, 10)", "0", "0.0000000000"),
    ("decimal(10, 2)", "-1.50", "-1.50"),
    ("float", "1.1", "1.1"),
    ("float", "16777217", "16777216.0"),
    ("float", "-3.4028235e38", "-3.4028235e38"),
    ("double", "0.1e0 + 0.2e0", "0.30000000000000004"),
    ("double", "1.7976931348623157e308", "1.7976931348623157e308"),
    ("date", "'2026-01-02'", '"2026-01-02"'),
    ("date", "'0000-00-00'", '"0000-00-00"'),
    ("date", "'2026-00-10'", '"2026-00-10"'),
    ("datetime", "'2026-01-02 03:04:05'", '"2026-01-02T03:04:05"'),
    ("datetime(6)", "'2026-01-02 03:04:05.123400'", '"2026-01-02T03:04:05.1234"'),
    ("datetime(6)", "'0000-00-00'", '"0000-00-00 00:00:00"'),
    ("timestamp(6) null", "'2026-01-02 03:04:05.000001'", '"2026-01-02T03:04:05.000001+00:00"'),
    ("timestamp null", "'2026-01-02 03:04:05'", '"2026-01-02T03:04:05+00:00"'),
    ("time", "'03:04:05'", '"03:04:05"'),
    ("time(1)", "'03:04:05.5'", '"03:04:05.5"'),
    ("time", "'27:00:05'", '"PT27H5S"'),
    ("time(3)", "'-838:59:58.25'", '"PT-838H-59M-58.25S"'),
    ("time", "0", '"00:00:00"'),
    ("year", "2026", "2026"),
    ("bit(1)", "b'1'", '"1"'),
    ("bit(12)", "b'101'", '"000000000101"'),
    ("enum('x', 'ä')", "'ä'", '"ä"'),
    ("set('a', 'b', 'c')", "'c,a'", '"a,c"'),
    ("binary(3)", "x'01ff'", r'"\\x01ff00"'),
    ("varbinary(9)", "''", r'"\\x"'),
    ("longblob", "x'deadbeef'", r'"\\xdeadbeef"'),
    ("char(9)", "'a'", '"a"'),
    ("varchar(9) character set latin1", "'é€'", '"é€"'),
    ("varchar(9)", "'📱🇩🇪'", '"📱🇩🇪"'),
    ("text", "repeat('ä', 300)", '"' + "ä" * 300 + '"'),
    ("longtext", "repeat('x', 70000)", '"' + "x" * 70000 + '"'),
    ("json", """'{"a": []}'""", r'"{\"a\": []}"'),
    ("uuid", "'7F3A9C00-0000-4000-8000-000000000000'", '"7f3a9c00-0000-4000-8000-000000000000"'),
    ("inet6", "'2001:DB8::1'", '"2001:db8::1"'),
    ("text", "NULL", "null"),
]  # fmt: skip
# More than a packet of the protocol holds.
LONG = "x" * 17_000_000


@pytest.mark.parametrize(
    ("kind", "value", "expected"), VALUES, ids=[f"{kind} {value[:20]}" for kind, value, _ in VALUES]
)
async def test_a_value_comes_out_in_the_form_of_its_type(small: Small, kind: str, value: str, expected: str) -> None:
    small.run(TABLES)
    small.run(
        f"SET sql_mode = '', time_zone = '+00:00';\nCREATE TABLE v (value {kind});\nINSERT INTO v VALUES ({value})"
    )
    async with small.source(personal(sql="SELECT value FROM v WHERE 1 = :visitor")) as source:
        (batch,) = await batches(source, "person", 1, "iPhone", "Safari")
    assert batch.rows[0].decode() == f'{{"value":{expected}}}'


async def test_a_day_that_is_none_dates_no_row(small: Small) -> None:
    small.run(TABLES)
    small.run("SET sql_mode = '';\nCREATE TABLE v (at datetime);\nINSERT INTO v VALUES ('0000-00-00'), ('2026-01-02')")
    sql = "SELECT at FROM v WHERE 1 = :visitor ORDER BY at"
    async with small.source(personal(sql=sql, time="at")) as source:
        (batch,) = await batches(source, "person", 1, "iPhone", "Safari")
    assert [str(one) for one in batch.moments or ()] == ["None", "2026-01-02 00:00:00+00:00"]


async def test_a_datetime_is_an_instant_where_the_source_names_its_zone(small: Small) -> None:
    small.run(TABLES)
    small.run(
        "SET time_zone = '+00:00';\nCREATE TABLE v (at datetime, tz timestamp);\n"
        "INSERT INTO v VALUES ('2026-07-01 10:00:00', '2026-07-01 10:00:00')"
    )
    sql = "SELECT at, tz FROM v WHERE 1 = :visitor"
    async with small.source(personal(sql=sql, time="at"), time_zone="Europe/Berlin") as source:
        (batch,) = await batches(source, "person", 1, "iPhone", "Safari")
    assert batch.rows[0] == b'{"at":"2026-07-01T08:00:00+00:00","tz":"2026-07-01T10:00:00+00:00"}'
    assert [str(one) for one in batch.moments or ()] == ["2026-07-01 08:00:00+00:00"]


@pytest.mark.parametrize("text", TEXTS)
async def test_a_text_comes_out_verbatim(small: Small, text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    small.run(TABLES)
    async with small.source(personal(sql=ROW.format(f"'{quoted}'"))) as source:
        assert await rows(source, name="person") == [{"value": text}]


async def test_a_row_of_several_packets_comes_out_whole(small: Small) -> None:
    small.run(TABLES)
    small.run("SET GLOBAL max_allowed_packet = 67108864")
    async with small.source(personal(sql=ROW.format(f"repeat('x', {len(LONG)})"))) as source:
        assert await rows(source, name="person") == [{"value": LONG}]


async def test_odd_names_of_columns_stay(small: Small) -> None:
    small.run(TABLES)
    sql = "SELECT email AS `a:1`, cookie AS `A``b`, 1 AS `ä` FROM people WHERE id = :visitor"
    async with small.source(personal(sql=sql)) as source:
        assert [list(row) for row in await rows(source, name="person")] == [["a:1", "A`b", "ä"]]


async def test_an_odd_device_is_bound_and_never_read_as_sql(small: Small) -> None:
    device = "O'Neill's \"Tablet\" 📱 :visitor -- \\"
    quoted = device.replace("\\", "\\\\").replace("'", "''")
    small.run(TABLES)
    small.run(f"INSERT INTO events VALUES (99, 1, '{quoted}', '%s $1', NULL, NULL, 'odd', 1)")
    async with small.source(section(sql=f"SELECT id FROM events WHERE {HERE} ORDER BY id -- the end")) as source:
        assert await rows(source, 1, device, "%s $1") == [{"id": 99}]


KEYS = [
    ("bigint unsigned", "18446744073709551615", 18446744073709551615),
    ("varchar(20)", "'a:b''c'", "a:b'c"),
    ("uuid", "'7f3a9c00-0000-4000-8000-000000000000'", "7f3a9c00-0000-4000-8000-000000000000"),
    ("binary(4)", "x'00ff275c'", b"\x00\xff'\\"),
    ("decimal(30, 2)", "12345678901234567890.50", None),
    ("double", "0.1", 0.1),
]


@pytest.mark.parametrize(("kind", "key", "expected"), KEYS)
async def test_a_key_keeps_its_type(small: Small, kind: str, key: str, expected: object) -> None:
    small.run(f"CREATE TABLE p (id {kind}, c text);\nINSERT INTO p VALUES ({key}, 'x')")
    find = {
        "tracking_id": "SELECT id AS visitor FROM p WHERE c = :tracking_id",
        "combinations": "SELECT c AS device, c AS browser FROM p WHERE id = :visitor",
    }
    sql = "SELECT c FROM p WHERE id = :visitor AND c <=> :device AND c <=> :browser"
    async with opened(small.folder, small.url, mapping(section(sql=sql), find=find)) as source:
        (visitor,) = (await found(source, "x")).visitors
        assert expected is None or visitor.key == expected
        assert await rows(source, visitor.key, "x", "x") == [{"c": "x"}]


LOOSE = """
CREATE TABLE loose (id bigint PRIMARY KEY, cookie varchar(20) COLLATE utf8mb4_general_ci, number bigint, KEY (cookie));
INSERT INTO loose VALUES (1, 'abc', 0), (2, 'ABC', 12), (3, 'äbc', 0), (4, 'abc ', 7);
"""
CONDITIONS = {
    "cookie = :tracking_id": {"abc": [1], "ABC": [2], "Abc": [], "äbc": [3]},
    "(l.`cookie` = :tracking_id)": {"abc": [1], "ABC": [2], "Abc": []},
    ":tracking_id = cookie": {"abc": [1], "Abc": []},
    "lower(cookie) = lower(:tracking_id)": {"Abc": [1, 2]},
    "cookie LIKE concat(:tracking_id, '%')": {"ab": [1, 4], "AB": [2]},
    "cookie IN (:tracking_id)": {"abc": [1]},
    "cookie COLLATE utf8mb4_general_ci = :tracking_id": {"Abc": [1, 2, 3, 4]},
    "cookie = :tracking_id COLLATE utf8mb4_bin": {"abc": [1, 4], "Abc": []},
    "cookie = BINARY :tracking_id": {"abc": [1], "Abc": []},
    "number = :tracking_id": {"12": [2], "0": [1, 3], "abc": [], "12abc": [], "12.0": [], "": []},
    ":tracking_id = number": {"12": [2], "abc": [], "0abc": [], "12abc": []},
    "coalesce(number, 0) = :tracking_id": {"12": [2], "abc": [], "12abc": []},
    "number IN (:tracking_id)": {"12": [2], "abc": [], "12abc": []},
    "number + 0 = :tracking_id": {"12": [2], "abc": [], "12'abc": []},
    "NOT cookie <=> :tracking_id": {"abc": [2, 3, 4]},
}


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS.items(), ids=CONDITIONS)
async def test_a_search_is_exact_whatever_the_collation(
    small: Small, condition: str, expected: dict[str, list[int]]
) -> None:
    small.run(TABLES + LOOSE)
    find = FIND | {"tracking_id": f"SELECT id AS visitor FROM loose AS l WHERE {condition} ORDER BY id"}
    async with small.source(find=find) as source:
        assert [one.text for one in await source.check() if not one.warning] == []
        for typed, ids in expected.items():
            if typed:
                assert [one.key for one in (await found(source, typed)).visitors] == ids, typed


async def test_devices_of_other_case_stay_apart(small: Small) -> None:
    small.run(TABLES)
    small.run(
        "INSERT INTO events VALUES (50, 1, 'IPHONE', 'Safari', NULL, NULL, 'loud', 1), (51, 1, 'iPhone ', 'Safari', NULL, NULL, 'wide', 1)"
    )
    async with small.source() as source:
        assert [row["what"] for row in await rows(source)] == ["first", "second"]
        assert [row["what"] for row in await rows(source, 1, "IPHONE")] == ["loud"]
        assert [row["what"] for row in await rows(source, 1, "iPhone ")] == ["wide"]


async def test_a_reader_that_leaves_leaves_nothing_running(small: Small) -> None:
    small.run(TABLES)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n, people WHERE id = :visitor"
    )
    active = (
        "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%RECURSIVE%' AND id <> connection_id()"
    )
    before = sessions()
    async with small.source(personal(sql=endless)) as source:
        reading = asyncio.create_task(rows(source, name="person"))
        async with asyncio.timeout(5):
            while small.run(active) == [(0,)]:
                await asyncio.sleep(0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        async with asyncio.timeout(2):
            while small.run(active) != [(0,)]:
                await asyncio.sleep(0.05)
        assert len((await found(source, "183")).visitors) == 1
    async with asyncio.timeout(5):
        while sessions() > before:
            await asyncio.sleep(0.05)


async def test_a_server_that_is_away_or_refuses_is_unavailable_and_says_why(small: Small) -> None:
    refused = small.url.replace("root@", "root:wrong@")
    away = f"mysql://root@127.0.0.1:{free_port()}/small"
    for url, word in (
        (refused, "the server refuses the password of the user 'root'"),
        (away, "nothing answers at 127.0.0.1"),
        (f"{small.url}er", "the server has no database 'smaller'"),
    ):
        async with opened(small.folder, url, mapping()) as source:
            with pytest.raises(SourceUnavailable, match=word) as failure:
                await source.reach()
            assert "wrong" not in failure.value.detail


def test_what_mariadb_refuses_is_said_with_the_variable_to_mend(
    small: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small.run("CREATE USER IF NOT EXISTS dossier_limited")
    for old, new, sentence in (
        ("root@", f"root:{PASSWORD}@", "the server refuses the password of the user 'root', or knows no such user; correct"),
        ("root@", f"nobody:{PASSWORD}@", "the server refuses the password of the user 'nobody', or knows no such"),
        ("root@", "dossier_limited@", "the user 'dossier_limited' may not enter the database 'small', or there is none"),
        ("/small", "/nowhere", "the server has no database 'nowhere'; correct"),
    ):  # fmt: skip
        said = told(capsys, monkeypatch, small, small.url.replace(old, new))
        assert said.startswith(f"the connection: {sentence}"), said
        assert "the URL that WEBSITE_URL holds" in said


async def test_a_server_that_accepts_and_says_nothing_is_unavailable(small: Small) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mariadb://root@127.0.0.1:{silent.getsockname()[1]}/small"
        async with opened(small.folder, url, mapping(search_timeout=0.5)) as source:
            begun = time.monotonic()
            with pytest.raises(SourceUnavailable):
                await source.find(Identifier.typed("183"))
            assert time.monotonic() - begun < 2


async def test_the_server_ends_a_search_by_itself(small: Small) -> None:
    small.run(TABLES)
    find = FIND | {"tracking_id": "SELECT sleep(9) AS visitor FROM people WHERE cookie <> :tracking_id"}
    async with small.source(find=find, search_timeout=0.4) as source:
        with pytest.raises(SourceUnavailable):
            await found(source, "183x")
    async with asyncio.timeout(3):
        while small.run(
            "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%sleep(9)%' AND id <> connection_id()"
        ) != [(0,)]:
            await asyncio.sleep(0.05)


async def test_nothing_can_be_written_by_any_statement(small: Small) -> None:
    small.run(TABLES)
    small.run("CREATE FUNCTION written() RETURNS int BEGIN INSERT INTO people VALUES (78, 'x', 'y'); RETURN 1; END")
    for text in (
        "INSERT INTO people VALUES (77, 'x', :email)", "DELETE FROM people WHERE email <> :email RETURNING id AS visitor",
        "UPDATE people SET email = :email", "SET @@tx_read_only = :email = ''", "SELECT written() AS visitor FROM people WHERE email <> :email",
        "SELECT 1 AS visitor INTO OUTFILE '/tmp/dossier-never' FROM people WHERE email <> :email",
    ):  # fmt: skip
        async with small.source(find=FIND | {"email": text}) as source:
            with pytest.raises((SourceMisconfigured, SourceUnavailable)):
                await found(source, "x@y")
    assert small.run("SELECT count(*) FROM people") == [(3,)]


async def test_a_role_that_may_write_is_warned_of_on_mariadb_too(small: Small) -> None:
    small.run(TABLES)
    _, (warned,) = await checked(small, section(), personal())
    assert "may write (the table 'events', for one)" in warned
    reader = small.reader("dossier_half")
    small.run(
        "REVOKE ALL, GRANT OPTION FROM dossier_half;\nGRANT SELECT ON small.* TO dossier_half;\nGRANT UPDATE (what) ON small.events TO dossier_half"
    )
    _, (warned,) = await checked(reader, section(), personal())
    assert "may write (the table 'events', for one)" in warned


async def test_tables_keys_and_views_are_seen_by_a_role_that_may_only_read(small: Small) -> None:
    small.run(TABLES)
    small.run(EXTRA)
    failed, warned = await checked(small.reader(), section(), personal(), omitted={"notes": "internal"})
    assert failed == []
    assert [one.partition(" to ")[0] for one in warned] == ["the table 'orders' refers"]


async def test_what_is_not_there_is_lacking_and_what_is_forbidden_is_named(small: Small) -> None:
    small.run(TABLES)
    small.reader("dossier_blind")
    small.run("REVOKE ALL, GRANT OPTION FROM dossier_blind;\nGRANT SELECT ON small.events TO dossier_blind")
    blind = Small("mariadb", small.url.replace("root@", "dossier_blind@"), small.folder)
    async with blind.source() as source:
        with pytest.raises(SourceMisconfigured, match="SELECT command denied"):
            await found(source, "183")
    for sql in (
        f"SELECT a FROM nowhere WHERE {HERE} ORDER BY a",
        f"SELECT nothing FROM events WHERE {HERE} ORDER BY id",
    ):
        async with small.source(section(sql=sql)) as source:
            with pytest.raises(SchemaLacks, match="section 'events'"):
                await rows(source)


async def test_a_text_that_is_no_json_fails_by_section_and_column(small: Small) -> None:
    small.run(TABLES)
    async with small.source(
        personal(sql="SELECT id, email AS `a` FROM people WHERE id = :visitor", json=["a"])
    ) as source:
        with pytest.raises(ValueNotEncodable) as failure:
            await rows(source, name="person")
    assert failure.value.detail == "section 'person', column a"


async def test_a_text_that_is_no_utf8_fails_by_section_and_column(small: Small) -> None:
    """Half a character of UCS-2, which the server itself hands on."""
    small.run(TABLES)
    small.run("CREATE TABLE v (id int, good text, bad varchar(9) CHARACTER SET ucs2)")
    small.run("INSERT INTO v VALUES (1, 'plain', x'd8000041')")
    async with small.source(personal(sql="SELECT good, bad FROM v WHERE id = :visitor")) as source:
        with pytest.raises(ValueNotEncodable) as failure:
            await rows(source, name="person")
    assert failure.value.detail == "section 'person', column bad"


async def test_a_search_leaves_with_a_farewell(small: Small) -> None:
    small.run(TABLES)
    aborted = "SHOW GLOBAL STATUS LIKE 'Aborted_clients'"
    before = small.run(aborted)
    async with small.source() as source:
        assert len((await found(source, "183")).visitors) == 1
    assert small.run(aborted) == before


def test_an_exact_search_uses_the_index_of_a_column_of_any_collation(small: Small) -> None:
    small.run(TABLES + LOOSE)
    statement = Statement.parse("SELECT id FROM loose WHERE cookie = :tracking_id", "mariadb")
    text, given = bound(statement, {"tracking_id": "abc"}, "utf8mb4_nopad_bin")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
    small.run(f"INSERT INTO loose {numbers} SELECT i, concat('number ', i), 0 FROM n")
    explained = f"EXECUTE IMMEDIATE 'EXPLAIN {text}' USING {', '.join(map(repr, given))}"
    (plan,) = small.run(f"SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin;\n{explained}")
    assert plan[5] == "cookie"


async def test_reads_that_are_cancelled_at_any_moment_cancel_no_query_of_another(small: Small) -> None:
    small.run(TABLES + MORE)
    others = "SELECT count(*) FROM information_schema.processlist WHERE db = 'small' AND id <> connection_id()"
    async with small.source(*SECTIONS, connections=PLACES) as source:
        with foreign_sleeps(small):
            await beside_searches(source, lambda: cancelled_reads(source))
        async with asyncio.timeout(5):
            while small.run(others) != [(0,)]:
                await asyncio.sleep(0.05)
        assert await read(source) > 4


@contextmanager
def foreign_sleeps(server: Small) -> Iterator[None]:
    """Another client's queries beside the block: each would say so if it had been interrupted."""
    over, said = threading.Event(), list[list[tuple[Any, ...]]]()

    def ask() -> None:
        while not over.is_set():
            said.append(server.run("SELECT sleep(0.01)"))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
    assert said
    assert all(rows == [(0,)] for rows in said)


async def test_a_server_that_falls_silent_is_left(mariadb: Mariadb, small: Small) -> None:
    """A paused process: its connections stay open, new ones are taken and answered by nobody."""
    small.run(TABLES)
    slow = "SELECT id, sleep(3) AS slept FROM events WHERE visitor_id >= :visitor ORDER BY id"
    assert mariadb._process
    async with small.source(personal(sql=slow)) as source:
        reading = asyncio.create_task(rows(source, name="person"))
        await asyncio.sleep(1)
        begun = time.monotonic()
        mariadb._process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(SourceUnavailable):
                await reading
            assert time.monotonic() - begun < 25
        finally:
            mariadb._process.send_signal(signal.SIGCONT)
        assert len((await found(source, "183")).visitors) == 1
