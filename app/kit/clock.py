"""The time, as a callable that is passed in; how it is written, and how long an archive lives."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

Clock = Callable[[], datetime]
# How long an archive may be had after it was compiled; in hours, so that no change of a clock shifts it.
LIFETIME = timedelta(hours=14 * 24)


def now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """The moment in that zone; at the calendar's two ends, where another zone's clock shows no year, as it is."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with `Z`; a fraction stands only where there is one."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
