"""What `sources check` looks at: every query is prepared on the database, and its columns are compared."""

import asyncio
from collections.abc import AsyncIterator

from app.sources.engine import Engine, Query, Values
from app.sources.mapping import PARAMETERS, SectionMapping, SourceMapping
from app.sources.port import Finding, SourceMisconfigured, SourceUnavailable
from app.sources.reading import check_columns, section_query
from app.sources.sql import Statement

_UNBOUND: Values = dict.fromkeys(PARAMETERS)


async def examine(mapping: SourceMapping, engine: Engine) -> list[Finding]:
    """All findings, those of the searches first."""
    look = _Look(mapping, engine)
    said = [finding async for finding in look.finders()]
    for section in mapping.section:
        said += [finding async for finding in look.section(section)]
    return said


class _Look:
    def __init__(self, mapping: SourceMapping, engine: Engine) -> None:
        self._mapping, self._engine = mapping, engine

    async def finders(self) -> AsyncIterator[Finding]:
        find = self._mapping.find
        texts = {"tracking_id": find.tracking_id, "email": find.email, "combinations": find.combinations}
        for name, text in texts.items():
            if text is None:
                continue
            columns = await self._columns(Query(f"find.{name}", Statement.parse(text)))
            if isinstance(columns, Finding):
                yield columns
            elif lacking := _lacking(name, columns):
                yield Finding(f"find.{name} must return {lacking}.")

    async def section(self, section: SectionMapping) -> AsyncIterator[Finding]:
        query = section_query(section)
        columns = await self._columns(query)
        if isinstance(columns, Finding):
            yield Finding(columns.text, warning=section.optional)
            return
        try:
            check_columns(section, columns)
        except SourceMisconfigured as error:
            yield Finding(error.detail)
        if "user_agents" in query.statement.names and "coalesce" not in section.sql.lower():
            advice = "write coalesce(user_agent, '') IN (:user_agents) if the column can be NULL"
            yield Finding(f"{query.place}: {advice}.", warning=True)

    async def _columns(self, query: Query) -> list[str] | Finding:
        seconds = self._mapping.search_timeout
        try:
            async with asyncio.timeout(seconds), self._engine.session(long=False) as session:
                return await session.run(lambda inside: inside.columns(query, _UNBOUND))
        except TimeoutError:
            return Finding(f"{query.place}: no answer within {seconds:g} s.")
        except (SourceMisconfigured, SourceUnavailable) as error:
            return Finding(error.detail)


def _lacking(name: str, columns: list[str]) -> str | None:
    if name != "combinations":
        return None if "visitor" in columns else "a column `visitor`"
    fits = "user_agent" in columns or {"device", "browser"} <= set(columns)
    return None if fits else "`device` and `browser`, or `user_agent`"
