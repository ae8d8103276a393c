"""What an erasure was to do, what it did, and its receipt: beside its entry, and kept as long."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.history.tables import ERASURES
from app.sources.erasing import Scope, StepAction


class PlanUsed(Exception):
    """An erasure was begun by this plan before."""


@dataclass(frozen=True, slots=True)
class CountedStep:
    """A step, and its rows: as they were planned, right before it was first begun, and after it."""

    table: str
    title: str
    action: StepAction
    because: str | None
    planned: int
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    entry_id: UUID
    plan_id: str
    scope: Scope
    mapping_sha256: str
    steps: tuple[CountedStep, ...]
    revokes_exports: bool
    approved_by: str | None = None
    approved_at: datetime | None = None
    erased_at: datetime | None = None
    backups_until: datetime | None = None
    receipt: str | None = None

    def before(self, rows: Sequence[int]) -> "Erasure":
        steps = (replace(one, before=many) for one, many in zip(self.steps, rows, strict=True))
        return replace(self, steps=tuple(steps))

    def after(self, rows: Sequence[int]) -> "Erasure":
        steps = (replace(one, after=many) for one, many in zip(self.steps, rows, strict=True))
        return replace(self, steps=tuple(steps))


async def add_erasure(connection: AsyncConnection, erasure: Erasure) -> None:
    """Raises PlanUsed."""
    try:
        await connection.execute(insert(ERASURES), asdict(erasure))
    except IntegrityError as error:
        raise PlanUsed from error


async def get_erasure(connection: AsyncConnection, entry_id: UUID) -> Erasure:
    row = (await connection.execute(select(ERASURES).where(ERASURES.c.entry_id == entry_id))).one()
    known = dict(row._mapping)  # noqa: SLF001  the public name of a row's mapping
    return Erasure(**known | {"steps": tuple(CountedStep(**one) for one in known["steps"])})


async def write_erasure(connection: AsyncConnection, erasure: Erasure) -> None:
    """All of it, as it is now."""
    await connection.execute(update(ERASURES).where(ERASURES.c.entry_id == erasure.entry_id).values(**asdict(erasure)))
