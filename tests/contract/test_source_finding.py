"""Finding visitors and reading one of them: the same on every engine."""

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.sources.identifier import Identifier
from app.sources.port import SourceMisconfigured, SourceUnavailable, VisitorGone
from tests.servers import free_port
from tests.small import FIND, HERE, TABLES, Small, found, mapping, opened, personal, rows, section

PARSED = """
CREATE TABLE hits (id bigint PRIMARY KEY, visitor_id bigint, agent text);
INSERT INTO hits VALUES
    (1, 1, 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1'),
    (2, 1, 'Mozilla/5.0 (iPhone; CPU iPhone OS 16_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.1 Mobile/15E148 Safari/604.1'),
    (3, 1, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0'),
    (4, 1, NULL),
    (5, 1, ''),
    (6, 1, 'gibberish'),
    (7, 2, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0');
"""
BY_AGENT = {
    **FIND,
    "combinations": "SELECT agent AS user_agent, count(*) AS interactions FROM hits WHERE visitor_id = :visitor GROUP BY agent",
}
HITS = "SELECT id FROM hits WHERE visitor_id = :visitor AND coalesce(agent, '') IN (:user_agents) ORDER BY id"


async def test_an_email_finds_every_visitor_that_bears_it_and_a_cookie_one(small: Small) -> None:
    small.run(TABLES)
    async with small.source() as source:
        assert [one.key for one in (await found(source, "JANE@example.com")).visitors] == [1, 2]
        (jane,) = (await found(source, "183")).visitors
        assert (jane.key, jane.label, jane.matched_by) == (1, "Jane@example.com", "tracking_id")
        pairs = [(one.device, one.browser) for one in jane.combinations]
        assert pairs == [("iPhone", "Safari"), ("iPad", "Safari"), (None, ""), ("", None)]
        assert (jane.combinations[0].interactions, jane.combinations[1].shared) == (2, True)
        assert (await found(source, "nobody at all")).visitors == ()


async def test_only_the_chosen_combination_is_read_null_and_empty_included(small: Small) -> None:
    small.run(TABLES)
    async with small.source() as source:
        assert [row["what"] for row in await rows(source)] == ["first", "second"]
        assert [row["what"] for row in await rows(source, 1, None, "")] == ["unknown and empty"]
        assert [row["what"] for row in await rows(source, 1, "", None)] == ["empty and unknown"]
        for gone in ((1, None, None), (1, "iPhone", "Firefox"), (3, "iPhone", "Safari"), (9, "iPhone", "Safari")):
            with pytest.raises(VisitorGone):
                await rows(source, *gone)


@pytest.mark.parametrize(
    ("kind", "key", "expected"),
    [
        ("bigint", "9223372036854775807", 9223372036854775807),
        ("text", "'a:b''c'", "a:b'c"),
        ("uuid", "'7f3a9c00-0000-4000-8000-000000000000'", UUID("7f3a9c00-0000-4000-8000-000000000000")),
        ("bytea", r"'\x00ff27'", b"\x00\xff'"),
        ("numeric", "12345678901234567890.50", None),
        ("real", "1.1", 1.1),
        ("double precision", "0.1", 0.1),
    ],
)
async def test_a_visitors_key_keeps_its_type(postgresql: Small, kind: str, key: str, expected: object) -> None:
    postgresql.run(f"CREATE TABLE p (id {kind}, c text); INSERT INTO p VALUES ({key}, 'x')")
    find = {
        "tracking_id": "SELECT id AS visitor FROM p WHERE c = :tracking_id",
        "combinations": "SELECT c AS device, c AS browser FROM p WHERE id = :visitor",
    }
    sql = "SELECT c FROM p WHERE id = :visitor AND c IS NOT DISTINCT FROM :device AND c IS NOT DISTINCT FROM :browser"
    async with opened(postgresql.folder, postgresql.url, mapping(section(sql=sql), find=find)) as source:
        (visitor,) = (await found(source, "x")).visitors
        assert expected is None or visitor.key == expected
        assert await rows(source, visitor.key, "x", "x") == [{"c": "x"}]


async def test_bytes_are_a_key_on_sqlite_too(sqlite: Small) -> None:
    sqlite.run("CREATE TABLE p (id BLOB, c TEXT);\nINSERT INTO p VALUES (x'00ff27', 'x')")
    find = {
        "tracking_id": "SELECT id AS visitor FROM p WHERE c = :tracking_id",
        "combinations": "SELECT c AS device, c AS browser FROM p WHERE id = :visitor",
    }
    sql = "SELECT c FROM p WHERE id = :visitor AND c IS NOT DISTINCT FROM :device AND c IS NOT DISTINCT FROM :browser"
    async with opened(sqlite.folder, sqlite.url, mapping(section(sql=sql), find=find)) as source:
        (visitor,) = (await found(source, "x")).visitors
        assert visitor.key == b"\x00\xff'"
        assert await rows(source, visitor.key, "x", "x") == [{"c": "x"}]


@pytest.mark.parametrize("kind", ["uuid", "bigint", "smallint", "numeric", "timestamptz", "inet"])
async def test_an_identifier_that_the_column_cannot_read_matches_nobody(postgresql: Small, kind: str) -> None:
    postgresql.run(f"CREATE TABLE p (id bigint, c {kind}); INSERT INTO p VALUES (1, NULL)")
    find = {
        "tracking_id": "SELECT id AS visitor FROM p WHERE c = :tracking_id",
        "email": "SELECT id AS visitor FROM p WHERE c = CAST(:email AS " + kind + ")",
        "combinations": "SELECT NULL AS device, NULL AS browser FROM p WHERE id = :visitor",
    }
    async with opened(
        postgresql.folder, postgresql.url, mapping(personal(sql="SELECT 1 AS a FROM p WHERE id = :visitor"), find=find)
    ) as source:
        for text in ("not one of them", "x@y", "99999999999999999999999999x"):
            assert (await found(source, text)).visitors == ()


async def test_a_query_whose_own_data_break_it_is_no_silent_nobody(postgresql: Small) -> None:
    postgresql.run(TABLES)
    find = {**FIND, "tracking_id": "SELECT CAST(cookie AS uuid) AS visitor FROM people WHERE cookie = :tracking_id"}
    async with opened(postgresql.folder, postgresql.url, mapping(find=find)) as source:
        with pytest.raises(SourceMisconfigured) as failure:
            await found(source, "183")
    assert "183" not in failure.value.detail


async def test_no_more_than_200_combinations_are_shown_and_more_says_so(small: Small) -> None:
    small.run(TABLES)
    many = ", ".join(f"({number}, 3, 'device {number}', 'Safari', NULL, NULL, 'x', 1)" for number in range(100, 301))
    small.run(f"INSERT INTO events VALUES {many}")
    async with small.source() as source:
        everything = await found(source, "nobody")
        assert (len(everything.visitors[0].combinations), everything.more) == (200, True)
        assert (await found(source, "183")).more is False
        assert len(await rows(source, 3, "device 300", "Safari")) == 1


async def test_no_more_than_200_visitors_are_shown_and_more_says_so(small: Small) -> None:
    small.run(TABLES)
    numbers = range(100, 301)
    small.run("INSERT INTO people VALUES " + ", ".join(f"({number}, 'many@example.com', '')" for number in numbers))
    seen = (f"({number}, {number}, 'iPhone', 'Safari', NULL, NULL, 'x', 1)" for number in numbers)
    small.run("INSERT INTO events VALUES " + ", ".join(seen))
    async with small.source() as source:
        everybody = await source.find(Identifier.typed("many@example.com"))
        assert everybody is not None
        assert [visitor.key for visitor in everybody.visitors] == list(numbers[:200])
        assert everybody.more


async def test_user_agents_are_read_grouped_and_expanded(small: Small) -> None:
    small.run(TABLES)
    small.run(PARSED)
    async with opened(small.folder, small.url, mapping(section(name="hits", sql=HITS), find=BY_AGENT)) as source:
        (jane,) = (await found(source, "183")).visitors
        offered = {(one.device, one.browser, one.os): one.interactions for one in jane.combinations}
        assert offered == {
            ("iPhone", "Mobile Safari", "iOS"): 2, ("Windows computer", "Firefox", "Windows"): 1, (None, None, None): 3,
        }  # fmt: skip
        for device, browser, ids in (
            ("iPhone", "Mobile Safari", [1, 2]),
            ("Windows computer", "Firefox", [3]),
            (None, None, [4, 5, 6]),
        ):
            assert [row["id"] for row in await rows(source, 1, device, browser, "hits")] == ids


async def test_sections_of_a_visitor_are_withheld_where_several_people_used_the_browser(small: Small) -> None:
    small.run(TABLES)
    async with small.source(personal(), section()) as source:
        async with source.read(1, "iPad", "Safari") as reading:
            assert [(one.name, one.status) for one in reading.sections] == [
                ("person", "withheld"),
                ("events", "included"),
            ]
            assert reading.sections[0].reason
        async with source.read(1, "iPhone", "Safari") as reading:
            assert [one.status for one in reading.sections] == ["included", "included"]
            assert reading.other_combinations == 3


async def test_estimates_are_added_up_whatever_kind_of_number_they_are(small: Small) -> None:
    small.run(TABLES)
    sections = [
        section(estimate=f"SELECT count(*) FROM events WHERE {HERE}"),
        personal(estimate="SELECT sum(id) + 0.0 FROM people WHERE id = :visitor"),
    ]
    async with small.source(*sections) as source, source.read(1, "iPhone", "Safari") as reading:
        assert reading.rows_estimated == 3
    async with small.source() as source, source.read(1, "iPhone", "Safari") as reading:
        assert reading.rows_estimated is None


async def test_what_a_version_lacks_is_absent_if_optional_and_a_failure_if_not(small: Small) -> None:
    small.run(TABLES)
    lacking = (f"SELECT id FROM surveys WHERE {HERE}", f"SELECT lacking FROM events WHERE {HERE}")
    for sql in lacking:
        async with (
            small.source(section("surveys", sql, optional=True), section()) as source,
            source.read(1, "iPhone", "Safari") as reading,
        ):
            assert [one.status for one in reading.sections] == ["absent", "included"]
            assert [len(batch.rows) for batch in await asyncio.to_thread(list, reading.rows("events"))] == [2]
        async with small.source(section("surveys", sql), section()) as source:
            with pytest.raises(SourceMisconfigured, match="section 'surveys'"):
                await rows(source)


@pytest.mark.parametrize("keys", [{"time": "when"}, {"json": ["when"]}])
async def test_a_column_that_is_named_and_not_returned_is_a_failure(small: Small, keys: dict[str, Any]) -> None:
    small.run(TABLES)
    async with small.source(section(**keys)) as source:
        with pytest.raises(SourceMisconfigured, match="'when'"):
            await rows(source)


@pytest.mark.parametrize(
    "find",
    [
        {"email": "SELECT id FROM people WHERE email = :email"},
        {"email": "SELECT lacking FROM people WHERE email = :email"},
        {"email": "SELEKT id AS visitor FROM people WHERE email = :email"},
        {"email": "SELECT id AS visitor FROM people WHERE email = :email; SELECT 1"},
        {"combinations": "SELECT device FROM events WHERE visitor_id = :visitor"},
    ],
)
async def test_a_query_that_does_not_fit_is_misconfigured_and_repeats_no_value(
    small: Small, find: dict[str, str]
) -> None:
    small.run(TABLES)
    async with opened(small.folder, small.url, mapping(find={**FIND, **find})) as source:
        with pytest.raises(SourceMisconfigured) as failure:
            await found(source, "jane@example.com")
        assert "jane" not in failure.value.detail
        assert any(not one.warning for one in await source.check())


async def test_what_is_written_after_reading_began_does_not_appear(small: Small) -> None:
    small.run(TABLES)
    async with small.source(section(), section("again", f"SELECT id FROM events WHERE {HERE} ORDER BY id")) as source:
        async with source.read(1, "iPhone", "Safari") as reading:
            small.run("INSERT INTO events VALUES (50, 1, 'iPhone', 'Safari', NULL, NULL, 'late', 1)")
            small.run("DELETE FROM events WHERE id = 1")
            for name in ("events", "again"):
                assert [len(batch.rows) for batch in await asyncio.to_thread(list, reading.rows(name))] == [2]
        assert [row["id"] for row in await rows(source)] == [2, 50]


async def test_a_mapping_cannot_write(small: Small) -> None:
    small.run(TABLES)
    writing = (
        "INSERT INTO people SELECT 77, 'x', CAST(:visitor AS text) RETURNING id"
        if not small.on_sqlite
        else "INSERT INTO people VALUES (77, 'x', :visitor) RETURNING id"
    )
    find = {**FIND, "combinations": writing}
    async with opened(small.folder, small.url, mapping(find=find)) as source:
        with pytest.raises(SourceMisconfigured):
            await found(source, "183")
    assert small.run("SELECT count(*) FROM people") == [(3,)]


async def test_a_search_that_takes_too_long_ends_in_time_and_the_next_one_works(small: Small) -> None:
    small.run(TABLES)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS visitor FROM n WHERE CAST(i AS text) = :email"
    find = {**FIND, "email": endless}
    async with opened(small.folder, small.url, mapping(find=find, search_timeout=0.5, connections=1)) as source:
        started = time.monotonic()
        with pytest.raises(SourceUnavailable):
            await source.find(Identifier.typed("x@y"))
        assert time.monotonic() - started < 3
        assert len((await found(source, "183")).visitors) == 1


async def test_exports_leave_a_connection_to_searches(small: Small) -> None:
    small.run(TABLES)
    async with small.source(connections=2) as source, source.read(1, "iPhone", "Safari"):
        waiting = asyncio.create_task(rows(source, 1, "iPad", "Safari"))
        assert len((await found(source, "183")).visitors) == 1
        assert not waiting.done()
        waiting.cancel()


async def test_a_reader_that_is_cancelled_leaves_neither_connection_nor_thread_busy(small: Small) -> None:
    small.run(TABLES)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n, people WHERE id = :visitor"
    )
    before = sessions()
    async with small.source(personal(sql=endless)) as source:
        reading = asyncio.create_task(rows(source, name="person"))
        await asyncio.sleep(0.3)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        if not small.on_sqlite:
            active = "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND query LIKE '%RECURSIVE%' AND pid <> pg_backend_pid()"
            # The server is asked to stop before the reader ends; on a busy machine it takes its moment.
            async with asyncio.timeout(2):
                while small.run(active) != [(0,)]:
                    await asyncio.sleep(0.05)
        assert len((await found(source, "183")).visitors) == 1
    async with asyncio.timeout(5):
        while sessions() > before:
            await asyncio.sleep(0.05)


def sessions() -> int:
    """Threads, without those that the event loop keeps for later."""
    return sum(not one.name.startswith("asyncio_") for one in threading.enumerate())


async def test_a_database_that_is_away_is_unavailable_and_a_missing_file_is_not_made(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path / 'none.db'}", f"postgresql://nobody@127.0.0.1:{free_port()}/none"):
        async with opened(tmp_path, url, mapping()) as source:
            with pytest.raises(SourceUnavailable):
                await source.find(Identifier.typed("183"))
            with pytest.raises(SourceUnavailable):
                await rows(source)
            assert all(not one.warning for one in await source.check())
    assert not (tmp_path / "none.db").exists()


async def test_a_server_that_refuses_the_user_is_unavailable_and_says_why(postgresql: Small) -> None:
    url = postgresql.url.replace("postgres@", "stranger:secret@")
    async with opened(postgresql.folder, url, mapping()) as source:
        with pytest.raises(SourceUnavailable, match="knows no user 'stranger'") as failure:
            await source.find(Identifier.typed("183"))
    assert "secret" not in failure.value.detail


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database " * 100)
    async with opened(tmp_path, f"sqlite:///{tmp_path / 'text.db'}", mapping()) as source:
        with pytest.raises(SourceUnavailable):
            await source.find(Identifier.typed("183"))


async def test_a_server_that_restarts_is_found_again(postgresql: Small) -> None:
    postgresql.run(TABLES)
    async with postgresql.source() as source:
        assert len((await found(source, "183")).visitors) == 1
        with psycopg.connect(postgresql.url, autocommit=True) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        assert len((await found(source, "183")).visitors) == 1


async def test_the_pattern_takes_the_id_out_of_what_people_paste(small: Small) -> None:
    small.run(TABLES)
    async with small.source(tracking_id_pattern=r"^_id=([^.]+)\.") as source:
        for pasted in ("_id=183.1700000000.1", "183"):
            assert [one.key for one in (await found(source, pasted)).visitors] == [1]


async def test_a_locked_file_is_unavailable(sqlite: Small) -> None:
    sqlite.run(TABLES)
    with closing(sqlite3.connect(sqlite.folder / "small.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = DELETE")
        writer.execute("BEGIN EXCLUSIVE")
        async with sqlite.source(search_timeout=0.5) as source:
            with pytest.raises(SourceUnavailable):
                await source.find(Identifier.typed("183"))


async def test_who_gives_up_waiting_for_a_locked_file_keeps_nobody_from_writing(sqlite: Small) -> None:
    """The wait for others is in a thread, which must not begin a transaction once everybody has left."""
    sqlite.run(TABLES)
    file = sqlite.folder / "small.db"
    with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as writer:
        writer.execute("PRAGMA journal_mode = DELETE")
        async with sqlite.source() as source:
            for _ in range(5):
                writer.execute("BEGIN EXCLUSIVE")
                reading = asyncio.create_task(rows(source))
                await asyncio.sleep(0.15)
                reading.cancel()
                begun = time.monotonic()
                with pytest.raises(asyncio.CancelledError):
                    await reading
                assert time.monotonic() - begun < 1
                writer.execute("COMMIT")
                writer.execute("BEGIN EXCLUSIVE")
                writer.execute("COMMIT")
            assert len(await rows(source)) == 2


async def test_an_id_that_rotates_is_warned_of(small: Small) -> None:
    small.run(TABLES)
    async with small.source(rotating_id=True) as source:
        assert source.facts.rotating_id


async def test_only_the_backends_name_of_a_url_counts(small: Small) -> None:
    small.run(TABLES)
    scheme, _, rest = small.url.partition("://")
    async with opened(small.folder, f"{scheme}+some_driver://{rest}", mapping()) as source:
        assert len((await found(source, "183")).visitors) == 1
