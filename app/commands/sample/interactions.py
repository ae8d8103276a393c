"""The interactions on the website: who did what with which page, written fast because one visitor has very many."""

from collections.abc import Iterator
from itertools import chain, repeat
from random import Random
from uuid import UUID, uuid5

from . import awkward
from .notable import AWKWARD
from .people import Combination, Visitor
from .source import Source
from .tables import Row, Table, lookup
from .values import json_text, times

SITE = "https://acme.example"
PAGES_OF_SITE = UUID("6f1d3f0e-52c4-4c39-9a55-0d8a8f0b6c11")
CAMPAIGNS = {
    "spring-26": "Spring sale 2026",
    "tent-days": "Tent days in the stores",
    "mail-weekly": "Our weekly letter",
    "friends": "Recommended by a friend",
}
SUBJECTS = ("Tents", "Boots", "Rain jackets", "Sleeping bags", "Stoves", "Maps", "Ropes", "Headlamps", "Backpacks")
KINDS = ("at a glance", "compared", "for beginners", "for families", "in winter", "on sale", "repaired & cared for")
SEARCHES = ("waterproof boots 42", "2 person tent", "gas stove", "größe schlafsack", "dry bag 20l")
# Addresses that are reserved for documentation: they belong to nobody.
NETWORKS = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8::")

# What the columns from `predicate` to `object_metadata` hold, referrer, previous page and language left out.
Action = tuple[str, str, str, str, str, str | None, str]


def interactions(source: Source) -> tuple[Table, ...]:
    actions = _actions()

    def rows(visitor: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
        if visitor.key == AWKWARD and combination.interactions == 0:
            return awkward.interactions(combination)
        return _stream(actions, visitor, combination, rng)

    table = source.bound(
        "interactions",
        "interaction_id, occurred_at time, predicate text, object text, title text, url text, referrer text,"
        " page_id text, previous_page_id text, language text, campaign text, ip_address text,"
        " subject_metadata json, object_metadata json",
        rows,
    )
    return (table, lookup("campaigns", "campaign", CAMPAIGNS))


def _stream(actions: list[Action], visitor: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
    """Column by column, put together by `zip`: 200,000 rows have a second, and no time for a loop's body."""
    total = combination.interactions
    if not total:
        return iter(())
    predicates, objects, titles, urls, pages, campaigns, metadata = zip(*rng.choices(actions, k=total), strict=True)
    addresses = [rng.choice(NETWORKS) + str(rng.randrange(1, 255)) for _ in range(4)]
    versions = _versions(combination, visitor.home.language)
    return zip(
        times(combination.first, combination.last, total, rng),
        predicates,
        objects,
        titles,
        urls,
        chain(("https://search.example/",), urls),
        pages,
        chain((None,), pages),
        repeat(visitor.home.language),
        campaigns,
        rng.choices(addresses, k=total),
        (versions[number * len(versions) // total] for number in range(total)),
        metadata,
        strict=False,
    )


def _versions(combination: Combination, language: str) -> list[str]:
    """The visitor's side of an interaction: browsers get newer in the course of the years."""
    return [
        json_text(
            {
                "Browser": combination.browser,
                "BrowserVersion": f"{major}.0",
                "BrowserLanguage": language,
                "Device": combination.device,
            }
        )
        for major in range(14, 27)
    ]


def _actions() -> list[Action]:
    """Some hundreds of things that people do there, most of them plain visits."""
    rng = Random("actions on the website")
    pages = [f"{subject} {kind}" for subject in SUBJECTS for kind in KINDS]
    plain = [_action(rng, "visit", title) for title in pages for _ in range(5)]
    rare = [
        _action(rng, predicate, rng.choice(pages))
        for predicate in ("search", "download-file", "play-video", "submit-form", "login", "campaign")
        for _ in range(12)
    ]
    return plain + rare


def _action(rng: Random, predicate: str, title: str) -> Action:
    slug = title.lower().replace(" & ", "-").replace(" ", "-")
    campaign = rng.choice(list(CAMPAIGNS)) if predicate == "campaign" else None
    what = {
        "search": rng.choice(SEARCHES),
        "download-file": f"/files/{slug}.pdf",
        "play-video": f"/videos/{slug}.mp4",
        "submit-form": "newsletter",
        "login": "account",
        "campaign": f"utm_source=mail&utm_campaign={campaign}",
    }.get(predicate, f"/{slug}")
    page = f"pg-{uuid5(PAGES_OF_SITE, slug).hex[:8]}"
    return predicate, what, title, f"{SITE}/{slug}", page, campaign, json_text(_about(rng, slug))


def _about(rng: Random, slug: str) -> dict[str, object]:
    """The page's side of an interaction, in the words of the domain."""
    about: dict[str, object] = {
        "CanonicalURL": f"/{slug}",
        "ContentType": rng.choice(("Page", "Product list", "Article")),
        "SiteName": "Acme Outdoor",
        "Personalization": [],
    }
    if rng.random() < 0.2:
        about["Personalization"] = [{"Id": f"pz-{rng.randrange(9)}", "Segment": "Returning visitors"}]
    if rng.random() < 0.1:
        about["ABTest"] = {"Id": f"ab-{rng.randrange(9)}", "VariantId": rng.choice("AB")}
    return about
