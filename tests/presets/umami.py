"""Umami's tables on PostgreSQL, as far as they bear on a visitor, and rows of several visitors."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

SCHEMA = "My umami-2.1"
SESSION = """
CREATE TABLE session (session_id uuid PRIMARY KEY, website_id uuid NOT NULL, browser varchar(20), os varchar(20),
    device varchar(20), screen varchar(11), language varchar(35), country char(2), region varchar(20), city varchar(50),
    distinct_id varchar(50), created_at timestamptz(6) DEFAULT now());
"""
EVENT = """
CREATE TABLE website_event (event_id uuid PRIMARY KEY, website_id uuid NOT NULL, session_id uuid NOT NULL,
    visit_id uuid NOT NULL, created_at timestamptz(6) DEFAULT now(), url_path varchar(500) NOT NULL,
    url_query varchar(500), utm_source varchar(255), utm_medium varchar(255), utm_campaign varchar(255),
    utm_content varchar(255), utm_term varchar(255), referrer_path varchar(500), referrer_query varchar(500),
    referrer_domain varchar(500), page_title varchar(500), gclid varchar(255), fbclid varchar(255),
    msclkid varchar(255), ttclid varchar(255), li_fat_id varchar(255), twclid varchar(255),
    event_type integer NOT NULL DEFAULT 1, event_name varchar(50), tag varchar(50), hostname varchar(100),
    lcp decimal(10, 1), inp decimal(10, 1), cls decimal(10, 4), fcp decimal(10, 1), ttfb decimal(10, 1));
"""
DATA = """
CREATE TABLE website (website_id uuid PRIMARY KEY, name varchar(100) NOT NULL, domain varchar(500));
CREATE TABLE session_data (session_data_id uuid PRIMARY KEY, website_id uuid NOT NULL, session_id uuid NOT NULL,
    data_key varchar(500) NOT NULL, string_value varchar(500), number_value decimal(19, 4), date_value timestamptz(6),
    data_type integer NOT NULL, distinct_id varchar(50), created_at timestamptz(6) DEFAULT now());
CREATE TABLE event_data (event_data_id uuid PRIMARY KEY, website_id uuid NOT NULL, website_event_id uuid NOT NULL,
    data_key varchar(500) NOT NULL, string_value varchar(500), number_value decimal(19, 4), date_value timestamptz(6),
    data_type integer NOT NULL, created_at timestamptz(6) DEFAULT now());
"""
NEWER = """
CREATE TABLE revenue (revenue_id uuid PRIMARY KEY, website_id uuid NOT NULL, session_id uuid NOT NULL,
    event_id uuid NOT NULL, event_name varchar(50) NOT NULL, currency varchar(10) NOT NULL, revenue decimal(19, 4),
    created_at timestamptz(6) DEFAULT now());
CREATE TABLE session_replay (replay_id uuid PRIMARY KEY, website_id uuid NOT NULL, session_id uuid NOT NULL,
    visit_id uuid NOT NULL, chunk_index integer NOT NULL, events bytea NOT NULL, event_count integer NOT NULL,
    started_at timestamptz(6) NOT NULL, ended_at timestamptz(6) NOT NULL, created_at timestamptz(6) DEFAULT now());
CREATE TABLE session_replay_saved (saved_replay_id uuid PRIMARY KEY, name varchar(100) NOT NULL,
    website_id uuid NOT NULL, visit_id uuid NOT NULL, created_at timestamptz(6) DEFAULT now(),
    updated_at timestamptz(6));
"""
TABLES = SESSION + EVENT + DATA + NEWER
# Before the migration 10_add_distinct_id, and before web vitals, tags and campaigns had columns of their own.
OLDER_TABLES = (
    SESSION.replace("distinct_id varchar(50), ", "")
    + "CREATE TABLE website_event (event_id uuid PRIMARY KEY, website_id uuid NOT NULL, session_id uuid NOT NULL,"
    " visit_id uuid NOT NULL, created_at timestamptz(6), url_path varchar(500) NOT NULL, page_title varchar(500),"
    " event_type integer NOT NULL DEFAULT 1, event_name varchar(50));" + DATA.replace("distinct_id varchar(50), ", "")
)

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
EMAIL = "jane@example.com"


def number(of: int, kind: str = "5") -> UUID:
    return UUID(f"{of:08x}-0000-{kind}000-8000-000000000000")


SHOP, BLOG = number(1, "4"), number(2, "4")
# Jane with an id of the site's own on two sites, by her address in what a site told, and strangers.
PHONE, LAPTOP, ON_BLOG, UNKNOWN, FAMILY, ORPHAN, STRANGER = (number(one) for one in range(101, 108))
SESSIONS = (PHONE, LAPTOP, ON_BLOG, UNKNOWN, FAMILY, ORPHAN, STRANGER)
VISIT_OF_PHONE = number(1101, "4")


def rows() -> dict[str, list[dict[str, Any]]]:
    told = [
        _session(PHONE, "mobile", "safari", "iOS", distinct_id="Jane@Example.com"),
        _session(LAPTOP, "laptop", "chrome", "Mac OS", distinct_id="Jane@Example.com"),
        _session(ON_BLOG, "mobile", "safari", "iOS", website_id=BLOG, distinct_id=EMAIL),
        _session(UNKNOWN, None, None, None),
        _session(FAMILY, "desktop", "edge", "Windows 10"),
        _session(STRANGER, "mobile", "safari", "iOS", distinct_id="joe@example.com"),
    ]
    events = [one for session in SESSIONS for one in _events(session)]
    return {
        "website": [
            {"website_id": SHOP, "name": "Shop 🛒", "domain": "shop.example"},
            {"website_id": BLOG, "name": "Blog", "domain": None},
        ],
        "session": told,
        "website_event": events,
        "session_data": _session_data(),
        "event_data": [one for event in events if event["event_type"] == 2 for one in _event_data(event)],
        "revenue": [
            {"revenue_id": number(9000 + place), "website_id": SHOP, "session_id": session, "event_id": _event(session, 2),
             "event_name": "purchase", "currency": "EUR", "revenue": Decimal("12.3400"), "created_at": START}
            for place, session in enumerate((PHONE, STRANGER))
        ],
        "session_replay": [
            {"replay_id": number(7000 + 10 * place + chunk), "website_id": SHOP, "session_id": session,
             "visit_id": _visit(session), "chunk_index": chunk, "events": b"\x1f\x8b" + bytes(chunk),
             "event_count": 3, "started_at": START + timedelta(minutes=chunk),
             "ended_at": START + timedelta(minutes=chunk + 1), "created_at": START}
            for place, session in enumerate((PHONE, STRANGER)) for chunk in range(2)
        ],
        "session_replay_saved": [
            {"saved_replay_id": number(8000 + place), "name": "cart is hard to find", "website_id": SHOP,
             "visit_id": _visit(session), "created_at": START}
            for place, session in enumerate((PHONE, STRANGER))
        ],
    }  # fmt: skip


def _session(session_id: UUID, device: str | None, browser: str | None, os: str | None, **more: Any) -> dict[str, Any]:
    known = {"website_id": SHOP, "screen": "390x844", "language": "de-DE", "country": "DE", "city": "Köln"}
    named = {"session_id": session_id, "device": device, "browser": browser, "os": os, "created_at": START}
    return named | known | more


def _visit(session: UUID) -> UUID:
    return number(1000 + session.fields[0], "4")


def _event(session: UUID, kind: int) -> UUID:
    return number(10 * session.fields[0] + kind)


def _events(session: UUID) -> list[dict[str, Any]]:
    """One of each kind, two at the same instant; and one of a kind that nobody knows."""
    whole = {"website_id": BLOG if session == ON_BLOG else SHOP, "session_id": session, "visit_id": _visit(session)}
    return [
        whole
        | {"event_id": _event(session, kind), "event_type": kind, "event_name": "purchase" if kind == 2 else None,
           "created_at": START + timedelta(seconds=kind // 2, microseconds=kind // 2), "url_path": f"/p/{kind}#a",
           "url_query": "q=%20a&b=' OR 1=1", "utm_source": "letter", "referrer_domain": "example.org",
           "page_title": "مرحبا 👋🏽 — “Hi”\n{schema}", "gclid": "", "tag": None, "hostname": "shop.example",
           "lcp": Decimal("120.5") if kind == 5 else None, "cls": Decimal("0.0010") if kind == 5 else None}
        for kind in (1, 2, 3, 4, 5, 9)
    ]  # fmt: skip


def _event_data(event: dict[str, Any]) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = [
        {"string_value": "Schöne Grüße"},
        {"string_value": "12.5", "number_value": Decimal("12.5000")},
        {"string_value": "true"},
        {"string_value": "2026-03-01T00:00:00Z", "date_value": START},
        {"string_value": '["a", {}]'},
    ]
    return [
        {"event_data_id": number(100 * event["event_id"].fields[0] + kind), "website_id": event["website_id"],
         "website_event_id": event["event_id"], "data_key": f"key.{kind}", "data_type": kind,
         "created_at": event["created_at"], **value}
        for kind, value in enumerate(values, 1)
    ]  # fmt: skip


def _session_data() -> list[dict[str, Any]]:
    told: list[tuple[UUID, str, str, str | None]] = [
        (PHONE, "email", EMAIL, "Jane@Example.com"),
        (PHONE, "name", "Jane 🦊", "Jane@Example.com"),
        (PHONE, "name", "Joe", "joe@example.com"),
        (UNKNOWN, "user.Email", "JANE@example.com", None),
        (UNKNOWN, "note", "joe@example.com", None),
        (FAMILY, "email", EMAIL, None),
        (FAMILY, "email", "joe@example.com", None),
        (STRANGER, "email", "joe@example.com", "joe@example.com"),
        (STRANGER, "friend", EMAIL, "joe@example.com"),
    ]
    return [
        {"session_data_id": number(6000 + place), "website_id": SHOP, "session_id": session, "data_key": key,
         "string_value": value, "data_type": 1, "distinct_id": distinct, "created_at": START}
        for place, (session, key, value, distinct) in enumerate(told)
    ]  # fmt: skip
