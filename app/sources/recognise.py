"""Recognises which of the presets' products a database holds, by the tables that it has, and in which version."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from app.sources.engine import Engine, Query, Table
from app.sources.fragments import PLACE
from app.sources.port import SourceMisconfigured, SourceUnavailable
from app.sources.preset import Shape, inserted_text, preset_names, preset_shape, preset_variables
from app.sources.sql import Statement, inserted


@dataclass(frozen=True, slots=True)
class Product:
    """What stands in a database: the preset that reads it, and its variables as far as the tables' names show them."""

    preset: str
    name: str
    variables: Mapping[str, str]
    version: str | None = None

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name, self.version)))


async def recognise(engine: Engine, engine_name: str) -> list[Product]:
    """Every product there; several where a database holds two under different prefixes or in different schemas. Raises
    SourceUnavailable, SourceMisconfigured."""
    async with engine.session(long=False) as session:
        tables = await session.run(lambda inside: inside.tables())
    shapes = {name: preset_shape(name) for name in preset_names()}
    return [
        replace(found, version=await _version(engine, engine_name, shape.version, found.variables))
        for name, shape in shapes.items() if engine_name in shape.engines
        for found in products(name, shape, tables)
    ]  # fmt: skip


def products(preset: str, shape: Shape, tables: Sequence[Table]) -> Iterator[Product]:
    """One for each set of variables with which every table of the shape is there, with its columns."""
    there = {f"{one.schema}.{one.name}" if one.schema else one.name: one.columns for one in tables}
    first = _pattern(next(iter(shape.tables)), preset_variables(preset))
    for match in filter(None, map(first.fullmatch, sorted(there))):
        variables = match.groupdict()
        wanted = {inserted_text(name, variables): columns for name, columns in shape.tables.items()}
        if all(set(columns) <= there.get(name, frozenset()) for name, columns in wanted.items()):
            yield Product(preset, shape.product, variables)


async def _version(engine: Engine, engine_name: str, text: str, variables: Mapping[str, str]) -> str | None:
    """What the database says of it; nothing to a role that may not read that."""
    query = Query("the version", Statement.parse(inserted(text, engine_name, variables), engine_name))
    with suppress(SourceMisconfigured, SourceUnavailable):
        async with engine.session(long=False) as session:
            rows = await session.run(lambda inside: [row for rows in inside.select(query, {}) for row in rows])
            return next((str(row["version"]) for row in rows if row["version"]), None)
    return None


def _pattern(name: str, variables: Mapping[str, str]) -> re.Pattern[str]:
    """Letters as they stand, variables as their own patterns."""
    parts = PLACE.split(name)
    return re.compile(
        "".join(f"(?P<{one}>{variables[one]})" if odd % 2 else re.escape(one) for odd, one in enumerate(parts))
    )
