"""A search that reads a whole table for want of an index is named by `sources check`, with the index that it wants."""

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
