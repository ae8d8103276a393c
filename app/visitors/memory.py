"""What was erased before and is found again: somebody restored a backup, or an importer brought it back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from app.history.visitor import ErasedBefore, erased_before, was_erased_in
from app.kit.db import Database
from app.sources.candidate import Choice
from app.sources.handles import Handles
from app.sources.port import Visitor
from app.sources.registry import Registry
from app.visitors.schemas import CombinationView, SourceView, VisitorView

ERASED_BEFORE = "erased-before"


@dataclass(frozen=True, slots=True)
class _Known:
    """A visitor that is about to be shown, under all hashes that the history may know it by."""

    view: VisitorView
    handles: tuple[str, ...]
    # Of each combination, in the view's order.
    subjects: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Shown:
    """Whom one search is about to show."""

    data_center: str
    handles: Handles
    known: list[_Known] = field(default_factory=list)

    def note(self, source: str, visitor: Visitor, view: VisitorView) -> None:
        choices = (Choice(visitor.key, one.device, one.browser) for one in visitor.combinations)
        subjects = [self.handles.subjects(self.data_center, source, one) for one in choices]
        self.known.append(_Known(view, self.handles.all(self.data_center, source, visitor.key), subjects))


class Memory:
    """Asked only where something was erased, or may be: others pay nothing for it."""

    def __init__(self, registry: Registry, database: Database) -> None:
        self._registry, self._database = registry, database
        # Of data centers that do not erase now: whether they did before this process started.
        self._erased: dict[str, bool] = {}

    async def recall(self, shown: Shown, answers: Sequence[SourceView]) -> list[SourceView]:
        """The answers, with what was erased before. Raises DatabaseUnavailable."""
        erased = await self._erased_of(shown) if shown.known else []
        if not erased:
            return list(answers)
        recalled = {id(one.view): _recalled(one, erased) for one in shown.known}
        return [
            answer.model_copy(update={"visitors": [recalled[id(one)] for one in answer.visitors]}) for answer in answers
        ]

    async def _erased_of(self, shown: Shown) -> Collection[ErasedBefore]:
        center = shown.data_center
        if self._registry.centers[center].about.erasure == "off" and not await self._erased_once(center):
            return []
        handles = {handle for one in shown.known for handle in one.handles}
        async with self._database.reading() as connection:
            return await erased_before(connection, center, handles)

    async def _erased_once(self, center: str) -> bool:
        if center not in self._erased:
            async with self._database.reading() as connection:
                self._erased[center] = await was_erased_in(connection, center)
        return self._erased[center]


def _recalled(known: _Known, erased: Collection[ErasedBefore]) -> VisitorView:
    mine = [one for one in erased if one.handle in known.handles]
    last = max((one.erased_at for one in mine if one.subject == one.handle), default=None)
    parts = {one.subject for one in mine}
    combinations = [
        _warned(view) if last or not parts.isdisjoint(subjects) else view
        for view, subjects in zip(known.view.combinations, known.subjects, strict=True)
    ]
    return known.view.model_copy(update={"erased_at": last, "combinations": combinations})


def _warned(view: CombinationView) -> CombinationView:
    return view.model_copy(update={"warnings": [*view.warnings, ERASED_BEFORE]})
