"""What is counted while a section passes: rows, bytes, hash, dates, and the few rows that the report shows."""

import hashlib
from collections import Counter, deque
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from app.kit.clock import in_zone
from app.sources.port import Batch, Section

_LATEST = 200
SAMPLE_BYTES = 1 << 20
_NEVER = datetime.min.replace(tzinfo=UTC)


class Tally:
    """One section's counts; `sample_bytes` bounds what it keeps for the report, `zone` says where months begin."""

    def __init__(self, section: Section, sample_bytes: int, zone: tzinfo) -> None:
        self.section, self._zone = section, zone
        self.rows = 0
        self.bytes = 0
        self.done = False
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.months: Counter[tuple[int, int]] = Counter()
        demographic = section.category == "demographic"
        self.sample: Sample = First(sample_bytes) if demographic else Latest(sample_bytes)
        self._hash = hashlib.sha256()

    def count(self, chunk: bytes) -> bytes:
        """Counts bytes of the section's array, and hands them on."""
        self.bytes += len(chunk)
        self._hash.update(chunk)
        return chunk

    def add(self, batch: Batch, chunk: bytes) -> bytes:
        """Counts a batch and the bytes that it became, and hands those on."""
        self.rows += len(batch.rows)
        self.sample.add(batch)
        dated = list(filter(None, batch.moments or ()))
        if dated:
            first, last = min(dated), max(dated)
            self.first, self.last = min(self.first or first, first), max(self.last or last, last)
            # A batch mostly lies within one month, and then nothing has to be looked at row by row.
            if self._month(first) == self._month(last):
                self.months[self._month(first)] += len(dated)
            else:
                self.months.update(map(self._month, dated))
        return self.count(chunk)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def _month(self, moment: datetime) -> tuple[int, int]:
        here = in_zone(moment, self._zone)
        return here.year, here.month


class First:
    """The first rows of a section, up to a number of bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._rows: list[bytes] = []
        self.complete = True

    def add(self, batch: Batch) -> None:
        for row in batch.rows:
            if not self.complete or len(row) > self._left:
                self.complete = False
                return
            self._left -= len(row)
            self._rows.append(row)

    def rows(self) -> Sequence[bytes]:
        return self._rows


class Latest:
    """The 200 latest rows of a section (by their moments, else the last ones), up to a number of bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: list[tuple[datetime, int, bytes]] = []
        self._seen = 0

    def add(self, batch: Batch) -> None:
        moments = batch.moments or [None] * len(batch.rows)
        known = [moment or _NEVER for moment in moments]
        full = len(self._kept) == _LATEST
        if not (full and max(known) < self._kept[0][0]):
            latest = sorted(range(len(known)), key=known.__getitem__)[-_LATEST:]
            numbered = [(known[number], self._seen + number, batch.rows[number]) for number in latest]
            self._kept = self._bounded(sorted([*self._kept, *numbered])[-_LATEST:])
        self._seen += len(known)

    def rows(self) -> Sequence[bytes]:
        """Newest first."""
        return [row for _, _, row in reversed(self._kept)]

    @property
    def complete(self) -> bool:
        return self._seen == len(self._kept)

    def _bounded(self, rows: list[tuple[datetime, int, bytes]]) -> list[tuple[datetime, int, bytes]]:
        if sum(len(row) for _, _, row in rows) <= self._most_bytes:
            return rows
        kept: deque[tuple[datetime, int, bytes]] = deque()
        left = self._most_bytes
        for row in reversed(rows):
            left -= len(row[2])
            if left < 0:
                break
            kept.appendleft(row)
        return list(kept)


Sample = First | Latest


def new_tallies(sections: Sequence[Section], zone: tzinfo) -> list[Tally]:
    """For the included sections; those that show their latest rows share one allowance of bytes."""
    included = [one for one in sections if one.status == "included"]
    others = sum(one.category != "demographic" for one in included) or 1
    shares = {"demographic": SAMPLE_BYTES}
    return [Tally(one, shares.get(one.category, SAMPLE_BYTES // others), zone) for one in included]
