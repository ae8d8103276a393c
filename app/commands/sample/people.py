"""Who visits: invented people from many countries, and the devices and browsers that they use."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from random import Random
from uuid import UUID

from .values import DAY

# Nothing in the sample is later than this.
TODAY = datetime(2026, 11, 20, 12, 0, 0)  # noqa: DTZ001 - each visitor's own offset is put on

# Each as it is written, and as it stands in an email.
FIRST_NAMES = (
    "Amélie/amelie Łukasz/lukasz Zoë/zoe Søren/soren Şebnem/sebnem Nguyệt/nguyet Chidi/chidi Aroha/aroha Yuki/yuki "
    "Björn/bjorn Inés/ines Ravi/ravi Fatoumata/fatoumata Oksana/oksana Tomáš/tomas Leilani/leilani Mehmet/mehmet "
    "Siân/sian João/joao Eszter/eszter 明美/akemi דניאל/daniel محمد/mohammed Αλέξανδρος/alexandros Дарья/darya"
)
LAST_NAMES = (
    "Okafor/okafor Lindqvist/lindqvist Müller-Yılmaz/mueller-yilmaz García/garcia Nakamura/nakamura O'Brien/obrien "
    "Petrović/petrovic Fernandes/fernandes Kowalczyk/kowalczyk Haddad/haddad Tamihana/tamihana Bergström/bergstrom "
    "Szabó/szabo Ivanova/ivanova d'Angelo/dangelo Nguyễn/nguyen Ramanathan/ramanathan Diallo/diallo 李/li كريم/karim"
)
COMPANIES = ("Nordlicht Reisen", "Café Sol & Sombra", "Kereru Ltd", "Studio 三日月", "Ziegler & Töchter", "Baobab SARL")
JOBS = ("Teacher", "Nurse", "Carpenter", "Software developer", "Student", "Mountain guide", "Accountant", "Baker")


@dataclass(frozen=True, slots=True)
class Home:
    """Where somebody lives; one offset all year, so that a visitor's times sort as texts too."""

    country: str
    city: str
    language: str
    offset: int


HOMES = (
    Home("DE", "Berlin", "de", 60), Home("ES", "Cádiz", "es", 60), Home("PL", "Łódź", "pl", 60),
    Home("NZ", "Whangārei", "en", 720), Home("IN", "Chennai", "en", 330), Home("JP", "札幌", "ja", 540),
    Home("BR", "São Luís", "pt", -180), Home("CA", "Trois-Rivières", "fr", -300), Home("IL", "חיפה", "he", 120),
    Home("EG", "الإسكندرية", "ar", 120), Home("NG", "Ibadan", "en", 60), Home("IE", "Gaillimh", "en", 0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Combination:
    """A device and browser on which one visitor acted, between two moments; `people` where that is known."""

    device: str | None
    browser: str | None
    os: str | None
    interactions: int
    first: datetime
    last: datetime
    people: int | None = None


@dataclass(frozen=True, slots=True)
class Visitor:
    """One record of a data source; `key` is what that source calls it."""

    key: int | str
    tracking_id: str
    email: str | None
    email_origin: str | None
    first_name: str | None
    last_name: str | None
    home: Home
    combinations: tuple[Combination, ...]


DEVICES = (
    ("iPhone", "Safari", "iOS"), ("iPhone", "Chrome", "iOS"), ("iPad", "Safari", "iPadOS"),
    ("MacBook", "Chrome", "macOS"), ("MacBook", "Safari", "macOS"), ("Windows computer", "Chrome", "Windows"),
    ("Windows computer", "Edge", "Windows"), ("Windows computer", "Firefox", "Windows"),
    ("Galaxy S24", "Samsung Internet", "Android"), ("Pixel 8", "Chrome", "Android"),
    ("Linux computer", "Firefox", "Linux"), ("Other phone", "Opera Mini", None),
)  # fmt: skip


def at_home(home: Home, days_ago: float) -> datetime:
    """A moment in somebody's own time, so many days before the end of the sample."""
    return (TODAY - days_ago * DAY).replace(tzinfo=timezone(timedelta(minutes=home.offset)))


def ordinary(count: int, first_key: int) -> Iterator[Visitor]:
    """Visitors about whom nothing is special; a quarter of them never told an email."""
    rng = Random("ordinary visitors")
    taken: set[str] = set()
    first_names, last_names = FIRST_NAMES.split(), LAST_NAMES.split()
    for key in range(first_key, first_key + count):
        first, first_plain = rng.choice(first_names).split("/")
        last, last_plain = rng.choice(last_names).split("/")
        home = rng.choice(HOMES)
        email = _email(f"{first_plain}.{last_plain}", taken, rng) if rng.random() < 0.75 else None
        yield Visitor(
            key=key,
            tracking_id=_tracking_id(rng),
            email=email,
            email_origin=None if email is None else rng.choice(("account", "account", "form")),
            first_name=first if email else None,
            last_name=last if email else None,
            home=home,
            combinations=tuple(_combinations(home, rng)),
        )


def _email(local: str, taken: set[str], rng: Random) -> str:
    domain = rng.choice(("example.com", "example.org", "example.net"))
    email, number = f"{local}@{domain}", 2
    while email in taken:
        email, number = f"{local}{number}@{domain}", number + 1
    taken.add(email)
    # Some wrote theirs with capitals, and are found in small letters all the same.
    return email.title() if rng.random() < 0.15 else email


def _tracking_id(rng: Random) -> str:
    """A UUID or, for one in five, milliseconds and a UUID: both forms are met in one site."""
    plain = str(UUID(int=rng.getrandbits(128), version=4))
    return plain if rng.random() < 0.8 else f"{1_600_000_000_000 + rng.randrange(10**11)}-{plain}"


def _combinations(home: Home, rng: Random) -> Iterator[Combination]:
    for device, browser, os in rng.sample(DEVICES, rng.choice((1, 1, 1, 2, 2, 3))):
        last = 1 + rng.random() * 300
        first = last + rng.random() * 400
        yield Combination(
            device, browser, os, rng.randrange(3, 40), at_home(home, first), at_home(home, last),
            rng.choice((None, 1, 1)),
        )  # fmt: skip
