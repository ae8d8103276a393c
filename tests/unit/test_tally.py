"""What the report may show of a section is bounded, whatever its rows are like."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.archive.tally import First, Latest, new_tallies
from app.sources.port import Batch, Section

START = datetime(2026, 1, 1, tzinfo=UTC)


def rows(*numbers: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in numbers]


def batch(rows: list[bytes], moments: list[datetime] | None) -> Batch:
    return Batch(rows, moments, sum(map(len, rows)))


def section(category: str, status: str = "included") -> Section:
    return Section("x", "X", category, "given", "p", "r", None, "combination", None, status=status)  # type: ignore[arg-type]


def test_the_latest_are_those_of_the_newest_moments_in_whatever_order_they_come() -> None:
    sample = Latest(1 << 20)
    numbers = [(number * 7919) % 1000 for number in range(1000)]
    for begin in range(0, 1000, 100):
        part = numbers[begin : begin + 100]
        sample.add(batch(rows(*part), [START + timedelta(hours=number) for number in part]))
    assert list(sample.rows()) == rows(*range(999, 799, -1))
    assert not sample.complete


def test_without_moments_the_latest_are_the_last() -> None:
    sample = Latest(1 << 20)
    sample.add(batch(rows(*range(300)), None))
    assert list(sample.rows()) == rows(*range(299, 99, -1))


def test_rows_that_are_too_large_are_not_kept() -> None:
    sample = Latest(100)
    sample.add(batch([b"x" * 60, b"y" * 60, b"z" * 101], None))
    assert list(sample.rows()) == []
    sample.add(batch([b"a" * 60], None))
    assert list(sample.rows()) == [b"a" * 60]
    assert not sample.complete


def test_the_first_are_kept_until_they_are_too_many_bytes() -> None:
    sample = First(100)
    sample.add(batch([b"x" * 60, b"y" * 60, b"z"], None))
    assert (list(sample.rows()), sample.complete) == ([b"x" * 60], False)


def test_sections_that_are_not_in_the_archive_are_not_counted() -> None:
    sections = [
        section("demographic"),
        section("interaction"),
        section("derived", "absent"),
        section("derived", "withheld"),
    ]
    assert [one.section.category for one in new_tallies(sections, UTC)] == ["demographic", "interaction"]


def test_months_begin_where_the_sources_zone_says() -> None:
    (tally,) = new_tallies([section("interaction")], ZoneInfo("Europe/Berlin"))
    tally.add(batch(rows(1, 2), [START - timedelta(minutes=30), START - timedelta(hours=2)]), b"")
    tally.add(batch(rows(3), [START]), b"")
    assert tally.months == {(2025, 12): 1, (2026, 1): 2}


def test_a_moment_at_the_calendars_end_is_counted_whatever_the_zone() -> None:
    (tally,) = new_tallies([section("interaction")], ZoneInfo("Asia/Tokyo"))
    tally.add(batch(rows(1, 2), [datetime.max.replace(tzinfo=UTC), START]), b"")
    assert tally.months == {(9999, 12): 1, (2026, 1): 1}
