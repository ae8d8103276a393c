"""What a parser sees in a mapping's statements. Runs in a process of its own: see `app.sources.parser.inspection`."""

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from app.sources.parser.change import change_of
from app.sources.parser.inspection import COMBINATION, Bound, Seen, Sought
from app.sources.parser.judge import judged

_DIALECTS = {"postgresql": "postgres", "sqlite": "sqlite", "mariadb": "mysql"}
_OTHERS = (exp.Insert, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)
_CLAUSES = (exp.Where, exp.Having, exp.Join, exp.Filter)


def main() -> None:
    """Questions as JSON from standard input, `[engine, text]` each; what was seen as JSON to standard output."""
    logging.disable()
    json.dump([asdict(seen(engine, text)) for engine, text in json.load(sys.stdin)], sys.stdout)


def seen(engine: str, text: str) -> Seen:
    try:
        tree = sqlglot.parse_one(text, read=_DIALECTS[engine])
    except (SqlglotError, RecursionError):
        return Seen(parsed=False)
    if isinstance(tree, _OTHERS):
        return Seen(parsed=True)
    if not isinstance(tree, exp.Query | exp.Delete | exp.Update):
        return Seen(parsed=False)
    bound = tuple(one for parameter in COMBINATION for one in _bound(tree, parameter))
    if not isinstance(tree, exp.Query):
        return Seen(parsed=True, changes=True, tables=_tables(tree), bound=(*bound, change_of(tree)))
    return Seen(
        parsed=True,
        ordered=bool(tree.args.get("order")),
        tables=_tables(tree),
        keys=tuple(sorted(set(_keys(tree)))),
        bound=bound,
        sought=tuple(dict.fromkeys(_sought(tree, _DIALECTS[engine]))),
    )


def _bound(tree: exp.Expr, parameter: str) -> Iterator[Bound]:
    """The worst comparison of the parameter, or the one that keeps its rows where none is wrong."""
    found = [
        Bound(parameter, judged(condition, parameter), condition.sql())
        for condition in _conditions(tree)
        if any(_is(one, parameter) for one in _own(condition))
    ]
    for verdict in ("lost", "safe", "leak", "unclear"):
        if worst := next((one for one in found if one.verdict == verdict), None):
            yield worst
            return
    if any(_is(one, parameter) for one in tree.find_all(exp.Placeholder)):
        yield Bound(parameter, "unclear" if _is_nested(tree, parameter) else "unused", "")


def _conditions(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Every condition, in its parts that must all hold; and every comparison that stands in no condition."""
    for clause in tree.find_all(*_CLAUSES):
        condition = clause.args.get("on") if isinstance(clause, exp.Join) else clause.this
        if condition is not None:
            yield from _parts(condition)
    for comparison in tree.find_all(exp.Predicate, exp.Connector, exp.Not):
        if _is_outermost(comparison):
            yield from _parts(comparison)


def _parts(condition: exp.Expr) -> Iterator[exp.Expr]:
    inner = condition.unnest()
    yield from inner.flatten() if isinstance(inner, exp.And) else [condition]


def _is_outermost(comparison: exp.Expr) -> bool:
    above = comparison.find_ancestor(*_CLAUSES, exp.Predicate, exp.Connector, exp.Not, exp.Select)
    return above is None or isinstance(above, exp.Select)


def _own(condition: exp.Expr) -> Iterator[exp.Expr]:
    """The parameters of a condition, without those of queries within it, which have conditions of their own."""
    outer = condition.find_ancestor(exp.Select)
    for one in condition.find_all(exp.Placeholder):
        query = one.find_ancestor(exp.Select)
        if query is outer or (query is not None and not query.args.get("from_") and not query.args.get("where")):
            yield one


def _is(placeholder: exp.Expr, parameter: str) -> bool:
    return placeholder.name == parameter


def _is_nested(tree: exp.Expr, parameter: str) -> bool:
    """Whether a query within makes a column of the parameter, which may be compared further out."""
    found = [one.find_ancestor(exp.Select) for one in tree.find_all(exp.Placeholder) if _is(one, parameter)]
    return any(query is not tree for query in found)


def _tables(tree: exp.Expr) -> tuple[str, ...]:
    made = {one.alias_or_name.lower() for one in tree.find_all(exp.CTE)}
    named = {one.name.lower() for one in tree.find_all(exp.Table) if one.name}
    return tuple(sorted(named - made))


def _keys(tree: exp.Query) -> Iterator[tuple[str, str]]:
    """Table, as far as it can be told, and column of everything that is compared with the visitor, or is one."""
    for named in tree.find_all(exp.Alias):
        if named.alias.lower() == "visitor" and isinstance(named.this, exp.Column):
            yield _table_of(named.this), named.this.name.lower()
    for comparison in tree.find_all(exp.EQ, exp.NullSafeEQ, exp.In):
        direct = [one for one in comparison.find_all(exp.Placeholder) if one.find_ancestor(exp.Predicate) is comparison]
        if any(_is(one, "visitor") for one in direct):
            for column in comparison.find_all(exp.Column):
                yield _table_of(column), column.name.lower()


def _sought(tree: exp.Query, dialect: str) -> Iterator[Sought]:
    """What is compared with the identifier that was typed, and could have an index."""
    within = {one.alias_or_name.lower(): one for one in tree.find_all(exp.CTE)}
    carriers = {name for name, one in within.items() if _carries(one)}
    for comparison in tree.find_all(exp.EQ, exp.NullSafeEQ):
        sides = (comparison.this, comparison.expression)
        for side, other in (sides, sides[::-1]):
            columns = list(side.find_all(exp.Column))
            table = _node_of(columns[0]) if columns else None
            if table and table.name.lower() not in within and not _typed(side, carriers) and _typed(other, carriers):
                plain = side.transform(lambda node: exp.column(node.this) if isinstance(node, exp.Column) else node)
                named = exp.table_(table.this, db=table.args.get("db")).sql(dialect)
                names = tuple(one.name.lower() for one in columns)
                yield Sought(table.name.lower(), named, table.alias_or_name.lower(), plain.sql(dialect), names)


def _carries(query: exp.CTE) -> bool:
    """Whether it makes a column of what was typed, and of nothing else."""
    made = (one for select in query.find_all(exp.Select) for one in select.expressions)
    return any(_typed(one, set()) and not one.find(exp.Column) for one in made)


def _typed(side: exp.Expr, carriers: set[str]) -> bool:
    """Whether what was typed is in it, itself or by a query that carries it."""
    placeholders = any(one.name in ("tracking_id", "email") for one in side.find_all(exp.Placeholder))
    return placeholders or any(one.name.lower() in carriers for one in side.find_all(exp.Table))


def _table_of(column: exp.Column) -> str:
    table = _node_of(column)
    return table.name.lower() if table else ""


def _node_of(column: exp.Column) -> exp.Table | None:
    query = column.find_ancestor(exp.Select)
    # What a query within reads is not among the tables of this one.
    tables = [one for one in query.find_all(exp.Table) if one.find_ancestor(exp.Select) is query] if query else []
    for table in tables:
        if len(tables) == 1 or column.table.lower() == table.alias_or_name.lower():
            return table
    return None


if __name__ == "__main__":
    main()
