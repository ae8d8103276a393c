"""A search that reads a whole table for want of an index is named by `sources check`, with the index that it wants."""

from pathlib import Path

import pytest

from tests.presets import segment, umami
from tests.presets.service import asked, filled
from tests.small import FIND, TABLES, Small

ALIASED = "SELECT p.id AS visitor FROM people AS p WHERE lower(p.email) = :email ORDER BY p.id"


async def scans(small: Small, **find: str) -> list[str]:
    async with small.source(find=FIND | find) as source:
        return [told.text for told in await source.check() if told.warning and "reads all of" in told.text]


async def test_a_search_without_an_index_is_named_until_it_has_one(small: Small) -> None:
    small.run(TABLES)
    assert [text.partition(" ")[0] for text in await scans(small)] == ["find.tracking_id", "find.email"]
    by_cookie, by_email = (text.partition("run: ")[2] for text in await scans(small, email=ALIASED))
    assert by_cookie.startswith("CREATE INDEX dossier_people_cookie ON people (cookie);")
    assert "ON people (LOWER(email));" in by_email
    small.run(f"{by_cookie.removesuffix('.')}\n{by_email.removesuffix('.')}\n")
    assert await scans(small, email=ALIASED) == []
    assert await scans(small) == []


@pytest.mark.parametrize(
    ("preset", "schema", "tables", "wanted"),
    [
        ("umami", umami.SCHEMA, umami.TABLES, {
            "session (distinct_id)", "session (LOWER(distinct_id))", "session_data (distinct_id)",
            "session_data (LOWER(distinct_id))", "session_data (LOWER(string_value))",
        }),
        ("segment", segment.SCHEMA, segment.SEGMENT, {"identifies (anonymous_id)", "identifies (user_id)"}),
    ],
)  # fmt: skip
async def test_what_presets_compare_by_way_of_other_queries_is_named_until_it_has_an_index(
    postgresql: Small, tmp_path: Path, preset: str, schema: str, tables: str, wanted: set[str]
) -> None:
    filled(postgresql.url, schema, tables, {})
    variables = {"schema": schema} | ({"websites": ""} if preset == "umami" else {})
    async with asked(tmp_path, postgresql.url, preset, variables) as one:
        ((_, source),) = one.service.services.registry.every_source()
        statements = [told.text.partition("run: ")[2] for told in await source.check() if "reads all of" in told.text]
        assert {statement.partition('".')[2].removesuffix(";") for statement in statements} >= wanted
        postgresql.run("\n".join(statements))
        assert [told.text for told in await source.check() if "reads all of" in told.text] == []
