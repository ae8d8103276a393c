"""The visitors whom the sample exists for: those in whom an export can go wrong."""

from dataclasses import replace

from .people import HOMES, Combination, Home, Visitor, at_home

MARIA, STRANGER, FAMILY, COOKIE_ONLY, AWKWARD, SHORT_ID = range(1001, 1007)
FIRST_ORDINARY = 2001
MARIA_SHOP = "AO-100001"
MARIA_EMAIL = "maria.keller@example.com"

BERLIN = HOMES[0]
GALWAY = HOMES[-1]


def notable(heavy: int) -> tuple[Visitor, ...]:
    """The six of the website; Maria's telephone holds `heavy` interactions."""
    return (_maria(heavy), _stranger(), _family(), _cookie_only(), _awkward(), _short_id())


def maria_of_the_shop() -> Visitor:
    """The same person in the other source, under that source's own key, on the same telephone and on a PC."""
    combinations = (
        _used(BERLIN, ("iPhone", "Safari", "iOS"), 64, (1400, 3), 1),
        _used(BERLIN, ("Windows computer", "Edge", "Windows"), 9, (500, 420), 1),
    )
    return replace(_maria(0), key=MARIA_SHOP, combinations=combinations)


def _used(
    home: Home,
    what: tuple[str | None, str | None, str | None],
    interactions: int,
    days_ago: tuple[float, float],
    people: int | None = None,
) -> Combination:
    first, last = (at_home(home, days) for days in days_ago)
    return Combination(*what, interactions=interactions, first=first, last=last, people=people)


def _maria(heavy: int) -> Visitor:
    return Visitor(
        key=MARIA,
        tracking_id="5b0f2c1e-94d3-4c57-a8e6-7d1f3e9b2a60",
        email=MARIA_EMAIL,
        email_origin="account",
        first_name="Maria",
        last_name="Keller",
        home=BERLIN,
        combinations=(
            _used(BERLIN, ("iPhone", "Safari", "iOS"), heavy, (2040, 0.5), 1),
            _used(BERLIN, ("MacBook", "Chrome", "macOS"), 41, (700, 20), 1),
        ),
    )


def _stranger() -> Visitor:
    """Somebody else, who typed Maria's address into a form: found by her email, and not hers."""
    return Visitor(
        key=STRANGER,
        tracking_id="1695123456789-c2d7f0aa-1f0e-4e53-8c7a-90b1e2d3f4a5",
        email=MARIA_EMAIL,
        email_origin="form",
        first_name="Stefan",
        last_name="Brandt",
        home=Home("AT", "Villach", "de", 60),
        combinations=(_used(BERLIN, ("Windows computer", "Firefox", "Windows"), 23, (90, 60)),),
    )


def _family() -> Visitor:
    """Two people in front of one tablet, and one of them alone in front of the computer."""
    return Visitor(
        key=FAMILY,
        tracking_id="e7a1c9d4-2b60-4f8e-9d35-61c0a4f7b812",
        email="family@example.com",
        email_origin="account",
        first_name="Niamh",
        last_name="Ó Súilleabháin",
        home=GALWAY,
        combinations=(
            _used(GALWAY, ("iPad", "Safari", "iPadOS"), 77, (800, 4), 2),
            _used(GALWAY, ("MacBook", "Safari", "macOS"), 18, (300, 12), 1),
        ),
    )


def _cookie_only() -> Visitor:
    """Known by a cookie alone; unknown (NULL) and empty stand side by side and are two values."""
    return Visitor(
        key=COOKIE_ONLY,
        tracking_id="0f4a7c52-8d7e-4b0a-9c1e-2f6b7a3d9e10",
        email=None,
        email_origin=None,
        first_name=None,
        last_name=None,
        home=HOMES[7],
        combinations=(
            _used(HOMES[7], (None, "Firefox", None), 12, (200, 150)),
            _used(HOMES[7], ("Pixel 8", "", "Android"), 9, (140, 100)),
            _used(HOMES[7], ("Pixel 8", None, "Android"), 5, (90, 40)),
        ),
    )


def _awkward() -> Visitor:
    """Whose every value is meant to break something; the rows are in `awkward.py`."""
    odd = ("O'Neill's \"Tablet\" 📱", "Brow\\ser %s :device; --", "ОС")
    return Visitor(
        key=AWKWARD,
        tracking_id="1700000000000-3b1f7c1e-5a52-4f0e-8f2b-1d9f6f0c7a11",
        email="awkward@example.com",
        email_origin="account",
        first_name="Zoë 👩🏽‍🚀",
        last_name='O\'Brien "\\"</script>',
        home=GALWAY,
        combinations=(
            _used(GALWAY, ("Linux computer", "Firefox", "Linux"), 0, (1000, 600), 1),
            _used(GALWAY, odd, 7, (500, 400), 1),
        ),
    )


def _short_id() -> Visitor:
    """A Tracking ID can be any string, a number among them."""
    home = HOMES[5]
    phone = _used(home, ("Galaxy S24", "Samsung Internet", "Android"), 15, (60, 2))
    return Visitor(
        key=SHORT_ID,
        tracking_id="183",
        email="haruto.183@example.net",
        email_origin="form",
        first_name="陽翔",
        last_name="山田",
        home=home,
        combinations=(phone, _used(home, ("iPad", "Safari", "iPadOS"), 8, (50, 1))),
    )
