"""The report's timeline: an axis without gaps, by months or, where those would be too many, by years."""

from collections import Counter

from app.archive.timeline import draw_timeline


def test_months_without_entries_are_on_the_axis() -> None:
    drawn = draw_timeline(Counter({(2025, 11): 4, (2026, 2): 2}))
    assert drawn is not None
    assert drawn.monthly
    assert [(one.year, one.month, one.count, one.share) for one in drawn.bars] == [
        (2025, 11, 4, 1.0), (2025, 12, 0, 0.0), (2026, 1, 0, 0.0), (2026, 2, 2, 0.5),
    ]  # fmt: skip
    assert drawn.rows() == {2025: [0] * 10 + [4, 0], 2026: [0, 2] + [0] * 10}


def test_nothing_dated_draws_nothing() -> None:
    assert draw_timeline(Counter()) is None


def test_twenty_years_are_drawn_by_months_and_more_by_years() -> None:
    twenty = draw_timeline(Counter({(2007, 1): 1, (2026, 12): 1}))
    more = draw_timeline(Counter({(1970, 1): 1, (1970, 12): 2, (2026, 12): 1}))
    assert twenty is not None
    assert more is not None
    assert (len(twenty.bars), twenty.monthly) == (240, True)
    assert (len(more.bars), more.monthly) == (57, False)
    assert [(one.year, one.count) for one in more.bars if one.count] == [(1970, 3), (2026, 1)]


def test_one_wrong_date_does_not_make_the_axis_endless() -> None:
    drawn = draw_timeline(Counter({(1, 1): 1, (2026, 11): 8, (9999, 12): 1}))
    assert drawn is not None
    assert len(drawn.bars) == 100
    assert [(one.year, one.years, one.count) for one in drawn.bars if one.count] == [
        (0, 100, 1), (2000, 100, 8), (9900, 100, 1),
    ]  # fmt: skip
