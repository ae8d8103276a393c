"""How moments and JSON are written in the sample, and how moments are spread over the years."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
YEAR = timedelta(days=365)
COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def time_text(moment: datetime) -> str:
    """ISO 8601 with all six digits, so that texts of one offset sort as their moments do."""
    return moment.isoformat(timespec="microseconds")


def json_text(value: object) -> str:
    return COMPACT.encode(value)


def moments(start: datetime, end: datetime, count: int, rng: Random) -> Iterator[datetime]:
    """`count` ascending moments between two, denser in one half of each year: an outdoor shop has seasons."""
    span = (end - start) // MICROSECOND
    seasons = max((end - start) // YEAR, 1)
    random = rng.random
    for number in range(count):
        share = (number + random()) / count
        phase = share * seasons % 1
        share += 0.6 * (phase if phase < 0.5 else 1 - phase) / seasons  # half a season
        yield start + timedelta(0, 0, int(span * share))


def times(start: datetime, end: datetime, count: int, rng: Random) -> Iterator[str]:
    """The same moments as texts, five times as fast: the offset is the same for all and is put on as it is."""
    local, offset = start.replace(tzinfo=None), time_text(start)[len("2026-03-01T10:15:30.123456") :]
    for moment in moments(local, end.replace(tzinfo=None), count, rng):
        yield moment.isoformat("T", "microseconds") + offset
