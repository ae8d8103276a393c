"""A data source of the sample: its visitors, what it calls them, and tables with rows for each of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

from .people import Combination, Visitor
from .tables import Row, Table, columns

OfCombination = Callable[[Visitor, Combination, Random], Iterable[Row]]
OfVisitor = Callable[[Visitor, Random], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class Source:
    """`key` declares the column that holds a visitor's key, in every table and under the same name."""

    key: str
    visitors: tuple[Visitor, ...]

    @property
    def key_name(self) -> str:
        return self.key.split()[0]

    def bound(self, name: str, spec: str, rows: OfCombination) -> Table:
        """A table whose rows bear device and browser; `spec` begins with the row's own id and the time."""
        own_id, time, *rest = (part.strip() for part in spec.split(","))
        declared = ", ".join([f"{own_id} integer primary", self.key, "device text, browser text", time, *rest])
        index = f"{self.key_name}, device, browser, {time.split()[0]}"
        return Table(name, columns(declared), lambda: self._bound_rows(name, rows), (index,))

    def personal(self, name: str, spec: str, rows: OfVisitor) -> Table:
        """A table whose rows belong to a visitor, on whichever device."""
        own_id, *rest = (part.strip() for part in spec.split(","))
        declared = ", ".join([f"{own_id} integer primary", self.key, *rest])
        return Table(name, columns(declared), lambda: self._personal_rows(name, rows), (self.key_name,))

    def _bound_rows(self, name: str, rows: OfCombination) -> Iterator[Row]:
        number = 0
        for visitor in self.visitors:
            for place, combination in enumerate(visitor.combinations):
                # A seed for each group: to change one visitor leaves the others as they were.
                rng = Random(f"{name} of {visitor.key} on {place}")
                whose = (visitor.key, combination.device, combination.browser)
                for row in rows(visitor, combination, rng):
                    number += 1
                    yield (number, *whose, *row)

    def _personal_rows(self, name: str, rows: OfVisitor) -> Iterator[Row]:
        number = 0
        for visitor in self.visitors:
            for row in rows(visitor, Random(f"{name} of {visitor.key}")):
                number += 1
                yield (number, visitor.key, *row)
