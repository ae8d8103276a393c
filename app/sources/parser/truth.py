"""SQL's three-valued logic, tried out: what a condition comes to for given values of its columns and parameters.

The value of an expression is a text, a truth, None for NULL, or OPEN. A rule for each kind of node says what it makes
of the values below it; a node without a rule is a name that may have any value, or OPEN where a parameter is in it.
"""

from collections.abc import Callable, Iterable, Mapping

from sqlglot import exp


class _Open:
    """The value of what nobody can tell without running it. What is open stays open, unless it does not matter."""


OPEN = _Open()
Scalar = str | bool | None | _Open
Rule = Callable[["Trial", exp.Expr], Scalar]
# They change a text or its type, and keep NULL what was NULL.
_TRANSPARENT = (exp.Paren, exp.Cast, exp.TryCast, exp.Collate, exp.Lower, exp.Upper, exp.Trim, exp.Escape)
_STRICT = (exp.Binary, exp.Between)
_WHOLE = (exp.Coalesce, exp.Case)


class Trial:
    """One evaluation, with these values for the names in it; a name without one is NULL. Remembers which names it asked
    for, so that a first evaluation with none finds them all. `whole`: an expression without a parameter is one value,
    however it is made."""

    def __init__(self, given: Mapping[str, Scalar], *, whole: bool) -> None:
        self._given, self._whole = given, whole
        self.values, self.truths = dict[str, None](), dict[str, None]()

    def value(self, node: exp.Expr | None) -> Scalar:
        if node is None:
            return None
        if isinstance(node, _TRANSPARENT):
            return self.value(node.this)
        rule = _RULES.get(type(node))
        if rule and not (self._whole and isinstance(node, _WHOLE) and not _has_parameter(node)):
            return rule(self, node)
        return _strict(self, node) if isinstance(node, _STRICT) and _has_parameter(node) else self._other(node)

    def domains(self, condition: exp.Expr, parameter: str) -> dict[str, tuple[Scalar, ...]]:
        """What each name asked for is tried with: NULL, something, and each constant that it may be compared with."""
        constants = {str(one.this) for one in condition.find_all(exp.Literal)} - {"x"}
        some: tuple[Scalar, ...] = (None, "x", *sorted(constants))
        return dict.fromkeys(self.values, some) | dict.fromkeys(self.truths, (True, False)) | {parameter: (*some, "a")}

    def _other(self, node: exp.Expr) -> Scalar:
        if isinstance(node, exp.Placeholder):
            return self._asked(self.values, f":{node.name}")
        if _has_parameter(node):
            return OPEN
        name = node.name.lower() if isinstance(node, exp.Column) else node.sql().lower()
        truth = isinstance(node, exp.Predicate | exp.Exists)
        return self._asked(self.truths if truth else self.values, name)

    def _asked(self, names: dict[str, None], name: str) -> Scalar:
        names[name] = None
        return self._given.get(name)


def _has_parameter(node: exp.Expr) -> bool:
    return node.find(exp.Placeholder) is not None


def _all(truths: Iterable[Scalar]) -> Scalar:
    met = list(truths)
    return next((one for one in (False, OPEN, None) if one in met), True)


def _not(truth: Scalar) -> Scalar:
    return not truth if isinstance(truth, bool) else truth


def _any(truths: Iterable[Scalar]) -> Scalar:
    return _not(_all([_not(one) for one in truths]))


def _equal(left: Scalar, right: Scalar) -> Scalar:
    if OPEN in (left, right):
        # Compared with NULL, nothing is equal, whatever it is.
        return None if None in (left, right) else OPEN
    return None if None in (left, right) else left == right


def _same(left: Scalar, right: Scalar) -> Scalar:
    return OPEN if OPEN in (left, right) else left == right


def _pairs(left: exp.Expr, right: exp.Expr) -> list[tuple[exp.Expr, exp.Expr]]:
    """Rows of values are compared value by value."""
    left, right = left.unnest(), right.unnest()
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        return list(zip(left.expressions, right.expressions, strict=False))
    return [(left, right)]


def _compared(compare: Callable[[Scalar, Scalar], Scalar]) -> Rule:
    def rule(trial: Trial, node: exp.Expr) -> Scalar:
        if isinstance(node.expression, exp.Any):
            return _among(trial, node)
        pairs = _pairs(node.this, node.expression)
        truth = _all([compare(trial.value(one), trial.value(other)) for one, other in pairs])
        return _not(truth) if node.args.get("negate") else truth

    return rule


def _negated(compare: Callable[[Scalar, Scalar], Scalar]) -> Rule:
    return lambda trial, node: _not(_compared(compare)(trial, node))


def _among(trial: Trial, node: exp.Expr) -> Scalar:
    """`IN (…)`, `IN (SELECT …)` without a table, `= ANY (ARRAY[…])`."""
    listed = node.args.get("query") or node.expression or node
    inner = listed.this.unnest() if isinstance(listed, exp.Any) else listed.unnest()
    if not isinstance(inner, exp.In | exp.Array | exp.Select) or inner.args.get("from_"):
        return OPEN
    equal = _compared(_equal)
    return _any([equal(trial, exp.EQ(this=node.this.copy(), expression=one.copy())) for one in inner.expressions])


def _selected(trial: Trial, node: exp.Expr) -> Scalar:
    """A query in brackets is its one value, where it is made of no table."""
    query = node.unnest()
    if not isinstance(query, exp.Select) or query.args.get("from_") or len(query.expressions) != 1:
        return OPEN
    return trial.value(query.expressions[0])


def _coalesced(trial: Trial, node: exp.Expr) -> Scalar:
    values = [trial.value(one) for one in (node.this, *node.expressions)]
    return next((one for one in values if one is not None), None)


def _chosen(trial: Trial, node: exp.Expr) -> Scalar:
    """CASE, whose branches are all tried, so that every name in them is asked for."""
    branches: list[tuple[Scalar, Scalar]] = []
    for one in node.args["ifs"]:
        holds = trial.value(one.this)
        branches.append((_equal(trial.value(node.this), holds) if node.this else holds, trial.value(one.args["true"])))
    default = trial.value(node.args.get("default"))
    for holds, value in branches:
        if holds in (True, OPEN):
            return value if holds is True else OPEN
    return default


def _strict(trial: Trial, node: exp.Expr) -> Scalar:
    """An operator of which only so much is known: nothing comes of NULL."""
    values = [trial.value(one) for one in node.iter_expressions()]
    return None if None in values else OPEN


_RULES: dict[type[exp.Expr], Rule] = {
    exp.Null: lambda _trial, _node: None,
    exp.Literal: lambda _trial, node: str(node.this),
    exp.Boolean: lambda _trial, node: bool(node.this),
    exp.And: lambda trial, node: _all([trial.value(node.this), trial.value(node.expression)]),
    exp.Or: lambda trial, node: _any([trial.value(node.this), trial.value(node.expression)]),
    exp.Not: lambda trial, node: _not(trial.value(node.this)),
    exp.EQ: _compared(_equal),
    exp.NEQ: _negated(_equal),
    exp.NullSafeEQ: _compared(_same),
    exp.NullSafeNEQ: _negated(_same),
    exp.Is: _compared(_same),
    exp.Like: _compared(_equal),
    exp.ILike: _compared(_equal),
    exp.In: _among,
    exp.Subquery: _selected,
    exp.Select: _selected,
    exp.Coalesce: _coalesced,
    exp.Case: _chosen,
}
