"""Does the steps of an erasure: together in one transaction, or in batches that can be begun again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app.sources.combinations import counted
from app.sources.engine import LiveSession, NoSuchValue, Query, Session, Values
from app.sources.erasing import RowsMismatch, RowsRemain, Step
from app.sources.mapping import EraseMapping
from app.sources.port import SourceMisconfigured
from app.sources.sql import Statement

Note = Callable[[int, int], None]
# A table that others write to may gain rows of the visitor meanwhile. What goes beyond that share is a sql that finds
# its rows again and again, or somebody else's.
_GROWTH = 10
_TRIES = 3


@dataclass(frozen=True, slots=True)
class MappedStep:
    """A step of a mapping, its SQL parsed; without `sql` it only counts what is kept."""

    told: Step
    counting: Query
    sql: Query | None
    batch: int | None

    @classmethod
    def of(cls, mapping: EraseMapping, told: Step, engine: str) -> "MappedStep":
        where = f"erase {mapping.table!r}"
        sql = Query(where, Statement.parse(mapping.sql, engine)) if mapping.sql else None
        return cls(told, Query(f"{where}, count", Statement.parse(mapping.count, engine)), sql, mapping.batch)


class MappedErasing:
    """Implements Erasing over a session that may write."""

    def __init__(self, live: LiveSession, steps: Sequence[MappedStep], values: Values) -> None:
        self.steps: Sequence[Step] = [one.told for one in steps]
        self._live, self._mapped, self._values = live, steps, values

    async def count(self) -> list[int]:
        return await self._live.run(lambda session: counts(session, self._mapped, self._values))

    async def run(self, note: Note) -> None:
        await self._live.run(lambda session: _Run(session, self._mapped, self._values, note).all())


def counts(session: Session, steps: Sequence[MappedStep], values: Values) -> list[int]:
    with session.transaction("reading"):
        return [_count(session, one, values) for one in steps]


@dataclass(slots=True)
class _Run:
    """In the session's thread."""

    session: Session
    steps: Sequence[MappedStep]
    values: Values
    note: Note
    done: int = 0
    rows: int = 0

    def all(self) -> None:
        for steps in self._together():
            if steps[0].batch:
                self._in_batches(steps[0], steps[0].batch)
            else:
                self._at_once(steps)
            self.done += len(steps)
            self.note(self.done, self.rows)

    def _together(self) -> Iterator[list[MappedStep]]:
        """Each step with a batch alone, and those between them in one transaction."""
        together = list[MappedStep]()
        for one in self.steps:
            if one.batch and together:
                yield together
                together = []
            if one.batch:
                yield [one]
            else:
                together.append(one)
        if together:
            yield together

    def _at_once(self, steps: Sequence[MappedStep]) -> None:
        with self.session.transaction("repeatable"), self._keeping():
            before = [self._count(one) for one in steps]
            for one, rows in zip(steps, before, strict=True):
                # A step without rows left was done before: an attempt was killed between its commit and its end.
                touched = self._change(one, self.values) if rows else 0
                _check_touched(one, touched, rows)
            for one in steps:
                if one.sql and (left := self._count(one)):
                    raise RowsRemain(f"{_named(one)}: {left} rows are there still.")

    def _in_batches(self, step: MappedStep, batch: int) -> None:
        before, touched = self._first_batch(step, batch)
        total, most = touched, before + before // _GROWTH + batch
        while touched:
            with self.session.transaction("committed"):
                touched = self._change(step, {**self.values, "batch": batch})
            total += touched
            _check_touched(step, total, most)

    def _first_batch(self, step: MappedStep, batch: int) -> tuple[int, int]:
        """The rows that there were, and that it touched. Counted before and after, so that a sql that would touch
        strangers' rows is taken back before it is repeated. Where somebody writes rows of the visitor in between, the
        numbers may differ without its fault."""
        for last in (*[False] * (_TRIES - 1), True):
            try:
                with self.session.transaction("repeatable"), self._keeping():
                    before = self._count(step)
                    touched = self._change(step, {**self.values, "batch": batch}) if before else 0
                    _check_touched(step, touched, before - self._count(step) if before else 0)
            except RowsMismatch:
                if last:
                    raise
            else:
                return before, touched
        return 0, 0

    def _keeping(self) -> "_Keeping":
        return _Keeping([one for one in self.steps if one.sql is None], self._count)

    def _change(self, step: MappedStep, values: Values) -> int:
        if step.sql is None:
            return 0
        touched = self.session.changed(step.sql, values)
        self.rows += touched
        self.note(self.done, self.rows)
        return touched

    def _count(self, step: MappedStep) -> int:
        return _count(self.session, step, self.values)


class _Keeping:
    """Rows that are kept must be there at the end of the block as at its beginning."""

    def __init__(self, kept: Sequence[MappedStep], count: Callable[[MappedStep], int]) -> None:
        self._kept, self._count = kept, count

    def __enter__(self) -> None:
        self._before = list(map(self._count, self._kept))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for one, rows in zip(self._kept, self._before, strict=True):
                if self._count(one) < rows:
                    raise RowsRemain(f"{_named(one)}: rows that are kept would go with the others.")


def _check_touched(step: MappedStep, touched: int, most: int) -> None:
    if touched > most:
        raise RowsMismatch(f"{_named(step)}: it touched {touched} rows where it counts {most}; {RowsMismatch.help()}")


def _count(session: Session, step: MappedStep, values: Values) -> int:
    try:
        found = [next(iter(row.values())) for rows in session.select(step.counting, values) for row in rows]
    except NoSuchValue as error:
        told = f"{step.counting.name}: it compares the visitor's key with a column of another type"
        raise SourceMisconfigured(told) from error
    return counted(found[0] if found else None) or 0


def _named(step: MappedStep) -> str:
    return f"{step.told.title} ({step.told.table})"
