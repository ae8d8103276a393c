"""The tables of the shop: customers, where they live, what they looked at, kept and ordered."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from .behaviour import behaviour
from .notable import FIRST_ORDINARY, maria_of_the_shop
from .people import Combination, Visitor, ordinary
from .scores import scores
from .source import Source
from .tables import Row, Table, columns, lookup
from .values import DAY, json_text, time_text, times

CUSTOMERS = 120
# (article number, name, price in cents)
GOODS = (
    ("TNT-2P-GR", "Two-person tent “Kea”", 24_900), ("TNT-4P-BL", "Family tent “Fjord”", 52_900),
    ("BOT-M-42", "Boots “Scree”, 42", 17_950), ("BOT-W-39", "Boots “Scree”, 39", 17_950),
    ("JKT-R-M", "Rain jacket “Galway”", 12_990), ("SLP-0C", "Sleeping bag, 0 °C", 15_900),
    ("STV-GAS", "Gas stove", 4_990), ("HDL-300", "Headlamp, 300 lm", 3_495), ("MAP-ALP", "Map “High Alps”", 1_290),
)  # fmt: skip
GROUPS = {"R": "Regular customer", "C": "Member of the climbing club", "B": "Business customer"}
TOPICS = {"nl-weekly": "Weekly letter", "nl-sale": "Sales and offers", "nl-safety": "Product recalls"}
ORDER_STATES = {10: "Placed", 20: "Paid", 30: "Sent", 40: "Delivered", 90: "Returned"}
PAYMENTS = {"cc": "Credit card", "inv": "Invoice", "dd": "Direct debit"}
CART_STATES = {"open": "Still open", "ordered": "Became an order", "left": "Left behind"}


def shop_customers() -> tuple[Visitor, ...]:
    """Maria, and people of the website who have told an email, under the shop's own keys."""
    known = [visitor for visitor in ordinary(2 * CUSTOMERS, FIRST_ORDINARY) if visitor.email]
    renamed = (replace(visitor, key=f"AO-{number}") for number, visitor in enumerate(known[:CUSTOMERS], start=100_002))
    return (maria_of_the_shop(), *renamed)


def shop_tables() -> tuple[Table, ...]:
    """All tables of the shop's database."""
    source = Source("customer_no text", shop_customers())
    return (
        _customers(source),
        lookup("customer_groups", "customer_group", GROUPS),
        source.personal("customer_addresses", "address_id, kind text, street text, postal_code text, city text,"
                        " country text, valid_from time, valid_until time", _addresses),
        source.personal("newsletter_consents", "consent_id, topic text, decision text, decided_at time, proof json",
                        _consents),
        lookup("newsletter_topics", "topic", TOPICS),
        source.bound("customer_browsers", "browser_id, first_seen time, last_seen time, os text, people integer",
                     _browsers),
        source.bound("product_views", "view_id, viewed_at time, sku text, product text, url text, seconds real,"
                     " ip_address text", _views),
        source.bound("carts", "cart_id, updated_at time, state text, items json", _carts),
        source.bound("wishlist_items", "wish_id, added_at time, sku text, product text, note text", _wishes),
        source.bound("orders", "order_id, placed_at time, order_no text, status integer, payment text, currency text,"
                     " total_cents integer, items json, delivery json", _orders),
        lookup("order_states", "status", ORDER_STATES),
        lookup("payment_kinds", "payment", PAYMENTS),
        lookup("cart_states", "state", CART_STATES),
        *behaviour(source),
        *scores(source),
        source.personal("checkout_locks", "lock_id, locked_until time", _checkout_locks),
    )  # fmt: skip


def _customers(source: Source) -> Table:
    def rows() -> Iterator[Row]:
        for customer in source.visitors:
            rng = Random(f"customer {customer.key}")
            since = time_text(min(one.first for one in customer.combinations))
            born = f"{rng.randrange(1948, 2007)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
            yield (
                customer.key, customer.first_name, customer.last_name, customer.email,
                f"+00 {rng.randrange(10**8, 10**9)}", born, rng.choice(list(GROUPS)), since,
            )  # fmt: skip

    spec = (
        "customer_no text primary, first_name text, last_name text, email text, phone text, birth_date text,"
        " customer_group text, registered_at time"
    )
    return Table("customers", columns(spec), rows, ("lower(email)",))


def _addresses(customer: Visitor, rng: Random) -> Iterator[Row]:
    """Where the invoice goes, and where parcels went before and go now."""
    moved_in = min(one.first for one in customer.combinations)
    moved_out = moved_in + rng.randrange(30, 200) * DAY
    city, country = customer.home.city, customer.home.country
    # Postal codes are texts: some begin with a zero.
    for kind, start, end in (
        ("billing", moved_in, None),
        ("delivery", moved_in, moved_out),
        ("delivery", moved_out, None),
    ):
        street = f"{rng.choice(('Lindenweg', 'Rua da Praia', 'Harbour Road', 'Calle Nueva'))} {rng.randrange(1, 99)}"
        until = None if end is None else time_text(end)
        yield (kind, street, f"{rng.randrange(99_999):05}", city, country, time_text(start), until)


def _consents(customer: Visitor, rng: Random) -> Iterator[Row]:
    start = min(one.first for one in customer.combinations)
    for topic in rng.sample(list(TOPICS), rng.randrange(len(TOPICS))):
        proof = json_text({"form": "checkout", "wording": "v3", "confirmed_by_mail": rng.random() < 0.8})
        yield (topic, "given", time_text(start + timedelta(minutes=7)), proof)
        if rng.random() < 0.3:
            yield (topic, "withdrawn", time_text(start + rng.randrange(10, 90) * DAY), None)


def _browsers(_customer: Visitor, combination: Combination, _rng: Random) -> Iterator[Row]:
    yield (time_text(combination.first), time_text(combination.last), combination.os, combination.people)


def _views(_customer: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
    for time in times(combination.first, combination.last, combination.interactions, rng):
        sku, name, _price = rng.choice(GOODS)
        url = f"https://shop.acme-outdoor.example/p/{sku.lower()}"
        yield (time, sku, name, url, rng.randrange(10, 9000) / 10, f"192.0.2.{rng.randrange(1, 255)}")


def _items(rng: Random) -> tuple[str, int]:
    """A list of articles as the shop's program wrote it, with prices that keep their zeros, and their sum."""
    chosen = [(rng.randrange(1, 4), *rng.choice(GOODS)) for _ in range(rng.randrange(1, 5))]
    items = ",".join(
        f'{{"sku":"{sku}","name":{json_text(name)},"quantity":{quantity},"price":{cents // 100}.{cents % 100:02}}}'
        for quantity, sku, name, cents in chosen
    )
    return f"[{items}]", sum(quantity * cents for quantity, _sku, _name, cents in chosen)


def _carts(_customer: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
    for time in times(combination.first, combination.last, rng.randrange(1 + combination.interactions // 8), rng):
        items, _total = _items(rng) if rng.random() < 0.8 else ("[]", 0)
        yield (time, rng.choice(list(CART_STATES)), items)


def _wishes(_customer: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
    for time in times(combination.first, combination.last, rng.randrange(4), rng):
        sku, name, _price = rng.choice(GOODS)
        yield (time, sku, name, rng.choice((None, "", "for Dad 🎁", "when it's cheaper")))


def _orders(customer: Visitor, combination: Combination, rng: Random) -> Iterator[Row]:
    count = combination.interactions // 15 + rng.randrange(2)
    for number, time in enumerate(times(combination.first, combination.last, count, rng)):
        items, total = _items(rng)
        delivery = {"carrier": rng.choice(("Boreal Post", "Tortoise Express")), "city": customer.home.city}
        yield (
            time, f"{customer.key}-{rng.randrange(1000):03}{number}", rng.choice(list(ORDER_STATES)),
            rng.choice(list(PAYMENTS)), "EUR", total, items, json_text({**delivery, "notes": {}}),
        )  # fmt: skip


def _checkout_locks(customer: Visitor, _rng: Random) -> Iterator[Row]:
    yield (time_text(max(one.last for one in customer.combinations)),)
