"""The time, as a callable that is passed in, and the forms in which it is written."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with `Z`; a fraction stands only where there is one."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
