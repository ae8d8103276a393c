"""Databases of PostgreSQL whose encoding is not UTF-8: a text comes out as it is, or fails by section and column."""

from dataclasses import replace

import psycopg
import pytest

from app.sources.port import SourceMisconfigured, ValueNotEncodable
from tests.small import FIND, TABLES, Small, found, personal, rows

WRITTEN = """
SET client_encoding = 'SQL_ASCII';
CREATE TABLE texts (id int, good text, bad text);
INSERT INTO texts VALUES (1, convert_from('\\x4ac3a96ef09f93b1', 'SQL_ASCII'), 'plain'),
                         (2, 'plain', convert_from('\\x61ff62', 'SQL_ASCII'));
"""
READ = "SELECT id, good, bad FROM texts WHERE id = :visitor ORDER BY id"


@pytest.fixture
def ascii_(postgresql: Small) -> Small:
    """A database that takes any bytes for text."""
    return made(postgresql, "SQL_ASCII")


def made(small: Small, encoding: str) -> Small:
    name = f"in_{encoding}".lower()
    with psycopg.connect(small.url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'".encode())
    other = replace(small, url=small.url.rpartition("/")[0] + f"/{name}")
    other.run(TABLES)
    return other


async def test_text_of_any_bytes_comes_out_right_or_fails_by_section_and_column(ascii_: Small) -> None:
    ascii_.run(WRITTEN)
    async with ascii_.source(personal(sql=READ)) as source:
        assert [one.text for one in await source.check() if not one.warning] == []
        assert await rows(source, name="person") == [{"id": 1, "good": "Jén📱", "bad": "plain"}]
    ascii_.run("UPDATE texts SET id = 1")
    async with ascii_.source(personal(sql=READ)) as source:
        with pytest.raises(ValueNotEncodable) as failure:
            await rows(source, name="person")
        assert failure.value.detail == "section 'person', column bad"
        assert len((await found(source, "183")).visitors) == 1


async def test_a_search_that_finds_such_a_text_says_so(ascii_: Small) -> None:
    ascii_.run(WRITTEN)
    find = FIND | {"tracking_id": "SELECT id AS visitor, bad AS label FROM texts WHERE good = :tracking_id ORDER BY id"}
    async with ascii_.source(find=find) as source:
        with pytest.raises(SourceMisconfigured, match=r"find\.tracking_id: a text that it returns is not UTF-8"):
            await found(source, "plain")


async def test_an_identifier_that_the_encoding_lacks_matches_nobody(postgresql: Small) -> None:
    latin = made(postgresql, "LATIN1")
    latin.run(r"UPDATE people SET cookie = convert_from('\x4ae96e', 'LATIN1') WHERE id = 1")
    async with latin.source(personal(sql="SELECT cookie FROM people WHERE id = :visitor ORDER BY id")) as source:
        assert [one.key for one in (await found(source, "Jén")).visitors] == [1]
        assert (await found(source, "Jén📱")).visitors == ()
        assert await rows(source, name="person") == [{"cookie": "Jén"}]
