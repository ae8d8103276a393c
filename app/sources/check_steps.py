"""What `sources check` says of a mapping's steps of erasures: what the database says of each, and what is in none."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress

from app.sources.binding import wrong_step
from app.sources.coverage import unerased
from app.sources.engine import Engine, NoSuchValue, Query, Session, Table, Values
from app.sources.erasing import RowsLocked
from app.sources.mapping import EraseMapping, SourceMapping
from app.sources.parser.inspection import Seen
from app.sources.port import Finding, NotConnected, SourceMisconfigured, SourceUnavailable
from app.sources.rules import PARAMETERS
from app.sources.sql import Statement

_EXPLAIN = "EXPLAIN "


async def examine_steps(
    mapping: SourceMapping, engine: Engine, eraser: Engine | None, engine_name: str, seen: Mapping[str, Seen]
) -> list[Finding]:
    """`seen` is what the parser saw in each statement of the mapping."""
    if not mapping.erase:
        return []
    said = [*_bindings(mapping, seen, engine_name), *_order(mapping, seen)]
    if eraser is None:
        unset = f"erase_dsn: the variable {mapping.erase_dsn} is not set, so no step was prepared."
        said.append(Finding(unset, warning=True))
    else:
        said += await _prepared(mapping, eraser, engine_name)
    return said + [Finding(text, warning=True) for text in unerased(mapping, seen, await _tables(mapping, engine))]


def _bindings(mapping: SourceMapping, seen: Mapping[str, Seen], engine_name: str) -> Iterator[Finding]:
    for step in mapping.erase:
        if step.sql is None:
            continue
        if problem := wrong_step(seen[step.sql], engine_name):
            yield Finding(f"erase {step.table!r}: sql: {problem}.")
        elif not _shows(seen[step.sql]):
            told = "does not show that it touches the visitor's rows alone; compare a column with `= :visitor`"
            yield Finding(f"erase {step.table!r}: sql: {told}.", warning=not seen[step.sql].parsed)


def _shows(seen: Seen) -> bool:
    return seen.parsed and not any(one.verdict == "unclear" for one in seen.bound if one.parameter == "visitor")


def _order(mapping: SourceMapping, seen: Mapping[str, Seen]) -> Iterator[Finding]:
    """Between batches a worker may be killed for good. Then a search must still find the visitor."""
    find = mapping.find
    finding = {table for text in (*find.tracking_id, *find.email, *find.combinations) for table in seen[text].tables}
    last = max((number for number, one in enumerate(mapping.erase) if one.batch), default=0)
    for one in mapping.erase[:last]:
        if one.action != "keep" and one.table.lower().rpartition(".")[2] in finding:
            told = "goes before a step with a batch, and visitors are found by it; move it to the end"
            yield Finding(f"erase {one.table!r}: {told}.", warning=True)


async def _prepared(mapping: SourceMapping, eraser: Engine, engine_name: str) -> list[Finding]:
    said = []
    for step in mapping.erase:
        try:
            async with asyncio.timeout(mapping.search_timeout), eraser.session(long=False) as session:
                await session.run(lambda inside, step=step: _prepare(inside, step, engine_name))  # type: ignore[misc]
        except TimeoutError:
            said.append(Finding(f"erase {step.table!r}: no answer within {mapping.search_timeout:g} s."))
        except NotConnected as error:
            return [*said, Finding(f"erase: {error.told(str(mapping.erase_dsn))}")]
        except (SourceMisconfigured, SourceUnavailable, RowsLocked) as error:
            said.append(Finding(error.detail))
    return said


def _prepare(session: Session, step: EraseMapping, engine_name: str) -> None:
    """The database plans it, which asks for the same rights, and does not run it."""
    for name, text in ((f"erase {step.table!r}", step.sql), (f"erase {step.table!r}, count", step.count)):
        if text is None:
            continue
        statement = Statement.parse(text, engine_name)
        values: Values = {one: 1 if one == "batch" else None for one in PARAMETERS}
        with suppress(NoSuchValue), session.transaction("repeatable"):
            for _ in session.select(Query(name, statement.inside(_EXPLAIN, "")), values):
                pass


async def _tables(mapping: SourceMapping, engine: Engine) -> list[Table]:
    with suppress(TimeoutError, SourceMisconfigured, SourceUnavailable):
        async with asyncio.timeout(mapping.search_timeout), engine.session(long=False) as session:
            return await session.run(lambda inside: inside.tables())
    return []
