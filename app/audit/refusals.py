"""Refusals in the audit trail: the first is written at once, further ones are counted, and written by the minute."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from app.audit.event import AuditEvent, By, Details
from app.audit.group import GroupedTrail
from app.kit.clock import Clock
from app.kit.db import DatabaseUnavailable
from app.kit.logs import log, whereabouts

_WINDOW = timedelta(minutes=1)
# A stranger may have millions of addresses. Of each kind so many are told apart, the others are counted together.
_MOST_ADDRESSES = 50
_CLOSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Kind:
    """What was refused to whom, but for the address: words of the contract, and names that are known here, so that
    nobody can make up new ones."""

    by: By
    data_center: str | None
    details: tuple[tuple[str, str | int | None], ...]


@dataclass(slots=True)
class _Counted:
    """Since the last event; `reference` is the last refusal's."""

    count: int = 0
    reference: str | None = None
    written_at: datetime | None = None


class Refusals:
    """At most one event a minute for each kind from each address. What is counted is in memory until it is written: by
    the next refusal or the tick once the minute is over, or when the process closes; a kill loses it."""

    def __init__(self, trail: GroupedTrail, clock: Clock) -> None:
        self._trail, self._clock = trail, clock
        self._kinds: dict[_Kind, dict[str | None, _Counted]] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def record(self, by: By, data_center: str | None, details: Details) -> None:
        """Raises nothing where the trail is away: who is refused stays refused, and it is written later."""
        kind = _Kind(replace(by, address=None, reference=None), data_center, tuple(sorted(details.items())))
        addresses = self._kinds.setdefault(kind, {})
        address = by.address if by.address in addresses or len(addresses) < _MOST_ADDRESSES else None
        counted = addresses.setdefault(address, _Counted())
        counted.count += 1
        counted.reference = by.reference
        if self._is_due(counted):
            # Not awaited itself: a client that goes away is cancelled here, and the event is written all the same.
            await asyncio.wait((self._begin(kind, address, counted),))

    async def write_due(self) -> None:
        """A chore of the tick."""
        for kind, address, counted in self._all():
            if self._is_due(counted) and not counted.count:
                del self._kinds[kind][address]
        self._kinds = {kind: addresses for kind, addresses in self._kinds.items() if addresses}
        if begun := [self._begin(*one) for one in self._all() if self._is_due(one[2])]:
            await asyncio.wait(begun)

    async def close(self) -> None:
        for one in self._all():
            if one[2].count:
                self._begin(*one)
        if self._writing:
            await asyncio.wait(self._writing, timeout=_CLOSE_SECONDS)
        if self._writing or any(counted.count for _, _, counted in self._all()):
            log.error("the audit trail does not answer; refusals that were counted are not in it")

    def _all(self) -> list[tuple[_Kind, str | None, _Counted]]:
        return [(kind, *one) for kind, addresses in self._kinds.items() for one in addresses.items()]

    def _is_due(self, counted: _Counted) -> bool:
        return counted.written_at is None or self._clock() - counted.written_at >= _WINDOW

    def _begin(self, kind: _Kind, address: str | None, counted: _Counted) -> asyncio.Task[None]:
        """Takes what was counted, and writes it in a task of its own."""
        by = replace(kind.by, address=address, reference=counted.reference)
        details = {**dict(kind.details), "count": counted.count}
        event = AuditEvent("access:refuse", by, kind.data_center, "refused", details=details)
        taken, counted.count, counted.written_at = counted.count, 0, self._clock()
        task = asyncio.create_task(self._write(event, counted, taken), name="writing refusals")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    async def _write(self, event: AuditEvent, counted: _Counted, taken: int) -> None:
        try:
            await self._trail.append(event)
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            log.warning("refusals are not in the audit trail yet, and are written later: %s", whereabouts(error))
            counted.count += taken
