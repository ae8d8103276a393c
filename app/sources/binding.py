"""Whether a section is bound to the chosen combination: an unknown device must keep its rows, and get no others'."""

import re
import textwrap
from collections.abc import Hashable, Iterable, Sequence

from app.sources.mapping import EraseMapping, SectionMapping
from app.sources.parser.inspection import COMBINATION, Bound, Seen, inspected
from app.sources.sql import Statement, inserted

_SAFE = re.compile(r"(?:\bIS(?:\s+NOT\s+DISTINCT\s+FROM)?\s+|<=>\s*)(?:CAST\s*\(\s*)?\Z", re.IGNORECASE)
_TURNS = re.compile(r"\b(?:OR|CASE|NOT(?!\s+(?:DISTINCT|NULL)\b))\b", re.IGNORECASE)
_OPERATORS = {"postgresql": "IS NOT DISTINCT FROM", "sqlite": "IS", "mariadb": "<=>"}
_LONGEST = 120
# One table, one comparison with the visitor's key, what narrows it further, and nothing that could turn it round.
_HERE = r"[\w.]+\s*=\s*:visitor(?:\s+AND\s+[\w.]+\s*(?:=|<>|IS|IS\s+NOT)\s*(?:NULL|\d+|'[^']*'))*"
_PLAIN_STEP = re.compile(
    r"\s*(?:DELETE\s+FROM\s+[\w.]+|UPDATE\s+[\w.]+\s+SET\s+[\w\s=,.]+?)\s+WHERE\s+(?:"
    + _HERE
    + r"|[\w.]+\s+IN\s*\(\s*SELECT\s+[\w.]+\s+FROM\s+[\w.]+\s+WHERE\s+"
    + _HERE
    + r"\s+LIMIT\s+:batch\s*\))(?:\s+LIMIT\s+:batch)?\s*;?\s*",
    re.IGNORECASE,
)


def unbound(sections: Sequence[tuple[str, SectionMapping]]) -> list[str | None]:
    """For each section, with its database's engine, what is wrong with its binding as far as its SQL shows it."""
    odd = [
        (number, engine, text)
        for number, (engine, section) in enumerate(sections)
        for text in section.sql
        if section.scope == "combination" and not plainly_bound(text, engine)
    ]
    said: list[str | None] = [None] * len(sections)
    found = inspected([(engine, inserted(text, engine, {"each": "each"})) for _, engine, text in odd])
    for (number, engine, _), seen in zip(odd, found, strict=True):
        said[number] = said[number] or wrong(seen, engine)
    return said


def unbound_steps(steps: Sequence[tuple[Hashable, str, EraseMapping]]) -> list[str | None]:
    """The same for steps of erasures, each with its file and engine, which must be bound to the visitor, and find the
    rows when their turn comes."""
    odd = [
        (number, engine, step.sql)
        for number, (_, engine, step) in enumerate(steps)
        if step.sql and not plain_step(step.sql)
    ]
    said: list[str | None] = [None] * len(steps)
    found = inspected([(engine, text) for _, engine, text in odd])
    for (number, engine, _), seen in zip(odd, found, strict=True):
        said[number] = wrong_step(seen, engine) or _too_late(steps, number, seen)
    return said


def _too_late(steps: Sequence[tuple[Hashable, str, EraseMapping]], number: int, seen: Seen) -> str | None:
    """A step that finds its rows by a table that is erased by then would leave them, and count none of them."""
    file, _, step = steps[number]
    before = [one for other, _, one in steps[:number] if other == file and one.action != "keep"]
    gone = {_bare(one.table) for one in before} - {_bare(step.table)}
    by = next((table for table in seen.tables if table in gone), None)
    return f"finds its rows by {by!r}, which an earlier step erases; move this one before that" if by else None


def _bare(table: str) -> str:
    return table.lower().rpartition(".")[2]


def plain_step(text: str) -> bool:
    """Whether it needs no parser to see whose rows it touches."""
    return _PLAIN_STEP.fullmatch(text) is not None


def wrong_step(seen: Seen, engine: str) -> str | None:
    if not seen.parsed:
        return None
    if not seen.changes:
        return "is no DELETE and no UPDATE"
    visitor = next((one for one in seen.bound if one.parameter == "visitor"), None)
    if visitor and visitor.verdict in _SAID_OF_STEPS:
        return _SAID_OF_STEPS[visitor.verdict].format(**_words(visitor, engine))
    return wrong(seen, engine)


def plainly_bound(text: str, engine: str) -> bool:
    """Whether it needs no parser to see that each parameter stands in a comparison that holds for NULL too, and that
    nothing turns one round."""
    statement = Statement.parse(text, engine)
    if not set(COMBINATION) & set(statement.names):
        return True
    before = zip(statement.pieces, statement.names, strict=False)
    safe = all(_SAFE.search(piece) for piece, name in before if name in COMBINATION)
    return safe and not any(_TURNS.search(piece) for piece in statement.pieces)


def wrong(seen: Seen, engine: str) -> str | None:
    """The first parameter that is surely not bound, and the mend."""
    return next((_SAID[one.verdict].format(**_words(one, engine)) for one in seen.bound if one.verdict in _SAID), None)


def unclear(seen: Seen) -> Iterable[str]:
    """The parameters of which the SQL does not show how they are bound."""
    return [one.parameter for one in seen.bound if one.verdict == "unclear"] if seen.parsed else COMBINATION


def mend(parameter: str, engine: str) -> str:
    return f"compare with `{_OPERATORS[engine]} :{parameter}`, which holds for NULL too"


def _words(one: Bound, engine: str) -> dict[str, str]:
    condition = textwrap.shorten(one.condition, _LONGEST, placeholder=" …")
    return {"condition": condition, "parameter": one.parameter, "mend": mend(one.parameter, engine)}


_SAID = {
    "lost": "`{condition}` loses the rows of an unknown {parameter} (NULL) in silence; {mend}",
    "leak": "`{condition}` lets rows of another {parameter} through; {mend}",
    "unused": "compares nothing with :{parameter}, so that rows of every {parameter} would leave; {mend}",
}
_SAID_OF_STEPS = {
    "leak": "`{condition}` lets rows of other visitors through; compare a column with `= :visitor`, in every branch",
    "unused": "has no condition on :visitor, so that everybody's rows would go; add WHERE … = :visitor",
}
