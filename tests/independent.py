"""Reads the sample once more, by other means than the mappings: whole tables, joined and sorted in Python.

Nothing of the product is used here, so that a mistake of the product cannot excuse itself.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

Row = dict[str, Any]
# A whole table, or those of its rows whose column holds a value.
Read = Callable[..., list[Row]]

exact = partial(json.loads, parse_float=Decimal, parse_int=int)

# On SQLite nothing but our own knowledge says which texts are JSON.
JSON_COLUMNS = {
    "interactions": ("subject_metadata", "object_metadata"),
    "form_submissions": ("answers",),
    "conversions": ("touchpoints",),
    "cookie_choices": ("purposes",),
    "lead_scores": ("reasons",),
    "newsletter_consents": ("proof",),
    "carts": ("items",),
    "orders": ("items", "delivery"),
}
PREDICATES = {
    "visit": "Visited a page",
    "search": "Searched",
    "download-file": "Downloaded a file",
    "play-video": "Played a video",
    "submit-form": "Sent a form",
    "login": "Signed in",
    "campaign": "Came through one of our campaigns",
}
EMAIL_ORIGINS = {
    "account": "Confirmed when the account was opened",
    "form": "Typed into a form and never confirmed",
}
LEARNED_FROM = {"form": "You typed it into a form", "import": "Taken over from our former customer file"}
DATA_SOURCES = {"shop": "Our shop", "crm": "Customer care"}
ADDRESSES = {"billing": "For invoices", "delivery": "For parcels"}
DECISIONS = {"given": "You agreed", "withdrawn": "You took it back"}


def expected_sections(
    connection_url: str,
    source: Literal["website", "shop"],
    visitor: object,
    device: str | None,
    browser: str | None,
) -> dict[str, list[dict[str, object]]]:
    """What an export of this visitor and combination has to hold, as `json.loads` gives it back."""
    backend, _, place = connection_url.partition("://")
    build = {"website": _website, "shop": _shop}[source]
    if backend.startswith("sqlite"):
        with closing(sqlite3.connect(f"file:{quote(place.removeprefix('/'))}?mode=ro", uri=True)) as file:
            return build(partial(_from_sqlite, file), visitor, device, browser)
    with psycopg.connect(f"postgresql://{place}", row_factory=dict_row) as server:
        set_json_loads(exact, server)
        return build(partial(_from_postgres, server), visitor, device, browser)


def _from_sqlite(file: sqlite3.Connection, table: str, column: str | None = None, value: object = None) -> list[Row]:
    query = f"SELECT * FROM {table}" + (f" WHERE {column} = ?" if column else "")
    cursor = file.execute(query, (value,) if column else ())
    names = [description[0] for description in cursor.description]
    nested = JSON_COLUMNS.get(table, ())
    return [
        {
            name: exact(held) if name in nested and held is not None else _plain(held)
            for name, held in zip(names, row, strict=True)
        }
        for row in cursor
    ]


def _from_postgres(
    server: psycopg.Connection[Row], table: str, column: str | None = None, value: object = None
) -> list[Row]:
    query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
    if column:
        query = sql.SQL("SELECT * FROM {} WHERE {} = %s").format(sql.Identifier(table), sql.Identifier(column))
    nested = JSON_COLUMNS.get(table, ())
    return [
        {name: held if name in nested else _plain(held) for name, held in row.items()}
        for row in server.execute(query, (value,) if column else ())
    ]


def _plain(value: object) -> object:
    """A value of a database in the form that it has in the document."""
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, float):
        number = Decimal(repr(value))
        return number if number.is_finite() else str(number)
    if isinstance(value, datetime):
        moment, _, fraction = value.astimezone(UTC).replace(tzinfo=None).isoformat().partition(".")
        return moment + ("." + fraction.rstrip("0") if fraction else "") + "+00:00"
    return value


def _pick(rows: Iterable[Row], names: str, **labels: Callable[[Row], object]) -> list[dict[str, object]]:
    """The named columns, and labels worked out for each row."""
    return [
        {name: row[name] for name in names.split()} | {name: label(row) for name, label in labels.items()}
        for row in rows
    ]


def _labels(read: Read, table: str, code: str) -> Callable[[Row], object]:
    words = {row[code]: row["label"] for row in read(table)}
    return lambda row: words.get(row[code])


def _by_time(rows: Iterable[Row], time: str, own_id: str) -> list[Row]:
    return sorted(rows, key=lambda row: (datetime.fromisoformat(row[time]), row[own_id]))


class _Whose:
    """One visitor's rows, all of them or those of one device and browser."""

    def __init__(self, read: Read, key: str, visitor: object, device: str | None, browser: str | None) -> None:
        self.read, self.key, self.visitor = read, key, visitor
        self.device, self.browser = device, browser

    def all(self, table: str, time: str, own_id: str) -> list[Row]:
        return _by_time(self.read(table, self.key, self.visitor), time, own_id)

    def here(self, table: str, time: str, own_id: str) -> list[Row]:
        # In Python None and "" are two values, and each equals itself: just what is asked for.
        return [
            row
            for row in self.all(table, time, own_id)
            if row["device"] == self.device and row["browser"] == self.browser
        ]

    def shared(self, table: str, time: str) -> bool:
        return any((row["people"] or 0) > 1 for row in self.here(table, time, "browser_id"))


def _website(
    read: Read, visitor: object, device: str | None, browser: str | None
) -> dict[str, list[dict[str, object]]]:
    whose = _Whose(read, "visitor_id", visitor, device, browser)
    sections = {
        "browsers": _pick(
            whose.here("visitor_browsers", "noted_at", "browser_id"),
            "browser_id device browser os device_type manufacturer browser_version noted_at",
        ),
        "interactions": _pick(
            whose.here("interactions", "occurred_at", "interaction_id"),
            "interaction_id occurred_at predicate object title url referrer page_id previous_page_id language campaign"
            " ip_address device browser subject_metadata object_metadata",
            predicate_label=lambda row: PREDICATES.get(row["predicate"], row["predicate"]),
            campaign_label=_labels(read, "campaigns", "campaign"),
        ),
        "form_submissions": _pick(
            whose.here("form_submissions", "submitted_at", "submission_id"),
            "submission_id submitted_at form form_title answers ip_address",
        ),
        "cookie_choices": _pick(
            whose.here("cookie_choices", "chosen_at", "choice_id"), "choice_id chosen_at purposes receipt"
        ),
        **_behaviour(whose),
    }
    if not whose.shared("visitor_browsers", "noted_at"):
        sections |= _website_person(whose) | _scores(whose)
    return sections


def _website_person(whose: _Whose) -> dict[str, list[dict[str, object]]]:
    told = whose.all("property_values", "valid_from", "value_id")
    newest = {row["property"]: row["valid_from"] for row in told}  # the last one stays, and they are in order
    return {
        "profile": _pick(
            whose.read("visitors", "visitor_id", whose.visitor),
            "visitor_id tracking_id email email_origin first_seen became_contact_at",
            email_origin_label=lambda row: EMAIL_ORIGINS.get(row["email_origin"]),
        ),
        "demographics": _pick(
            told,
            "value_id property value valid_from learned_from",
            property_label=_labels(whose.read, "properties", "property"),
            state=lambda row: "current" if row["valid_from"] == newest[row["property"]] else "earlier",
            learned_from_label=lambda row: LEARNED_FROM.get(row["learned_from"]),
        ),
        "identity_links": _pick(
            whose.all("identity_links", "linked_at", "link_id"),
            "link_id data_source subject linked_at reason",
            data_source_label=lambda row: DATA_SOURCES.get(row["data_source"]),
        ),
    }


def _shop(read: Read, visitor: object, device: str | None, browser: str | None) -> dict[str, list[dict[str, object]]]:
    whose = _Whose(read, "customer_no", visitor, device, browser)
    sections = {
        "browsers": _pick(
            whose.here("customer_browsers", "first_seen", "browser_id"),
            "browser_id device browser os first_seen last_seen",
        ),
        "product_views": _pick(
            whose.here("product_views", "viewed_at", "view_id"),
            "view_id viewed_at sku product url seconds ip_address",
        ),
        "carts": _pick(
            whose.here("carts", "updated_at", "cart_id"),
            "cart_id updated_at state items",
            state_label=_labels(read, "cart_states", "state"),
        ),
        "wishlist": _pick(whose.here("wishlist_items", "added_at", "wish_id"), "wish_id added_at sku product note"),
        "orders": _pick(
            whose.here("orders", "placed_at", "order_id"),
            "order_id placed_at order_no status payment currency total_cents items delivery",
            status_label=_labels(read, "order_states", "status"),
            payment_label=_labels(read, "payment_kinds", "payment"),
        ),
        **_behaviour(whose),
    }
    if not whose.shared("customer_browsers", "first_seen"):
        sections |= _shop_person(whose) | _scores(whose)
    return sections


def _shop_person(whose: _Whose) -> dict[str, list[dict[str, object]]]:
    return {
        "customer": _pick(
            whose.read("customers", "customer_no", whose.visitor),
            "customer_no first_name last_name email phone birth_date customer_group registered_at",
            customer_group_label=_labels(whose.read, "customer_groups", "customer_group"),
        ),
        "addresses": _pick(
            whose.all("customer_addresses", "valid_from", "address_id"),
            "address_id kind street postal_code city country valid_from valid_until",
            kind_label=lambda row: ADDRESSES.get(row["kind"]),
        ),
        "newsletter_consents": _pick(
            whose.all("newsletter_consents", "decided_at", "consent_id"),
            "consent_id topic decision decided_at proof",
            topic_label=_labels(whose.read, "newsletter_topics", "topic"),
            decision_label=lambda row: DECISIONS.get(row["decision"]),
        ),
    }


def _behaviour(whose: _Whose) -> dict[str, list[dict[str, object]]]:
    return {
        "sessions": _pick(
            whose.here("sessions", "started_at", "session_id"),
            "session_id started_at ended_at pages active_seconds entry_page exit_page",
        ),
        "touchpoints": _pick(
            whose.here("touchpoints", "reached_at", "touchpoint_id"),
            "touchpoint_id reached_at touchpoint times",
            touchpoint_label=_labels(whose.read, "touchpoint_names", "touchpoint"),
        ),
        "conversions": _pick(
            whose.here("conversions", "completed_at", "conversion_id"),
            "conversion_id completed_at conversion amount currency points touchpoints",
            conversion_label=_labels(whose.read, "conversion_names", "conversion"),
        ),
    }


def _scores(whose: _Whose) -> dict[str, list[dict[str, object]]]:
    return {
        "persona_scores": _pick(
            whose.all("persona_scores", "calculated_at", "persona_score_id"),
            "persona_score_id persona score threshold passed_at calculated_at",
            persona_label=_labels(whose.read, "personas", "persona"),
        ),
        "lead_scores": _pick(
            whose.all("lead_scores", "calculated_at", "lead_score_id"),
            "lead_score_id model score threshold level calculated_at reasons",
            level_label=_labels(whose.read, "lead_levels", "level"),
        ),
    }
