"""Approves an erasure: another administrator than the one who asked for it lets it begin."""

from dataclasses import dataclass, replace

from app.audit.event import By
from app.audit.ledger import Ledger
from app.erasures.end import ErasureFinal
from app.erasures.plan import PlanOutdated, check_growth, counted, erasing_source
from app.history.browse import Browse
from app.history.entry import Entry, move
from app.history.erasure import get_erasure, write_erasure
from app.history.event import event_of
from app.jobs.job import lock_job, make_due, sealed_of
from app.jobs.port import Bell
from app.kit.clock import Clock
from app.kit.errors import Denied
from app.sources.candidate import Candidates
from app.sources.registry import Registry


class OwnErasure(Denied):
    """Four eyes are asked for here: who requested an erasure cannot approve it. Ask another administrator whose key was
    made with `--may erasures:approve`."""

    slug = "own-erasure"
    title = "Another administrator must approve this"
    is_refusal = True


@dataclass(frozen=True, slots=True)
class ApproveErasure:
    registry: Registry
    candidates: Candidates
    browse: Browse
    ledger: Ledger
    bell: Bell
    clock: Clock

    async def __call__(self, by: By, data_center: str, entry_id: str) -> Entry:
        """Raises NotFound, OwnErasure, ErasureFinal where it does not wait for this, PlanOutdated, and what the data
        source raises."""
        entry = await self.browse.one(data_center, entry_id, "erasure")
        if entry.status != "requested":
            raise ErasureFinal
        if entry.requested_by == by.name:
            raise OwnErasure
        await self._count_again(entry)
        await self._write(by, entry)
        await self.bell.ring()
        return await self.browse.one(data_center, entry_id, "erasure")

    async def _count_again(self, entry: Entry) -> None:
        async with self.ledger.reading() as connection:
            planned, sealed = await get_erasure(connection, entry.id), await sealed_of(connection, entry.id)
        if sealed is None:
            raise ErasureFinal
        choice, _ = self.candidates.open_choice(sealed)
        _, source = erasing_source(self.registry, entry.data_center, entry.source_id)
        if planned.mapping_sha256 != source.facts.mapping_sha256:
            raise PlanOutdated
        check_growth(await counted(source, choice, planned.scope), [one.planned for one in planned.steps])

    async def _write(self, by: By, entry: Entry) -> None:
        now = self.clock()
        async with self.ledger.writing() as connection:
            await lock_job(connection, entry.id)
            if not await move(connection, entry.id, ("requested",), "queued"):
                raise ErasureFinal
            erasure = await get_erasure(connection, entry.id)
            await write_erasure(connection, replace(erasure, approved_by=by.name, approved_at=now))
            await make_due(connection, entry.id, now)
            await self.ledger.append(connection, event_of(entry, "erasures:approve", by))
