"""Tables that hold the visitor's key and stand in no section: what an export would leave out without a word."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.sources.engine import Table
from app.sources.mapping import SourceMapping
from app.sources.parser.inspection import Seen

# Every table may have a column of such a name; it says nothing of whose key it is.
_COMMON = {"id", "_id", "uuid", "guid", "key", "pk", "rowid", "oid"}


def uncovered(mapping: SourceMapping, seen: Mapping[str, Seen], tables: Sequence[Table]) -> Iterator[str]:
    """One sentence for each such table, with the mend. `seen` is by statement."""
    known = {name.lower() for name in mapping.omitted} | set(_read(mapping, seen))
    for name, why in _left(mapping, seen, tables, known):
        yield f"the table {name!r} {why} and stands in no section; add one, or name it under [omitted]."


def unerased(mapping: SourceMapping, seen: Mapping[str, Seen], tables: Sequence[Table]) -> Iterator[str]:
    """The same of tables that an erasure would leave as they are."""
    known = {one.table.lower() for one in mapping.erase}
    for name, why in _left(mapping, seen, tables, known):
        yield f"the table {name!r} {why} and stands in no [[erase]] step; add one, or one that keeps it and says why."


def _left(
    mapping: SourceMapping, seen: Mapping[str, Seen], tables: Sequence[Table], known: set[str]
) -> Iterator[tuple[str, str]]:
    """Those that are not known, and why one would expect them to be."""
    keys = {key for one in seen.values() for key in one.keys}
    columns = {column for _, column in keys} - _COMMON | {name.lower() for name in mapping.visitor_columns}
    owners = {table for table, column in keys if column in _COMMON}
    for table in tables:
        if (why := _holds(table, columns, owners)) and known.isdisjoint(_names(table)):
            yield table.name, why


def _holds(table: Table, columns: set[str], owners: set[str]) -> str | None:
    for column in sorted(table.columns):
        if column.lower() in columns:
            return f"has the column {column!r}, by which visitors are known,"
    if table.name.lower() in owners:
        return "holds the visitors' keys"
    owner = next((one for one in sorted(table.refers_to) if one.lower() in owners), None)
    return f"refers to the visitors in {owner!r}" if owner else None


def _read(mapping: SourceMapping, seen: Mapping[str, Seen]) -> Iterator[str]:
    """Names that the sections read from; every word of one that the parser could not read."""
    for text in (text for section in mapping.section for text in section.sql):
        yield from seen[text].tables if seen[text].parsed else re.findall(r"\w+", text.lower())


def _names(table: Table) -> Iterable[str]:
    name = table.name.lower()
    return (name, f"{table.schema}.{name}".lower(), *(view.lower() for view in table.views))
