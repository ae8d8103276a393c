"""Warehouses of Segment and of RudderStack on PostgreSQL, and rows of several visitors."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

SCHEMA = "My shop.com - production"
WHO = "id varchar(1024), received_at timestamptz, anonymous_id varchar(1024), user_id varchar(1024)"
CONTEXT = "context_user_agent text, context_ip text, context_traits_email text"
ODD = 'Größe "gewählt"; --'
# Nobody has seen a page while signed in, so that pages has no user_id; and event tables have what properties made.
SEGMENT = f"""
CREATE TABLE identifies ({WHO}, {CONTEXT}, email text, "first name" text);
CREATE TABLE tracks ({WHO}, {CONTEXT}, event text, event_text text);
CREATE TABLE pages (id varchar(1024), received_at timestamptz, anonymous_id varchar(1024), {CONTEXT}, url text,
    title text);
CREATE TABLE users (id varchar(1024), received_at timestamptz, email text, plan text);
CREATE TABLE groups ({WHO}, group_id text, context_user_agent text);
CREATE TABLE aliases (id varchar(1024), received_at timestamptz, previous_id text, user_id text);
CREATE TABLE accounts (id varchar(1024), received_at timestamptz, name text);
CREATE TABLE order_completed ({WHO}, {CONTEXT}, event text, event_text text, total numeric, products jsonb);
CREATE TABLE _pages ({WHO}, event text, event_text text, context_user_agent text);
CREATE TABLE "{ODD.replace('"', '""')}" ({WHO}, event text, event_text text, size text);
CREATE TABLE wish_added (wish text);
"""
# RudderStack of an app: no pages, no groups, and another name for the user agent.
RUDDERSTACK = """
CREATE TABLE identifies (id text, received_at timestamp, anonymous_id text, user_id text, context_useragent text,
    email text);
CREATE TABLE tracks (id text, received_at timestamp, anonymous_id text, event text, event_text text,
    context_useragent text, context_device_model text);
CREATE TABLE screens (id text, received_at timestamp, anonymous_id text, name text, context_device_model text);
CREATE TABLE rudder_discards (row_id text, table_name text, column_name text, column_value text,
    received_at timestamp);
"""

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.0 Mobile/15E148 Safari/604.1"
)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
EMAIL = "jane@example.com"
PHONE_ID, DESK_ID, QUIET_ID, FOREIGN_ID = "0f4a7c52-8d7e-4b0a-9c1e-2f6b7a3d9e10", "desk-1", "quiet-1", "foreign-1"
JANE, JOE = "user 7", "user 8"


def rows() -> dict[str, list[dict[str, Any]]]:
    events = [
        _row(10, PHONE_ID, None, IPHONE, event="order_completed"),
        _row(11, PHONE_ID, JANE, IPHONE, event="order_completed"),
        _row(12, PHONE_ID, JOE, IPHONE, event="order_completed"),
        _row(13, FOREIGN_ID, JOE, IPHONE, event="order_completed"),
        _row(14, PHONE_ID, JANE, IPHONE, event="pages"),
        _row(15, PHONE_ID, JANE, None, event=ODD),
        _row(16, DESK_ID, JANE, FIREFOX, event="wish_added"),
        _row(17, None, JANE, None, event="order_completed"),
        _row(18, None, None, IPHONE, event="order_completed"),
        _row(21, None, None, None, event="order_completed"),
        _row(19, PHONE_ID, JOE, IPHONE, event="wish_added"),
        _row(20, PHONE_ID, JANE, IPHONE, event="wish_added"),
    ]
    return {
        "identifies": [
            _row(1, PHONE_ID, JANE, IPHONE, email="Jane@Example.com", **{"first name": "Jäne 🦊"}),
            _row(2, PHONE_ID, JOE, IPHONE, email="joe@example.com"),
            _row(3, FOREIGN_ID, JOE, IPHONE, email="joe@example.com"),
        ],
        "tracks": [one | {"event_text": f"{one['event']}?"} for one in events],
        "pages": [
            _row(30, PHONE_ID, None, IPHONE, url="https://shop.example/?a=:device", title="مرحبا 👋🏽\n{each}"),
            _row(31, QUIET_ID, None, FIREFOX, url="/", context_traits_email="QUIET@example.com"),
            _row(32, FOREIGN_ID, None, FIREFOX, url="/foreign"),
        ],
        "users": [
            {"id": JANE, "received_at": START, "email": EMAIL, "plan": "gold"},
            {"id": JOE, "received_at": START, "email": "joe@example.com", "plan": None},
        ],
        "groups": [
            _row(40, DESK_ID, JANE, FIREFOX, group_id="g1"), _row(41, PHONE_ID, JOE, IPHONE, group_id="g2"),
        ],
        "aliases": [
            {"id": "a1", "received_at": START, "previous_id": EMAIL, "user_id": JANE},
            {"id": "a2", "received_at": START, "previous_id": DESK_ID, "user_id": JOE},
        ],
        "accounts": [{"id": "g1", "received_at": START, "name": "Acme"}],
        "order_completed": [
            one | {"total": Decimal("12.50"), "products": '[{"sku": "a"}, []]'}
            for one in events if one["event"] == "order_completed"
        ],
        "_pages": [one for one in events if one["event"] == "pages"],
        ODD: [
            {name: value for name, value in one.items() if name != "context_user_agent"} | {"size": "XL\\"}
            for one in events if one["event"] == ODD
        ],
    }  # fmt: skip


def app_rows() -> dict[str, list[dict[str, Any]]]:
    at = START.replace(tzinfo=None)
    return {
        "identifies": [
            {"id": "1", "received_at": at, "anonymous_id": "app-1", "user_id": JANE, "email": EMAIL},
            {"id": "2", "received_at": at, "anonymous_id": "app-2", "user_id": JOE, "email": "joe@example.com",
             "context_useragent": FIREFOX},
        ],
        "tracks": [
            {"id": "3", "received_at": at, "anonymous_id": "app-1", "event": "opened", "context_device_model": "Pixel"},
            {"id": "4", "received_at": at, "anonymous_id": "app-2", "event": "opened", "context_useragent": FIREFOX},
        ],
        "screens": [
            {"id": "5", "received_at": at, "anonymous_id": "app-1", "name": "Home"},
            {"id": "6", "received_at": at, "anonymous_id": "app-2", "name": "Home"},
        ],
    }  # fmt: skip


def _row(number: int, anonymous: str | None, user: str | None, agent: str | None, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"id": f"id-{number}", "received_at": START + timedelta(minutes=number)}
    signed = {} if user is None else {"user_id": user}
    return row | {"anonymous_id": anonymous, "context_user_agent": agent} | signed | more
