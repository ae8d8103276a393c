"""Databases of one product differ from version to version: of several queries, the first that fits is used."""

import pytest

from app.sources.port import SchemaLacks
from tests.small import EVENTS, FIND, TABLES, Small, found, rows, section

OLD = {
    name: [text.replace("people WHERE", "persons WHERE").replace("events", "visits"), text]
    for name, text in FIND.items()
}
NEWER = EVENTS.replace("what", "what, since")
ELSEWHERE = EVENTS.replace("events", "visits")


async def test_the_first_query_that_fits_is_used(small: Small) -> None:
    small.run(TABLES)
    one = section(sql=[ELSEWHERE, NEWER, EVENTS])
    async with small.source(one, find=OLD) as source:
        for _ in range(2):
            assert [len(one.combinations) for one in (await found(source, "jane@example.com")).visitors] == [4, 1]
        assert not [finding.text for finding in await source.check() if not finding.warning]
        assert [row["what"] for row in await rows(source)] == ["first", "second"]


async def test_a_better_query_is_preferred_where_it_fits(small: Small) -> None:
    small.run(TABLES)
    small.run("ALTER TABLE events ADD COLUMN since text")
    async with small.source(section(sql=[NEWER, EVENTS])) as source:
        assert [list(row) for row in await rows(source)] == [["id", "what", "since"]] * 2


async def test_where_none_fits_the_last_is_complained_of(small: Small) -> None:
    small.run(TABLES)
    async with small.source(section(sql=[ELSEWHERE, NEWER])) as source:
        with pytest.raises(SchemaLacks):
            async with source.read(1, "iPhone", "Safari"):
                pass
        (finding,) = [one for one in await source.check() if not one.warning]
        assert "since" in finding.text
    async with small.source(
        find={"email": [text.replace("people", "persons") for text in [FIND["email"]] * 2]}
    ) as source:
        with pytest.raises(SchemaLacks):
            await found(source, "jane@example.com")


async def test_an_optional_section_of_which_no_query_fits_is_absent(small: Small) -> None:
    small.run(TABLES)
    one = section(sql=[ELSEWHERE, NEWER], optional=True)
    async with small.source(one) as source, source.read(1, "iPhone", "Safari") as reading:
        assert [one.status for one in reading.sections] == ["absent"]
