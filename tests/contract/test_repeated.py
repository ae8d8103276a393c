"""A section for each table that a query names, and rows that stay out because they are somebody else's too."""

import pytest

from app.sources.port import SchemaLacks
from tests.small import EVENTS, HERE, TABLES, Small, rows, section

MADE = """
CREATE TABLE "ev_Sign up!" (id bigint, visitor_id bigint, device text, browser text, what text);
CREATE TABLE ev_sign_up_ (id bigint, visitor_id bigint, device text, browser text, what text);
INSERT INTO "ev_Sign up!" VALUES (1, 1, 'iPhone', 'Safari', 'odd'), (2, 2, 'iPhone', 'Safari', 'stranger''s');
INSERT INTO ev_sign_up_ VALUES (1, 1, 'iPhone', 'Safari', 'plain');
"""
NAMES = {
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'ev~_%' ESCAPE '~' ORDER BY name",
    "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    " AND table_name LIKE 'ev~_%' ESCAPE '~' ORDER BY table_name COLLATE \"C\"",
}
EACH = EVENTS.replace("events", "{each}")
TOGETHER = "visitor_id = :visitor AND people > 1 AND device IS NOT DISTINCT FROM :device AND browser IS NOT DISTINCT FROM :browser"


async def test_a_section_is_repeated_for_each_table(small: Small) -> None:
    small.run(TABLES)
    small.run(MADE)
    one = section("event", EACH, each=NAMES[small.engine], title={"en": "Event {each}", "de": "Ereignis"})
    async with small.source(section("event_ev_other"), one) as source:
        async with source.read(1, "iPhone", "Safari") as reading:
            assert [(told.name, told.title) for told in reading.sections] == [
                ("event_ev_other", "event_ev_other"), ("event_ev_sign_up_", "Event ev_Sign up!"),
                ("event_ev_sign_up__2", "Event ev_sign_up_"),
            ]  # fmt: skip
        assert [row["what"] for row in await rows(source, name="event_ev_sign_up_")] == ["odd"]
        assert [row["what"] for row in await rows(source, name="event_ev_sign_up__2")] == ["plain"]
        assert [
            told.text
            for told in await source.check()
            if not told.warning or ("ev_" in told.text and "no section" in told.text)
        ] == []


async def test_a_section_with_nothing_to_repeat_is_absent_and_says_so(small: Small) -> None:
    small.run(TABLES)
    async with small.source(section(), section("event", EACH, each=NAMES[small.engine])) as source:
        async with source.read(1, "iPhone", "Safari") as reading:
            assert [(told.name, told.status) for told in reading.sections] == [
                ("events", "included"),
                ("event", "absent"),
            ]
        assert any("nothing of the kind" in told.text for told in await source.check() if told.warning)


async def test_a_section_that_repeats_by_a_table_that_is_missing_is_absent_where_it_is_optional(small: Small) -> None:
    small.run(TABLES)
    missing = "SELECT name FROM kinds ORDER BY name"
    async with small.source(section(), section("event", EACH, each=missing, optional=True)) as source:
        async with source.read(1, "iPhone", "Safari") as reading:
            assert [(told.name, told.status) for told in reading.sections] == [
                ("events", "included"),
                ("event", "absent"),
            ]
        assert [row["what"] for row in await rows(source)] == ["first", "second"]
        (told,) = [told for told in await source.check() if "kinds" in told.text]
        assert told.warning
    async with small.source(section(), section("event", EACH, each=missing)) as source:
        with pytest.raises(SchemaLacks):
            async with source.read(1, "iPhone", "Safari"):
                pass
        assert any("kinds" in told.text for told in await source.check() if not told.warning)


async def test_rows_of_somebody_else_too_are_counted_and_stay_out(small: Small) -> None:
    small.run(TABLES)
    alone = EVENTS.replace(HERE, f"{HERE} AND coalesce(people, 1) < 2")
    one = section(sql=alone, withheld=f"SELECT count(*) FROM events WHERE {TOGETHER}", withheld_because="others' too")
    async with small.source(one) as source:
        async with source.read(1, "iPad", "Safari") as reading:
            (told,) = reading.sections
        assert (told.status, told.withheld_rows, told.withheld_because) == ("included", 1, "others' too")
        assert await rows(source, device="iPad") == []
        assert not [told.text for told in await source.check() if not told.warning]
        async with source.read(1, "iPhone", "Safari") as reading:
            assert [told.withheld_rows for told in reading.sections] == [0]
