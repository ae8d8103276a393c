"""What the rest of the house knows of erasing one visitor from a data source: its steps, and what may stop them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.kit.errors import Conflict, Unavailable

# Whether an erasure takes all of a visitor, or one device and browser.
Scope = Literal["visitor", "combination"]
StepAction = Literal["delete", "anonymise", "keep"]


class NotErasable(Conflict):
    """The mapping of this data source has no `[[erase]]` steps, so nothing can be erased there. Write them, with
    `erase_dsn`; docs/sources.md shows how."""

    slug = "not-erasable"
    title = "This data source cannot erase"


class RowsLocked(Unavailable):
    """Somebody else holds a lock on rows that are to be erased. It is tried again several times before it fails; look
    for a transaction that stays open on the table."""

    slug = "rows-locked"
    title = "Rows of a data source are locked by somebody else"


class RowsReferred(Conflict):
    """Rows of another table refer to those that are to be erased, or a rule of the database forbids the change. Nothing
    of that transaction was done. Add a step for that table before this one, or anonymise instead."""

    slug = "rows-referred"
    title = "The database refuses to erase the rows"


class RowsMismatch(Conflict):
    """A step touched other rows than it counts, so it was taken back. Its `sql` and its `count` in the mapping must
    have the same condition, which must hold for the visitor's own rows alone."""

    slug = "rows-mismatch"
    title = "A step would touch other rows than it counts"


class RowsRemain(Conflict):
    """Counted once more after the erasure, rows of the visitor are still there, or rows that were to be kept are gone.
    It is not called done. Correct the step in the mapping, or stop what brings the rows back; then retry it."""

    slug = "rows-remain"
    title = "Rows remain after the erasure"


@dataclass(frozen=True, slots=True)
class Step:
    """What an erasure does to one table, in one language; `because` says why, above all why rows are kept."""

    table: str
    title: str
    action: StepAction
    because: str | None


class Erasing(Protocol):
    """One visitor's rows in one data source, under the role that may erase them; all counts in the steps' order."""

    steps: Sequence[Step]

    async def count(self) -> list[int]:
        """The rows that each step covers, from one snapshot of its own."""

    async def run(self, note: Callable[[int, int], None]) -> None:
        """Does every step; `note` is told the steps done and the rows touched so far. What has no `batch` is done
        whole or not at all. Raises RowsLocked, RowsReferred, RowsMismatch, RowsRemain."""
