"""How much one administrator may do in one data center: so many searches a minute, exports a day, and so on."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from app.access.counter import Counter, Standing, Window
from app.audit.event import By
from app.kit.errors import Exceeded
from app.kit.headers import add_headers

MINUTE, HOUR, DAY = 60, 3_600, 86_400
# A part of an archive that begins later than its first byte goes on with a download. So many may, for each download.
_PARTS = 10
What = Literal["searches", "exports", "downloads", "parts"]
_SAID: Mapping[tuple[What, str], str] = {
    ("searches", "minute"): "searches a minute",
    ("searches", "day"): "searches in 24 hours",
    ("exports", "day"): "exports in 24 hours",
    ("downloads", "day"): "downloads in 24 hours",
    ("parts", "day"): "continued downloads in 24 hours",
}
# When an export ends nobody knows; most have by then.
_UNFINISHED_SECONDS = 10


class QuotaExceeded(Exceeded):
    """One administrator may search, export and download so often in one data center. `detail` says which limit is
    reached, `Retry-After` when there is room again, and `RateLimit` beforehand how much is left. Keys made with
    `--service` have limits of their own; whoever runs the service sets both."""

    slug = "quota-exceeded"
    title = "Too much for now"
    is_refusal = True


@dataclass(frozen=True, slots=True)
class Quotas:
    """0 means without a limit."""

    searches_per_minute: int
    searches_per_day: int
    exports_per_day: int
    unfinished_exports: int
    downloads_per_day: int

    def windows(self) -> dict[What, tuple[Window, ...]]:
        downloads = self.downloads_per_day
        return {
            "searches": _both(self.searches_per_minute, self.searches_per_day),
            "exports": _day(self.exports_per_day),
            "downloads": _day(downloads),
            "parts": _day(downloads * _PARTS),
        }


class RateLimits:
    """Of administrators, and the higher ones of services."""

    def __init__(self, counter: Counter, people: Quotas, services: Quotas) -> None:
        self._counter = counter
        self._quotas = {False: people, True: services}
        self._windows = {service: quotas.windows() for service, quotas in self._quotas.items()}

    async def take(self, by: By, data_center: str, what: What) -> None:
        """Raises QuotaExceeded, and has then counted nothing. The answer tells what is left either way."""
        windows = self._windows[by.service][what]
        if not windows:
            return
        taken = await self._counter.take(f"{what}:{key_of(by, data_center)}", windows)
        add_headers(_headers(taken.standings))
        if not taken.allowed:
            full = max((one for one in taken.standings if not one.left), key=lambda one: one.seconds)
            most, said = full.window.limit, _SAID[what, full.window.name]
            raise QuotaExceeded(f"More than {most} {said}.", full.seconds, f"{what}/{full.window.name}")

    def check_unfinished(self, by: By, count: int) -> None:
        """Raises QuotaExceeded where so many at a time are too many."""
        most = self._quotas[by.service].unfinished_exports
        if most and count > most:
            said = f"More than {most} exports that are not finished."
            raise QuotaExceeded(said, _UNFINISHED_SECONDS, "exports/unfinished")


def key_of(by: By, data_center: str) -> str:
    """An administrator in a data center, without a name in it."""
    return hashlib.sha256(f"{data_center}\0{by.name}".encode()).hexdigest()[:32]


def _day(limit: int) -> tuple[Window, ...]:
    return (Window("day", limit, DAY),) if limit else ()


def _both(minute: int, day: int) -> tuple[Window, ...]:
    """A window that the other one makes superfluous is left out: the counters want each to say something."""
    if not minute or (day and minute >= day):
        return _day(day)
    short = (Window("minute", minute, MINUTE),)
    return short if day >= minute * DAY // MINUTE else (*short, *_day(day))


def _headers(standings: Iterable[Standing]) -> dict[str, str]:
    """draft-ietf-httpapi-ratelimit-headers-10."""
    seen = list(standings)
    return {
        "RateLimit-Policy": ", ".join(
            f'"{one.window.name}";q={one.window.limit};w={one.window.seconds}' for one in seen
        ),
        "RateLimit": ", ".join(f'"{one.window.name}";r={one.left};t={one.seconds}' for one in seen),
    }
