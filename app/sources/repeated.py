"""Sections that are repeated for each row of a query, such as one for each table of events: what they are here."""

import re
from collections.abc import Iterator, Mapping, Sequence

from app.sources.engine import Query, Session
from app.sources.mapping import SectionMapping
from app.sources.port import SchemaLacks
from app.sources.sql import Statement, inserted

_UNFIT = re.compile(r"[^a-z0-9_]")


def repeated(session: Session, sections: Sequence[SectionMapping], engine: str) -> list[SectionMapping]:
    """All sections, each of those that are repeated as many times as its query returns rows; once and as it is where it
    returns none, or is optional and asks a table that is missing. Names are unique. Raises as Session does."""
    made, taken = list[SectionMapping](), {one.name for one in sections}
    for section in sections:
        values = _values(session, section, engine)
        for value in values:
            made.append(_for(section, value, engine, taken))
        if not values:
            made.append(section)
    return made


def _values(session: Session, section: SectionMapping, engine: str) -> list[str]:
    if section.each is None:
        return []
    query = Query(f"section {section.name!r}, each", Statement.parse(section.each, engine))
    if section.optional and not _exists(session, query):
        return []
    found = (next(iter(row.values())) for rows in session.select(query, {}) for row in rows)
    return list(dict.fromkeys(str(value) for value in found if value is not None))


def _exists(session: Session, query: Query) -> bool:
    """Asked without running it: in a PostgreSQL transaction nothing works any more after a query that failed."""
    try:
        session.columns(query, {})
    except SchemaLacks:
        return False
    return True


def _for(section: SectionMapping, value: str, engine: str, taken: set[str]) -> SectionMapping:
    def filled(text: str | None) -> str | None:
        return None if text is None else inserted(text, engine, {"each": value})

    fit = f"{section.name}_{_UNFIT.sub('_', value.lower())}"
    name = next(name for name in _numbered(fit) if name not in taken)
    taken.add(name)
    texts = {key: filled(getattr(section, key)) for key in ("estimate", "withheld")}
    sql = tuple(inserted(text, engine, {"each": value}) for text in section.sql)
    return section.model_copy(
        update={"name": name, "title": _titled(section.title, value), "sql": sql, "each": None, **texts}
    )


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1


def _titled(title: str | Mapping[str, str], value: str) -> str | dict[str, str]:
    if not isinstance(title, str):
        return {language: _said(one, value) for language, one in title.items()}
    return _said(title, value)


def _said(title: str, value: str) -> str:
    return title.replace("{each}", value) if "{each}" in title else f"{title}: {value}"
