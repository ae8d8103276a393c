"""Snowplow's events and some context tables as its loader makes them on PostgreSQL, and rows of several visitors."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

SCHEMA = "atomic 2.0-beta"
# The columns that bear on whose a row is, and some of every type.
EVENTS = """
CREATE TABLE events (app_id varchar(255), platform varchar(255), etl_tstamp timestamp,
    collector_tstamp timestamp NOT NULL, event varchar(128), event_id uuid NOT NULL, txn_id integer,
    user_id varchar(255), user_ipaddress varchar(45), domain_userid varchar(36), domain_sessionidx integer,
    network_userid varchar(38), geo_country char(2), geo_latitude double precision, page_url varchar(4096),
    page_title varchar(2000), page_referrer varchar(4096), useragent varchar(1000), br_features_pdf boolean, refr_domain_userid varchar(36),
    domain_sessionid uuid, derived_tstamp timestamp, event_name varchar(1000));
"""
META = """schema_vendor varchar(128) NOT NULL, schema_name varchar(128) NOT NULL, schema_format varchar(128) NOT NULL,
    schema_version varchar(128) NOT NULL, root_id uuid NOT NULL, root_tstamp timestamp NOT NULL"""
YAUAA, CLIENT, ODD = "nl_basjes_yauaa_context_1", "com_acme_customer_1", 'com_acme_Odd name "{each}"_1'
CONTEXTS = f"""
CREATE TABLE {YAUAA} ({META}, device_class varchar(4096), agent_name varchar(4096));
CREATE TABLE {CLIENT} ({META}, email varchar(4096), tags jsonb);
CREATE TABLE "{ODD.replace('"', '""')}" ({META}, note varchar(4096));
CREATE TABLE manifest (etl_tstamp timestamp, event_count bigint);
"""

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.0 Mobile/15E148 Safari/604.1"
)
OLDER_IPHONE = IPHONE.replace("17", "16")
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"
START = datetime(2026, 3, 1, 8)  # noqa: DTZ001  the loader writes times without a zone
EMAIL = "jane@example.com"
COOKIE, QUIET, FOREIGN = "0f4a7c52-8d7e-4b0a-9c1e-2f6b7a3d9e10", "quiet-cookie", "foreign-cookie"
SESSION = UUID(int=77)
TWICE = UUID(int=1_000_001)


def rows() -> dict[str, list[dict[str, Any]]]:
    events = [
        _event(1, user_agent=IPHONE),
        _event(2, user_agent=OLDER_IPHONE, user_id="Jane@Example.com", domain_sessionid=SESSION),
        _event(2, user_agent=IPHONE, user_id="joe@example.com"),
        _event(3, user_agent=IPHONE, user_id="joe@example.com", page_title="Joe's"),
        _event(4, user_agent=FIREFOX, user_id="Jane@Example.com"),
        _event(5, user_agent=None, user_id="Jane@Example.com"),
        _event(6, user_agent=""),
        # One event twice, and once more with another text; and a stranger's of the same id and instant.
        *[_event(7, user_agent=IPHONE, event_id=TWICE) for _ in range(2)],
        _event(7, user_agent=IPHONE, event_id=TWICE, page_title="مرحبا 👋🏽\n:visitor {each}"),
        _event(8, user_agent=IPHONE),
        _event(8, user_agent=IPHONE, domain_userid=FOREIGN, user_id="joe@example.com"),
        # Without any cookie; with one of the collector's alone; with none that says who it was.
        _event(9, user_agent=IPHONE, domain_userid=None, user_id=EMAIL),
        _event(9, user_agent=IPHONE, domain_userid=FOREIGN, user_id="joe@example.com"),
        _event(10, user_agent=None, domain_userid="", network_userid="net-1"),
        _event(11, user_agent=IPHONE, domain_userid=None),
        _event(12, user_agent=IPHONE, domain_userid=QUIET),
        _event(13, user_agent=IPHONE, app_id="other", user_id="hidden@example.com"),
    ]
    return {
        "events": events,
        YAUAA: [_context(one, "yauaa", device_class="Phone", agent_name="Safari") for one in range(1, 14)],
        CLIENT: [
            _context(1, "customer", email="Someone@example.com", tags='["a", {}]'),
            _context(12, "customer", email="QUIET@example.com", tags=None),
            _context(3, "customer", email="joe@example.com", tags=None),
        ],
        ODD: [_context(2, "odd", note="🦊 'quoted'")],
    }


def _id(number: int) -> UUID:
    return TWICE if number == 7 else UUID(int=number)


def _at(number: int) -> datetime:
    return START + timedelta(minutes=number, microseconds=number)


def _event(number: int, *, user_agent: str | None, **more: Any) -> dict[str, Any]:
    row = {
        "app_id": "shop", "platform": "web", "collector_tstamp": _at(number), "event": "page_view",
        "event_id": _id(number), "user_id": None, "domain_userid": COOKIE, "network_userid": None,
        "geo_country": "DE", "geo_latitude": 50.9375, "page_url": "https://shop.example/?q=%20:device",
        "page_title": "Grüße", "useragent": user_agent, "br_features_pdf": True, "user_ipaddress": "192.0.2.1",
    }  # fmt: skip
    return row | more


def _context(number: int, name: str, **more: Any) -> dict[str, Any]:
    meta = {"schema_vendor": "example", "schema_name": name, "schema_format": "jsonschema", "schema_version": "1-0-0"}
    return meta | {"root_id": _id(number), "root_tstamp": _at(number)} | more
