"""The tables of the website: visitors, what they told, what was seen and what was concluded."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from . import awkward
from .behaviour import behaviour
from .interactions import interactions
from .notable import AWKWARD, FIRST_ORDINARY, MARIA, MARIA_SHOP, STRANGER, notable
from .people import COMPANIES, HOMES, JOBS, Combination, Visitor, ordinary
from .scores import scores
from .source import Source
from .tables import Row, Table, columns, lookup
from .values import DAY, json_text, time_text, times

ORDINARY = 220
PROPERTIES = {
    "first_name": "First name", "last_name": "Last name", "email": "Email", "country": "Country", "city": "City",
    "language": "Language", "company": "Company", "job_title": "Job title", "phone": "Telephone",
}  # fmt: skip
KINDS_OF_DEVICE = {
    "iPhone": ("phone", "Apple"), "iPad": ("tablet", "Apple"), "MacBook": ("computer", "Apple"),
    "Galaxy S24": ("phone", "Samsung"), "Pixel 8": ("phone", "Google"),
    "Windows computer": ("computer", None), "Linux computer": ("computer", None),
}  # fmt: skip
PURPOSES = ("necessary", "statistics", "marketing", "personalisation")


def website_visitors(heavy: int) -> tuple[Visitor, ...]:
    return (*notable(heavy), *ordinary(ORDINARY, FIRST_ORDINARY))


def website_tables(heavy: int = 200_000) -> tuple[Table, ...]:
    """All tables of the website's database; `heavy` is the number of interactions on Maria's telephone."""
    source = Source("visitor_id integer", website_visitors(heavy))
    return (
        _visitors(source),
        source.personal("property_values", "value_id, property text, value text, valid_from time, learned_from text",
                        _property_values),
        lookup("properties", "property", PROPERTIES),
        source.personal("identity_links", "link_id, data_source text, subject text, linked_at time, reason text",
                        _identity_links),
        source.bound("visitor_browsers", "browser_id, noted_at time, os text, device_type text, manufacturer text,"
                     " browser_version text, people integer", _browsers),
        *interactions(source),
        source.bound("form_submissions", "submission_id, submitted_at time, form text, form_title text, answers json,"
                     " ip_address text", _form_submissions),
        source.bound("cookie_choices", "choice_id, chosen_at time, purposes json, receipt bytes", _cookie_choices),
        *behaviour(source),
        *scores(source),
        source.bound("session_locks", "lock_id, locked_until time", _session_locks),
    )  # fmt: skip


def _visitors(source: Source) -> Table:
    def rows() -> Iterator[Row]:
        for visitor in source.visitors:
            first = min(one.first for one in visitor.combinations)
            contact = time_text(first + DAY) if visitor.email_origin == "account" else None
            yield (
                visitor.key, visitor.tracking_id, visitor.email, visitor.email_origin, time_text(first), contact,
            )  # fmt: skip

    spec = (
        "visitor_id integer primary, tracking_id text, email text, email_origin text, first_seen time,"
        " became_contact_at time"
    )
    return Table("visitors", columns(spec), rows, ("tracking_id", "lower(email)"))


def _property_values(visitor: Visitor, rng: Random) -> Iterator[Row]:
    """What somebody told, the older values too: a newer one does not wipe out what was stored before."""
    if visitor.email is None:
        return
    start = min(one.first for one in visitor.combinations)
    told = [
        ("first_name", visitor.first_name), ("last_name", visitor.last_name), ("email", visitor.email),
        ("country", visitor.home.country), ("city", rng.choice(HOMES).city), ("city", visitor.home.city),
        ("language", visitor.home.language), ("company", rng.choice(COMPANIES)), ("job_title", rng.choice(JOBS)),
        ("job_title", rng.choice(JOBS)), ("phone", f"+00 {rng.randrange(10**8, 10**9)}"),
    ]  # fmt: skip
    if visitor.key == MARIA:
        told.insert(1, ("last_name", "Sommer"))
    for number, (name, value) in enumerate(told):
        time = time_text(start + timedelta(hours=7 * number, microseconds=rng.randrange(10**6)))
        yield (name, value, time, rng.choice(("form", "form", "import")))
    if visitor.key == AWKWARD:
        yield from awkward.properties(start + 30 * DAY)


def _identity_links(visitor: Visitor, rng: Random) -> Iterator[Row]:
    """Which record of another system is held to be the same person."""
    linked_at = time_text(visitor.combinations[0].last)
    if visitor.key == MARIA:
        yield ("shop", MARIA_SHOP, linked_at, "Same email, confirmed by signing in")
    elif visitor.email_origin == "account" and rng.random() < 0.3:
        yield ("crm", f"crm-{rng.randrange(10**6):06}", linked_at, "Same email")


def _browsers(_visitor: Visitor, combination: Combination, _rng: Random) -> Iterator[Row]:
    kind, maker = KINDS_OF_DEVICE.get(combination.device or "", (None, None))
    version = "26.0" if combination.browser else None
    yield (time_text(combination.last), combination.os, kind, maker, version, combination.people)


def _form_submissions(visitor: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
    if visitor.key == AWKWARD:
        yield from awkward.answers(combination)
    elif visitor.key == STRANGER:
        # The mistake, or mischief, for which device and browser have to be chosen before an export.
        answers = {"name": "Stefan Brandt", "email": visitor.email, "message": "Please send the tent to Villach."}
        yield (time_text(combination.first + DAY), "contest", "Win a tent", json_text(answers), "203.0.113.99")
    elif visitor.email:
        for time in times(combination.first, combination.last, rng.randrange(1, 4), rng):
            topics = {"name": visitor.first_name, "email": visitor.email, "topics": rng.sample(PURPOSES, 2)}
            yield (time, "newsletter", "Our weekly letter", json_text(topics), "198.51.100.23")


def _cookie_choices(visitor: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
    if visitor.key == AWKWARD:
        yield from awkward.receipts(combination)
        return
    for time in times(combination.first, combination.last, rng.randrange(1, 3), rng):
        choice = {purpose: purpose == "necessary" or rng.random() < 0.5 for purpose in PURPOSES}
        yield (time, json_text(choice), rng.randbytes(16))


def _session_locks(_visitor: Visitor, combination: Combination, _rng: Random) -> Iterator[Row]:
    yield (time_text(combination.last + timedelta(minutes=30)),)
