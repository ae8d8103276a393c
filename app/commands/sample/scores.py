"""What a source concludes about a person: persona scores and lead scores, with thresholds and levels."""

from collections.abc import Iterator
from random import Random

from .people import Visitor
from .source import Source
from .tables import Row, Table, lookup
from .values import DAY, json_text, time_text

PERSONAS = {
    "ps-weekend": "Weekend hiker",
    "ps-summit": "Ambitious climber",
    "ps-camper": "Family camper",
    "ps-city": "City commuter in rain gear",
}
LEVELS = {0: "Just looking", 1: "Interested", 2: "Ready to buy"}
REASONS = ("Visited product pages often", "Opened the size guide", "Came back within a week", "Read a buyer's guide")
THRESHOLD = 60.0


def scores(source: Source) -> tuple[Table, ...]:
    return (
        source.personal(
            "persona_scores",
            "persona_score_id, persona text, score real, threshold real, passed_at time, calculated_at time",
            _personas,
        ),
        lookup("personas", "persona", PERSONAS),
        source.personal(
            "lead_scores",
            "lead_score_id, model text, score integer, threshold integer, level integer, calculated_at time,"
            " reasons json",
            _leads,
        ),
        lookup("lead_levels", "level", LEVELS),
    )


def _personas(visitor: Visitor, rng: Random) -> Iterator[Row]:
    """Nobody is judged by a few clicks: who came seldom has no persona score at all."""
    came = visitor.combinations[0]
    if came.interactions < 10:
        return
    for persona in PERSONAS:
        score = round(rng.random() * 100, 2)
        passed = time_text(came.first + rng.random() * (came.last - came.first)) if score >= THRESHOLD else None
        yield (persona, score, THRESHOLD, passed, time_text(came.last))


def _leads(visitor: Visitor, rng: Random) -> Iterator[Row]:
    """The score as it stands now, and for some the one of the month before."""
    came = visitor.combinations[0]
    for days in rng.choice(((0,), (30, 0))):
        score = rng.randrange(101)
        level = 0 if score < 40 else 1 if score < THRESHOLD else 2
        reasons = json_text(rng.sample(REASONS, rng.randrange(len(REASONS))))
        yield ("likely-to-buy", score, int(THRESHOLD), level, time_text(came.last - days * DAY), reasons)
