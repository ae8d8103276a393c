"""Whether a DELETE or an UPDATE can touch nobody's rows but the visitor's, as far as its condition shows it."""

from collections.abc import Iterator

from sqlglot import exp

from app.sources.parser.inspection import Bound
from app.sources.parser.judge import Verdict, restricted

_VISITOR = "visitor"


def change_of(tree: exp.Delete | exp.Update) -> Bound:
    """The verdict on `:visitor`: the best of the parts that must all hold."""
    where = tree.args.get("where")
    if where is None or not _named(where):
        # Some engines join with a query that has the condition.
        elsewhere = any(map(_named, tree.find_all(exp.CTE, exp.Join)))
        return Bound(_VISITOR, "unclear" if elsewhere else "unused", "")
    target = tree.this.alias_or_name.lower() if isinstance(tree.this, exp.Table) else ""
    found = [(_verdict(part, target), part.sql()) for part in _parts(where.this, exp.And) if _named(part)]
    verdict, condition = min(found, key=lambda one: ("safe", "unclear", "leak").index(one[0]))
    return Bound(_VISITOR, verdict, condition)


def _verdict(condition: exp.Expr, target: str) -> Verdict:
    inner = condition.unnest()
    if isinstance(inner, exp.Or):
        arms = [_verdict(one, target) if _named(one) else "leak" for one in _parts(inner, exp.Or)]
        return next((one for one in ("leak", "unclear") if one in arms), "safe")
    queries = [one for one in inner.find_all(exp.Select) if _own(one)]
    if not queries:
        return restricted(inner, _VISITOR)
    if isinstance(inner, exp.Not):
        return "leak"
    if isinstance(inner, exp.Exists) and not any(_names(one, target) for one in queries):
        return "leak"
    within = [_within(one, target) for one in queries]
    return next((one for one in ("leak", "unclear") if one in within), "safe")


def _within(query: exp.Select, target: str) -> Verdict:
    where = query.args.get("where")
    parts = [_verdict(one, target) for one in _parts(where.this, exp.And) if _named(one)] if where else []
    return min(parts, key=("safe", "unclear", "leak").index, default="unclear")


def _parts(condition: exp.Expr, kind: type[exp.Connector]) -> Iterator[exp.Expr]:
    inner = condition.unnest()
    yield from inner.flatten() if isinstance(inner, kind) else [inner]


def _named(node: exp.Expr) -> bool:
    return any(one.name == _VISITOR for one in node.find_all(exp.Placeholder))


def _own(query: exp.Select) -> bool:
    """Whether the parameter stands in it, and not only in a query within it."""
    return any(
        one.name == _VISITOR and one.find_ancestor(exp.Select) is query for one in query.find_all(exp.Placeholder)
    )


def _names(query: exp.Select, target: str) -> bool:
    return any(one.table.lower() == target for one in query.find_all(exp.Column))
