"""Whether a section is bound to the chosen combination: an unknown device must keep its rows, and get no others'."""

import re
import textwrap
from collections.abc import Iterable, Sequence

from app.sources.mapping import SectionMapping
from app.sources.parser.inspection import COMBINATION, Bound, Seen, inspected
from app.sources.sql import Statement, inserted

_SAFE = re.compile(r"(?:\bIS(?:\s+NOT\s+DISTINCT\s+FROM)?\s+|<=>\s*)(?:CAST\s*\(\s*)?\Z", re.IGNORECASE)
_TURNS = re.compile(r"\b(?:OR|CASE|NOT(?!\s+(?:DISTINCT|NULL)\b))\b", re.IGNORECASE)
_OPERATORS = {"postgresql": "IS NOT DISTINCT FROM", "sqlite": "IS", "mariadb": "<=>"}
_LONGEST = 120


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
