"""When the person was active: entries by month on an axis without gaps, or by years where it would grow too long."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Month = tuple[int, int]
_MOST_BARS = 240


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of the axis: so many years from `year` on, or that year's `month`; `share` is of the highest bar."""

    year: int
    years: int
    month: int | None
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """All bars from the first entry to the last; those without entries are there too."""

    bars: Sequence[Bar]

    @property
    def monthly(self) -> bool:
        return self.bars[0].month is not None

    def rows(self) -> Mapping[int, Sequence[int]]:
        """A monthly one as a table: year by year, twelve counts."""
        rows: dict[int, list[int]] = {}
        for bar in self.bars:
            rows.setdefault(bar.year, [0] * 12)[(bar.month or 1) - 1] = bar.count
        return rows


def draw_timeline(months: Counter[Month]) -> Timeline | None:
    """None where nothing is dated."""
    if not months:
        return None
    (first, _), (last, _) = min(months), max(months)
    years = next(years for years in (0, 1, 10, 100) if _bars(first, last, years) <= _MOST_BARS)
    return Timeline(_monthly(months) if years == 0 else _yearly(months, years))


def _bars(first: int, last: int, years: int) -> int:
    return (last - first + 1) * 12 if years == 0 else (last - first) // years + 1


def _monthly(months: Counter[Month]) -> list[Bar]:
    (year, month), end, most = min(months), max(months), max(months.values())
    bars = []
    while (year, month) <= end:
        count = months[year, month]
        bars.append(Bar(year, 1, month, count, count / most))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004  months of a year
    return bars


def _yearly(months: Counter[Month], years: int) -> list[Bar]:
    counts: Counter[int] = Counter()
    for (year, _), count in months.items():
        counts[year // years * years] += count
    most = max(counts.values())
    return [
        Bar(year, years, None, counts[year], counts[year] / most) for year in range(min(counts), max(counts) + 1, years)
    ]
