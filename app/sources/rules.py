"""What must hold between the keys of a data source's file, whatever else is wrong with it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from app.sources.erasing import Scope
from app.sources.sql import Statement

PARAMETERS = ("visitor", "device", "browser", "user_agents", "tracking_id", "email", "batch")
_OF_SECTIONS, _VISITOR, _NONE = frozenset(PARAMETERS[:4]), frozenset({"visitor"}), frozenset[str]()
_TOGETHER = "belong together: give both, or neither"


def broken_rules(data: Mapping[str, Any], engine: str, scope: Scope | None = None) -> Iterator[str]:
    """A sentence for each, as far as the data has the form that it should; `engine` is whose SQL it is, `scope` what
    the data center erases, where that is known."""
    find = data.get("find")
    if isinstance(find, dict):
        yield from (f"find: {one}" for one in _of_find(find, engine))
    sections = _tables(data.get("section"))
    for section in sections:
        mistakes = (*_belonging(section), *_misused(section, engine))
        yield from (f"section {section.get('name')!r}: {one}" for one in mistakes)
    yield from twice("section", data)
    steps = _tables(data.get("erase"))
    if bool(steps) != ("erase_dsn" in data):
        yield f"`[[erase]]` and `erase_dsn` {_TOGETHER}"
    if steps and all(step.get("action") == "keep" for step in steps):
        yield "erase: every step keeps its rows; give at least one that deletes or anonymises"
    for number, step in enumerate(steps, 1):
        yield from (f"erase number {number}: {one}" for one in _of_step(step, engine, scope))


def twice(key: str, data: Mapping[str, Any]) -> Iterator[str]:
    """Names that stand there twice, where each must have its own."""
    names = Counter(str(table["name"]) for table in _tables(data.get(key)) if "name" in table)
    yield from (f"{key} {name!r} stands there twice; each needs a name of its own" for name in names if names[name] > 1)


def _tables(listed: object) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _of_find(find: Mapping[str, Any], engine: str) -> Iterator[str]:
    if not (find.get("tracking_id") or find.get("email")):
        yield "needs at least one of tracking_id and email"
    for key in ("tracking_id", "email"):
        yield from _parameters(find, key, engine, {key}, {key})
    yield from _parameters(find, "combinations", engine, _VISITOR, _VISITOR)


def _belonging(section: Mapping[str, Any]) -> Iterator[str]:
    if (section.get("scope") == "visitor") != ("because" in section):
        yield f'`scope = "visitor"` and `because` {_TOGETHER}'
    if ("withheld" in section) != ("withheld_because" in section):
        yield f"`withheld` and `withheld_because` {_TOGETHER}"
    texts = _texts(section.get("sql"))
    if texts and ("each" in section) != all("{each}" in text for text in texts):
        yield f"`each` and `{{each}}` in its sql {_TOGETHER}"


def _misused(section: Mapping[str, Any], engine: str) -> Iterator[str]:
    """Parameters, in its queries."""
    for key in ("estimate", "withheld", "sql"):
        yield from _parameters(section, key, engine, _VISITOR, _OF_SECTIONS)
    yield from _parameters(section, "each", engine, _NONE, _NONE)
    for text in _texts(section.get("sql")):
        named = _named(text, engine)
        if section.get("scope") != "visitor" and not ({"device", "browser"} <= named or "user_agents" in named):
            yield (
                "its sql must use :device and :browser (or :user_agents), so that only the chosen combination "
                'leaves; use them, or say `scope = "visitor"` and `because`'
            )


def _of_step(step: Mapping[str, Any], engine: str, scope: Scope | None) -> Iterator[str]:
    keeps = step.get("action") == "keep"
    if keeps == ("sql" in step):
        yield "a step that keeps its rows has no sql" if keeps else "needs the sql that deletes or anonymises its rows"
    if keeps and "because" not in step:
        yield "says not why its rows are kept; add `because`, for instance the law that asks for it"
    if keeps and "batch" in step:
        yield "a step that keeps its rows has no batch"
    allowed = _VISITOR if scope == "visitor" else _OF_SECTIONS
    batch = {"batch"} if "batch" in step else set()
    yield from _parameters(step, "sql", engine, _VISITOR | batch, allowed | batch)
    yield from _parameters(step, "count", engine, _VISITOR, allowed)
    for key in ("sql", "count") if scope == "combination" and not keeps else ():
        for text in _texts(step.get(key)):
            named = _named(text, engine)
            if not ({"device", "browser"} <= named or "user_agents" in named):
                yield f"{key} must use :device and :browser (or :user_agents): `erasure_scope` is the combination"


def _parameters(
    table: Mapping[str, Any], key: str, engine: str, needed: AbstractSet[str], allowed: AbstractSet[str]
) -> Iterator[str]:
    for text in _texts(table.get(key)):
        named = _named(text, engine)
        for name in sorted(named - allowed):
            known = ", ".join(f":{one}" for one in sorted(allowed))
            yield f"{key} uses the parameter :{name}, which has no value here; known are {known}"
        for name in sorted(needed - named):
            yield f"{key} must use the parameter :{name}, outside quotes and comments"


def _texts(value: object) -> list[str]:
    """A query, or several of which one is used."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _named(text: str, engine: str) -> set[str]:
    return set(Statement.parse(text, engine).names)
