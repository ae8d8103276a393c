"""What a condition does with a parameter: keeps its rows, loses those of NULL, or lets others through.

Nothing is guessed from how the condition is written. It is evaluated (`truth`) with the column and the parameter
equal, both NULL, different, and one of the two NULL, each time for every value that the other names in it may have. A
condition that binds holds for the first two, and never for the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal

from sqlglot import exp

from app.sources.parser.truth import OPEN, Scalar, Trial

# `safe`: exactly the rows of the combination, NULL included. `lost`: those of a NULL are missing. `leak`: rows of
# other combinations come along. `unclear`: not to be seen.
Verdict = Literal["safe", "unclear", "leak", "lost"]
_BEST_FIRST: tuple[Verdict, ...] = ("safe", "unclear", "leak", "lost")
_MOST_TRIALS = 5000


def judged(condition: exp.Expr, parameter: str) -> Verdict:
    """Read in two ways, of which the better counts. `coalesce(device, '?')` may be a column's own way to name a device,
    and is one value then, whatever it is made of (`whole`); or it may be there to make NULL equal NULL, and must be
    taken apart."""
    return min(
        (_Judge(condition, f":{parameter}", whole=whole).verdict() for whole in (True, False)), key=_BEST_FIRST.index
    )


def restricted(condition: exp.Expr, parameter: str) -> Verdict:
    """The same of a parameter that is never NULL, and of what becomes of other values alone: `safe` where no row of
    another value can be among those for which the condition holds."""
    verdicts = (_Judge(condition, f":{parameter}", whole=whole).restriction() for whole in (True, False))
    return min(verdicts, key=_BEST_FIRST.index)


class _Judge:
    def __init__(self, condition: exp.Expr, parameter: str, *, whole: bool) -> None:
        self._condition, self._parameter, self._whole = condition, parameter, whole
        trial = Trial({}, whole=whole)
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

    def restriction(self) -> Verdict:
        if prod(map(len, self._domains.values())) > _MOST_TRIALS:
            return "unclear"
        return min(map(self._restricts, self._columns), key=_BEST_FIRST.index, default="leak")

    def _restricts(self, column: str) -> Verdict:
        own = (self._parameter, column)
        rest = {name: domain for name, domain in self._domains.items() if name not in own}
        same, others = set[Scalar](), set[Scalar]()
        for values in product(*rest.values()):
            given = dict(zip(rest, values, strict=True))
            same.add(self._tried(given | dict.fromkeys(own, "a")))
            others |= {self._tried(given | dict(zip(own, ("a", other), strict=True))) for other in ("b", None)}
        if True in others:
            return "leak"
        return "unclear" if OPEN in others else "safe"

    def _paired(self, column: str) -> Verdict | None:
        """The verdict if this is the column that the parameter is for; None if it is not."""
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
        """Whether it can hold, but never where the parameter is NULL: whatever it compares, NULL's rows are lost."""
        holds = {False: False, True: False}
        for values in product(*self._domains.values()):
            given = dict(zip(self._domains, values, strict=True))
            holds[given[self._parameter] is None] |= self._tried(given) in (True, OPEN)
        return holds[False] and not holds[True]

    def _tried(self, given: Mapping[str, Scalar]) -> Scalar:
        return Trial(given, whole=self._whole).value(self._condition)


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
        self.open |= OPEN in (equal, unknown, *others)
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
