"""Who tries many identifiers that match nobody does not look somebody up, but for somebody: that is an alarm."""

from app.access.counter import Counter, Window
from app.access.limits import HOUR, key_of
from app.audit.event import AuditEvent, By
from app.audit.group import GroupedTrail
from app.kit.logs import log

_ONCE = (Window("hour", 1, HOUR),)


class Misses:
    """Counts different identifiers, by their keyed hash, of one administrator in one data center within an hour; from
    `most` on there is an event, at most one an hour. 0 means never."""

    def __init__(self, counter: Counter, trail: GroupedTrail, most: int) -> None:
        self._counter, self._trail, self._most = counter, trail, most

    async def note(self, by: By, data_center: str, digest: str) -> None:
        if not self._most:
            return
        key = key_of(by, data_center)
        count = await self._counter.different(f"misses:{key}", digest, HOUR)
        if count < self._most or not (await self._counter.take(f"alarms:{key}", _ONCE)).allowed:
            return
        log.warning("a key searched data center %s for %d different people who are not there", data_center, count)
        await self._trail.append(AuditEvent("visitors:alarm", by, data_center, details={"misses": count}))
