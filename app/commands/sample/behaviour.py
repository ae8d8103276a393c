"""What a source works out from visits: sessions, touchpoints, conversions; each on one device and browser."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from . import awkward
from .notable import AWKWARD
from .people import Combination, Visitor
from .source import Source
from .tables import Row, Table, lookup
from .values import json_text, moments, time_text, times

TOUCHPOINTS = {
    "tp-blog": "Read an article of the magazine",
    "tp-size-guide": "Opened the size guide",
    "tp-store-finder": "Looked for a store nearby",
    "tp-video": "Watched a product video to the end",
    "tp-ad-summer": "Came through the summer advertisement",
    "tp-mail-cart": "Opened the reminder about a forgotten cart",
}
CONVERSIONS = {
    "cv-newsletter": "Subscribed to the newsletter",
    "cv-account": "Opened an account",
    "cv-order": "Placed an order",
    "cv-catalogue": "Asked for the printed catalogue",
}
PATHS = ("/", "/tents", "/boots", "/magazine", "/sale", "/stores", "/account", "/magazine/first-night-out")


def behaviour(source: Source) -> tuple[Table, ...]:
    return (
        source.bound(
            "sessions",
            "session_id, started_at time, ended_at time, pages integer, active_seconds real, entry_page text,"
            " exit_page text",
            _sessions,
        ),
        source.bound(
            "touchpoints", "touchpoint_id, reached_at time, touchpoint text, times integer", _touchpoints,
        ),
        lookup("touchpoint_names", "touchpoint", TOUCHPOINTS),
        source.bound(
            "conversions",
            "conversion_id, completed_at time, conversion text, amount real, currency text, points integer,"
            " touchpoints json",
            _conversions,
        ),
        lookup("conversion_names", "conversion", CONVERSIONS),
    )  # fmt: skip


def _sessions(_visitor: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
    count = min(1 + combination.interactions // 8, 1500)
    for start in moments(combination.first, combination.last, count, rng):
        length = timedelta(seconds=rng.randrange(5, 2400), microseconds=rng.randrange(10**6))
        active = round(length.total_seconds() * rng.random(), 3)
        yield (
            time_text(start), time_text(start + length), rng.randrange(1, 30), active, rng.choice(PATHS),
            rng.choice(PATHS),
        )  # fmt: skip


def _touchpoints(visitor: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
    # A code that has no name any more: its label comes out as null, the code stays.
    codes = ["tp-retired", *TOUCHPOINTS] if visitor.key == AWKWARD else list(TOUCHPOINTS)
    count = len(codes) if visitor.key == AWKWARD else rng.randrange(len(codes))
    chosen = rng.sample(codes, count)
    for code, time in zip(chosen, times(combination.first, combination.last, count, rng), strict=True):
        yield (time, code, rng.randrange(1, 12))


def _conversions(visitor: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
    if visitor.key == AWKWARD:
        yield from awkward.conversions(combination)
        return
    for time in times(combination.first, combination.last, rng.randrange(min(1 + combination.interactions, 5)), rng):
        code = rng.choice(list(CONVERSIONS))
        ordered = code == "cv-order"
        yield (
            time,
            code,
            rng.randrange(900, 60_000) / 100 if ordered else None,
            "EUR" if ordered else None,
            rng.randrange(1, 200),
            json_text(rng.sample(list(TOUCHPOINTS), rng.randrange(4))),
        )
