"""Whether a condition holds for an unknown device as it does for a known one: SQL's three-valued logic, tried out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal

from sqlglot import exp

# `safe`: exactly the rows of the combination, NULL included. `lost`: those of a NULL are missing. `leak`: rows of
# other combinations come along. `unclear`: not to be seen.
Verdict = Literal["safe", "unclear", "leak", "lost"]
_BEST_FIRST: tuple[Verdict, ...] = ("safe", "unclear", "leak", "lost")
_MOST_TRIALS = 5000


class _Open:
    """What a value is where it depends on something that is not known here."""


_OPEN = _Open()
Scalar = str | bool | None | _Open
Rule = Callable[["_Trial", exp.Expr], Scalar]
# They change a text or its type, and keep NULL what was NULL.
_TRANSPARENT = (exp.Paren, exp.Cast, exp.TryCast, exp.Collate, exp.Lower, exp.Upper, exp.Trim, exp.Escape)
_STRICT = (exp.Binary, exp.Between)
_WHOLE = (exp.Coalesce, exp.Case)


def judged(condition: exp.Expr, parameter: str) -> Verdict:
    """What a condition does with a parameter, in the best light: what is compared with it may be an expression that
    stands for the device as a whole, or one whose own treatment of NULL matters."""
    return min((_Judge(condition, f":{parameter}", whole).verdict() for whole in (True, False)), key=_BEST_FIRST.index)


class _Judge:
    def __init__(self, condition: exp.Expr, parameter: str, whole: bool) -> None:  # noqa: FBT001
        self._condition, self._parameter, self._whole = condition, parameter, whole
        trial = _Trial({}, whole)
        trial.value(condition)
        self._domains = trial.domains(condition, parameter)
        self._columns = [name for name in trial.values if not name.startswith(":")]

    def verdict(self) -> Verdict:
        if prod(map(len, self._domains.values())) > _MOST_TRIALS:
            return "unclear"
        found = [verdict for name in self._columns if (verdict := self._paired(name))]
        if found:
            return min(found, key=_BEST_FIRST.index)
        return "lost" if self._never() else "unclear"

    def _paired(self, column: str) -> Verdict | None:
        """What it says if this column is the one that the parameter is for, or None if it is not."""
        pair, own = _Pair(), (self._parameter, column)
        rest = {name: domain for name, domain in self._domains.items() if name not in own}
        for others in product(*rest.values()):
            given = dict(zip(rest, others, strict=True))
            tried = [
                self._tried(given | dict(zip(own, values, strict=True)))
                for values in (("a", "a"), (None, None), ("a", "b"), ("a", None), (None, "a"))
            ]
            pair.add(tried[0], tried[1], tried[2:])
        return pair.verdict()

    def _never(self) -> bool:
        """Whether it can hold, but for no value of anything where the parameter is NULL."""
        holds = {False: False, True: False}
        for values in product(*self._domains.values()):
            given = dict(zip(self._domains, values, strict=True))
            holds[given[self._parameter] is None] |= self._tried(given) in (True, _OPEN)
        return holds[False] and not holds[True]

    def _tried(self, given: Mapping[str, Scalar]) -> Scalar:
        return _Trial(given, self._whole).value(self._condition)


@dataclass(slots=True)
class _Pair:
    """What became of a column and the parameter over all values of the rest."""

    binds: bool = False
    lost: bool = False
    leaks: bool = False
    always_leaks: bool = True
    open: bool = False

    def add(self, equal: Scalar, unknown: Scalar, others: list[Scalar]) -> None:
        self.binds |= equal is True and others[0] in (False, None)
        self.lost |= equal is True and unknown in (False, None)
        self.open |= _OPEN in (equal, unknown, *others)
        leaks = True in others
        self.leaks |= leaks
        self.always_leaks &= leaks

    def verdict(self) -> Verdict | None:
        if not self.binds:
            return None
        if self.lost:
            return "lost"
        if self.leaks and self.always_leaks:
            return "leak"
        return "unclear" if self.open or self.leaks else "safe"


class _Trial:
    """One evaluation with these values; remembers what it asked for."""

    def __init__(self, given: Mapping[str, Scalar], whole: bool) -> None:  # noqa: FBT001
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
            return _OPEN
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
    return next((one for one in (False, _OPEN, None) if one in met), True)


def _not(truth: Scalar) -> Scalar:
    return not truth if isinstance(truth, bool) else truth


def _any(truths: Iterable[Scalar]) -> Scalar:
    return _not(_all([_not(one) for one in truths]))


def _equal(left: Scalar, right: Scalar) -> Scalar:
    if _OPEN in (left, right):
        # Compared with NULL, nothing is equal, whatever it is.
        return None if None in (left, right) else _OPEN
    return None if None in (left, right) else left == right


def _same(left: Scalar, right: Scalar) -> Scalar:
    return _OPEN if _OPEN in (left, right) else left == right


def _pairs(left: exp.Expr, right: exp.Expr) -> list[tuple[exp.Expr, exp.Expr]]:
    """Rows of values are compared value by value."""
    left, right = left.unnest(), right.unnest()
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        return list(zip(left.expressions, right.expressions, strict=False))
    return [(left, right)]


def _compared(compare: Callable[[Scalar, Scalar], Scalar]) -> Rule:
    def rule(trial: _Trial, node: exp.Expr) -> Scalar:
        if isinstance(node.expression, exp.Any):
            return _among(trial, node)
        pairs = _pairs(node.this, node.expression)
        truth = _all([compare(trial.value(one), trial.value(other)) for one, other in pairs])
        return _not(truth) if node.args.get("negate") else truth

    return rule


def _negated(compare: Callable[[Scalar, Scalar], Scalar]) -> Rule:
    return lambda trial, node: _not(_compared(compare)(trial, node))


def _among(trial: _Trial, node: exp.Expr) -> Scalar:
    """`IN (…)`, `IN (SELECT …)` without a table, `= ANY (ARRAY[…])`."""
    listed = node.args.get("query") or node.expression or node
    inner = listed.this.unnest() if isinstance(listed, exp.Any) else listed.unnest()
    if not isinstance(inner, exp.In | exp.Array | exp.Select) or inner.find(exp.From):
        return _OPEN
    equal = _compared(_equal)
    return _any([equal(trial, exp.EQ(this=node.this.copy(), expression=one.copy())) for one in inner.expressions])


def _coalesced(trial: _Trial, node: exp.Expr) -> Scalar:
    values = [trial.value(one) for one in (node.this, *node.expressions)]
    return next((one for one in values if one is not None), None)


def _chosen(trial: _Trial, node: exp.Expr) -> Scalar:
    """CASE, whose branches are all tried, so that every name in them is asked for."""
    branches: list[tuple[Scalar, Scalar]] = []
    for one in node.args["ifs"]:
        holds = trial.value(one.this)
        branches.append((_equal(trial.value(node.this), holds) if node.this else holds, trial.value(one.args["true"])))
    default = trial.value(node.args.get("default"))
    for holds, value in branches:
        if holds in (True, _OPEN):
            return value if holds is True else _OPEN
    return default


def _strict(trial: _Trial, node: exp.Expr) -> Scalar:
    """An operator of which only so much is known: nothing comes of NULL."""
    values = [trial.value(one) for one in node.iter_expressions()]
    return None if None in values else _OPEN


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
    exp.Coalesce: _coalesced,
    exp.Case: _chosen,
}
