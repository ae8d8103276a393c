"""Schemas, tables and columns whose names must be quoted: with capitals, blanks, dots and quotation marks in them."""

from typing import Any

import pytest

from tests.builders import archive, document, request_export, running
from tests.contract.test_source_check import checked
from tests.small import Small, found, mapping, rows, section, spoken, toml, write_mappings

SCHEMA, PEOPLE, VIEWS, VISITOR, EMAIL = (
    'My "Events".v`2',
    'All "People".x',
    "Page `Views`.x:y",
    'the "visitor".id',
    "E-Mail: now",
)
BEGUN = """
CREATE TABLE {people} (id bigint PRIMARY KEY, {email} varchar(90), cookie varchar(90));
CREATE TABLE {views} (id bigint PRIMARY KEY, {visitor} bigint, device text, browser text, what text);
INSERT INTO {people} VALUES (1, 'Jane@example.com', '183'), (2, 'other@example.com', '9f3');
INSERT INTO {views} VALUES (1, 1, 'iPhone', 'Safari', 'hers'), (2, 2, 'iPhone', 'Safari', 'of another')
"""


def quoted(small: Small, name: str) -> str:
    mark = "`" if small.on_mariadb else '"'
    return mark + name.replace(mark, mark * 2) + mark


def named(small: Small, text: str) -> str:
    """The text with the names in place; SQLite has no schemas of one's own."""
    schema = "" if small.on_sqlite else quoted(small, SCHEMA) + "."
    people, views, visitor, email = (quoted(small, one) for one in (PEOPLE, VIEWS, VISITOR, EMAIL))
    return text.format(people=schema + people, views=schema + views, visitor=visitor, email=email)


@pytest.fixture
def odd(small: Small) -> Small:
    """For the role that only reads."""
    if not small.on_sqlite:
        drop = f"DROP SCHEMA IF EXISTS {quoted(small, SCHEMA)}{'' if small.on_mariadb else ' CASCADE'}"
        small.run(f"{drop};\nCREATE SCHEMA {quoted(small, SCHEMA)}")
    small.run(named(small, BEGUN))
    reader = small.reader()
    schema, role = quoted(small, SCHEMA), "dossier_reader"
    if small.on_mariadb:
        small.run(f"GRANT SELECT ON {schema}.* TO {role}")
    elif not small.on_sqlite:
        small.run(f"GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}")
    return reader


def asked(small: Small) -> tuple[dict[str, Any], dict[str, str]]:
    here = "{visitor} = :visitor AND device IS NOT DISTINCT FROM :device AND browser IS NOT DISTINCT FROM :browser"
    find = {
        "tracking_id": "SELECT id AS visitor FROM {people} WHERE cookie = :tracking_id ORDER BY id",
        "email": "SELECT p.id AS visitor FROM {people} AS p WHERE lower(p.{email}) = :email ORDER BY p.id",
        "combinations": "SELECT device, browser FROM {views} WHERE {visitor} = :visitor ORDER BY id",
    }
    sql = named(small, f"SELECT id, {{visitor}}, what FROM {{views}} WHERE {here} ORDER BY id")
    return section(sql=sql), {name: named(small, text) for name, text in find.items()}


async def test_names_that_need_quoting_are_checked_searched_and_read(odd: Small) -> None:
    views, find = asked(odd)
    assert await checked(odd, views, find=find, omitted={PEOPLE: "said elsewhere"}) == ([], [])
    async with odd.source(views, find=find) as source:
        for identifier in ("183", "jane@example.com"):
            assert [one.key for one in (await found(source, identifier)).visitors] == [1]
        assert await rows(source) == [{"id": 1, VISITOR: 1, "what": "hers"}]


async def test_the_index_that_a_search_wants_is_made_by_the_words_of_the_check(odd: Small, small: Small) -> None:
    views, find = asked(odd)

    async def wanted() -> list[str]:
        async with odd.source(views, find=find) as source:
            return [one.text for one in await source.check() if "reads all of" in one.text]

    by_cookie, by_email = await wanted()
    small.run(by_cookie.partition("run: ")[2].removesuffix("."))
    assert await wanted() == [by_email]
    if small.on_mariadb:
        assert "have somebody add a generated column of" in by_email
        return
    small.run(by_email.partition("run: ")[2].removesuffix("."))
    assert await wanted() == []


async def test_an_export_with_such_names_is_made(odd: Small) -> None:
    views, find = asked(odd)
    centers = write_mappings(odd.folder, spoken(toml(mapping(views, find=find)), odd.url))
    async with (
        running(odd.folder, mappings=centers, environ={"WEBSITE_URL": odd.url}) as service,
        await service.client() as client,
    ):
        opened = await archive(client, await request_export(client))
    assert document(opened)["sections"]["events"] == [{"id": 1, VISITOR: 1, "what": "hers"}]
