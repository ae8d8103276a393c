"""What `sources check` looks at: what the database says of every query, and of what no query reads."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TypeVar

from app.sources.binding import mend, unclear
from app.sources.check_steps import examine_steps
from app.sources.connection import elsewhere, refused
from app.sources.coverage import uncovered
from app.sources.engine import Engine, Query, Scan, Session, Table, Values, first_usable
from app.sources.mapping import SectionMapping, SourceMapping
from app.sources.parser.inspection import Seen, Sought, inspected
from app.sources.port import Finding, SchemaLacks, SourceMisconfigured, SourceUnavailable
from app.sources.reading import check_columns, section_queries
from app.sources.repeated import repeated
from app.sources.rules import PARAMETERS
from app.sources.sql import Statement

Result = TypeVar("Result")
_UNBOUND: Values = dict.fromkeys(PARAMETERS)
_ORDERED = re.compile(r"\bORDER\s+BY\b", re.IGNORECASE)
_COLUMN = re.compile(r"\w+|`(?:[^`]|``)+`")
# A finding that begins with the query that it is about.
_ABOUT = re.compile(r"(find\.\w+|section '\w+'(?:, \w+)?): (.+)", re.DOTALL)
_ROLE = "give Dossier one that may only read (GRANT SELECT, and nothing else)"


async def examine(mapping: SourceMapping, engine: Engine, eraser: Engine | None, engine_name: str) -> list[Finding]:
    """All findings, those of the searches first. Raises OSError, subprocess.SubprocessError where the parser does not
    start."""
    if why := await refused(mapping, engine):
        return [why]
    mapping = mapping.model_copy(update={"section": await _repeated(mapping, engine, engine_name)})
    finders = (text for texts in _finders(mapping).values() for text in texts)
    sections = (text for section in mapping.section for text in section.sql)
    texts = [*finders, *sections, *(one.sql for one in mapping.erase if one.sql)]
    seen = await asyncio.to_thread(inspected, [(engine_name, text) for text in texts])
    look = _Look(mapping, engine, engine_name, known := dict(zip(texts, seen, strict=True)))
    if empty := await look.empty():
        return [empty]
    said = [finding async for finding in look.finders()]
    for section in mapping.section:
        said += [finding async for finding in look.section(section)]
    said += [finding async for finding in look.tables()]
    return _together(said) + await examine_steps(mapping, engine, eraser, engine_name, known)


async def _repeated(mapping: SourceMapping, engine: Engine, engine_name: str) -> list[SectionMapping]:
    """The sections as this database has them; where it cannot be asked, every question will say so."""
    if not any(one.each for one in mapping.section):
        return mapping.section
    try:
        async with asyncio.timeout(mapping.search_timeout), engine.session(long=False) as session:
            return await session.run(lambda inside: repeated(inside, mapping.section, engine_name))
    except (TimeoutError, SourceMisconfigured, SourceUnavailable):
        return mapping.section


def _together(said: Sequence[Finding]) -> list[Finding]:
    """What is the same of several queries is one finding that names them all."""
    queries = dict[Finding, list[str]]()
    for one in said:
        about = _ABOUT.fullmatch(one.text)
        name, what = about.groups() if about else ("", one.text)
        queries.setdefault(Finding(what, one.warning), []).append(name)
    named = {what: ", ".join(dict.fromkeys(filter(None, names))) for what, names in queries.items()}
    return [Finding(f"{names}: {what.text}" if names else what.text, what.warning) for what, names in named.items()]


class _Look:
    def __init__(self, mapping: SourceMapping, engine: Engine, engine_name: str, seen: dict[str, Seen]) -> None:
        self._mapping, self._engine, self._engine_name, self._seen = mapping, engine, engine_name, seen

    async def empty(self) -> Finding | None:
        """Instead of one finding for each query: a database without tables lacks them all."""
        tables = await self._asked("the list of tables", lambda session: session.tables())
        if tables:
            return None
        columns = await self._columns(self._queries(*next(iter(_finders(self._mapping).items()))))
        if not isinstance(columns, Finding) or not columns.text.endswith(self._misspelt):
            return None
        seen = "the database has no tables, or none that this role may see"
        return Finding(f"{seen}; {elsewhere(self._mapping)}, or grant the role SELECT.")

    async def finders(self) -> AsyncIterator[Finding]:
        for name, texts in _finders(self._mapping).items():
            queries = self._queries(name, texts)
            columns = await self._columns(queries)
            if isinstance(columns, Finding):
                yield columns
            elif lacking := _lacking(name, columns):
                yield Finding(f"find.{name} must return {lacking}.")
            else:
                for finding in await self._scanning(queries, texts):
                    yield finding

    async def section(self, section: SectionMapping) -> AsyncIterator[Finding]:
        if section.each:
            yield await self._unrepeated(section)
            return
        queries = section_queries(section, self._engine_name)
        for query, text in zip(queries, section.sql, strict=True):
            if not self._is_ordered(query, self._seen[text]):
                order = "end it with ORDER BY over columns that tell its rows apart"
                yield Finding(
                    f"{query.name} has no ORDER BY, so the same data come out in another order each time; {order}."
                )
        columns = await self._columns(queries)
        if isinstance(columns, Finding):
            yield self._lacked(section, columns)
            return
        for finding in [*_misnamed(section, columns), *await self._counting(section)]:
            yield finding
        for query, text in zip(queries, section.sql, strict=True):
            async for finding in self._binding(query, self._seen[text]):
                yield finding

    async def _scanning(self, queries: Sequence[Query], texts: Sequence[str]) -> list[Finding]:
        """Where a search would read a table from end to end, and the index that would spare it that."""
        used = await self._asked(queries[0].name, lambda session: first_usable(session, queries, _UNBOUND)[0])
        if isinstance(used, Finding):
            return []
        looked = await self._asked(used.name, lambda session: (session.scanned(used), session.tables()))
        if isinstance(looked, Finding):
            return []
        scans, tables = looked
        told = f"{used.name} reads all of {{}} for each search; {{}}"
        return [
            Finding(told.format(one.table, _index(one, self._engine_name)), warning=True)
            for one in self._seen[texts[queries.index(used)]].sought
            if any(_reads(scan, one) for scan in scans) and _has_columns(tables, one)
        ]

    async def _counting(self, section: SectionMapping) -> list[Finding]:
        if section.withheld is None:
            return []
        query = Query(f"section {section.name!r}, withheld", Statement.parse(section.withheld, self._engine_name))
        columns = await self._columns([query])
        return [columns] if isinstance(columns, Finding) else []

    async def _unrepeated(self, section: SectionMapping) -> Finding:
        query = Query(f"section {section.name!r}, each", Statement.parse(section.each or "", self._engine_name))
        columns = await self._columns([query])
        nothing = f"{query.name}: this database has nothing of the kind, so the section will be absent."
        if isinstance(columns, Finding):
            return self._lacked(section, columns)
        return Finding(nothing, warning=True)

    async def tables(self) -> AsyncIterator[Finding]:
        tables = await self._asked("the list of tables", lambda session: session.tables())
        if isinstance(tables, Finding):
            return
        writable: list[Table] = [table for table in tables if table.writable]
        if writable:
            yield Finding(f"the role may write (the table {writable[0].name!r}, for one); {_ROLE}.", warning=True)
        for text in uncovered(self._mapping, self._seen, tables):
            yield Finding(text, warning=True)

    async def _binding(self, query: Query, seen: Seen) -> AsyncIterator[Finding]:
        names = query.statement.names
        if "user_agents" in names and not any("coalesce" in piece.lower() for piece in query.statement.pieces):
            advice = "write coalesce(user_agent, '') IN (:user_agents) if the column can be NULL"
            yield Finding(f"{query.name}: {advice}.", warning=True)
        for name in unclear(seen):
            if name not in names:
                continue
            advice = mend(name, self._engine_name)
            if await self._loses(query, name):
                yield Finding(f"{query.name} loses the rows of an unknown {name} (NULL) in silence; {advice}.")
            else:
                told = f"does not show whether it keeps the rows of an unknown {name} (NULL)"
                yield Finding(f"{query.name} {told}; {advice}.", warning=True)

    async def _loses(self, query: Query, name: str) -> bool:
        return await self._asked(query.name, lambda session: session.excludes_null(query, name)) is True

    def _is_ordered(self, query: Query, seen: Seen) -> bool:
        return seen.ordered if seen.parsed else any(map(_ORDERED.search, query.statement.pieces))

    def _queries(self, name: str, texts: Sequence[str]) -> list[Query]:
        return [Query(f"find.{name}", Statement.parse(text, self._engine_name)) for text in texts]

    def _lacked(self, section: SectionMapping, finding: Finding) -> Finding:
        if not section.optional:
            return finding
        return Finding(finding.text.removesuffix(self._misspelt), warning=True)

    @property
    def _misspelt(self) -> str:
        return f"; correct the name in the mapping, with its schema, or {elsewhere(self._mapping)}."

    async def _columns(self, queries: Sequence[Query]) -> list[str] | Finding:
        return await self._asked(queries[0].name, lambda session: first_usable(session, queries, _UNBOUND)[1])

    async def _asked(self, query_name: str, work: Callable[[Session], Result]) -> Result | Finding:
        seconds = self._mapping.search_timeout
        try:
            async with asyncio.timeout(seconds), self._engine.session(long=False) as session:
                return await session.run(work)
        except TimeoutError:
            return Finding(f"{query_name}: no answer within {seconds:g} s.")
        except SchemaLacks as error:
            return Finding(error.detail + self._misspelt)
        except (SourceMisconfigured, SourceUnavailable) as error:
            return Finding(error.detail)


def _reads(scan: Scan, sought: Sought) -> bool:
    """Whether it is that comparison for which the table is read. PostgreSQL numbers what stands in a query twice."""
    named = re.fullmatch(rf"{re.escape(sought.alias)}(_\d+)?", scan.alias)
    return bool(named) and (not scan.condition or all(one in scan.condition.lower() for one in sought.columns))


def _has_columns(tables: Sequence[Table], sought: Sought) -> bool:
    """False where a column of that name comes from further out, because the table has none."""
    named = [{column.lower() for column in table.columns} for table in tables if table.name.lower() == sought.name]
    return not named or any(columns.issuperset(sought.columns) for columns in named)


def _index(sought: Sought, engine_name: str) -> str:
    if engine_name == "mariadb" and not _COLUMN.fullmatch(sought.expression):
        # MariaDB has no index of an expression.
        return f"have somebody add a generated column of {sought.expression} with an index, and compare that one."
    name = re.sub(r"[\W_]+", "_", f"dossier {sought.table} {sought.expression}").strip("_").lower()
    return f"have somebody run: CREATE INDEX {name} ON {sought.table} ({sought.expression});"


def _misnamed(section: SectionMapping, columns: list[str]) -> Iterator[Finding]:
    try:
        check_columns(section, columns)
    except SourceMisconfigured as error:
        yield Finding(error.detail)
    if unknown := sorted(set(section.labels) - set(columns)):
        told = f"section {section.name!r} labels the column {unknown[0]!r}, which its sql does not return."
        yield Finding(told, warning=True)


def _finders(mapping: SourceMapping) -> dict[str, tuple[str, ...]]:
    find = mapping.find
    texts = {"tracking_id": find.tracking_id, "email": find.email, "combinations": find.combinations}
    return {name: several for name, several in texts.items() if several}


def _lacking(name: str, columns: list[str]) -> str | None:
    if name != "combinations":
        return None if "visitor" in columns else "a column `visitor`"
    fits = "user_agent" in columns or {"device", "browser"} <= set(columns)
    return None if fits else "`device` and `browser`, or `user_agent`"
