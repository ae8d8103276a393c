"""Umami, exported by the whole service through its preset, against the tables read by other means."""

from pathlib import Path
from uuid import UUID

import pytest

from tests.engines import POSTGRESQL
from tests.presets.service import Row, asked, filled, findings, picked, read
from tests.presets.umami import (
    BLOG,
    EMAIL,
    FAMILY,
    LAPTOP,
    OLDER_TABLES,
    ON_BLOG,
    ORPHAN,
    PHONE,
    SCHEMA,
    SHOP,
    STRANGER,
    TABLES,
    UNKNOWN,
    VISIT_OF_PHONE,
    rows,
)
from tests.servers import new_database

VARIABLES = {"schema": SCHEMA}
JANE = "J•••@Example.com"
SITES = {str(SHOP): "Shop 🛒", str(BLOG): "Blog"}
EVENTS = {1: "page view", 2: "event of the site", 3: "link opened", 4: "pixel loaded", 5: "speed measured"}
KINDS = {1: "text", 2: "number", 3: "yes or no", 4: "date", 5: "list"}
REPLAYS = [
    "replay_id",
    "website_id",
    "session_id",
    "visit_id",
    "chunk_index",
    "event_count",
    "started_at",
    "ended_at",
    "created_at",
]


@pytest.fixture(scope="module", params=POSTGRESQL)
def umami(request: pytest.FixtureRequest) -> str:
    url = new_database(request.getfixturevalue(request.param))
    filled(url, SCHEMA, TABLES, rows())
    return url


async def test_finds_by_whatever_umami_knows_of_a_visitor(umami: str, tmp_path: Path) -> None:
    phone, laptop = [("mobile", "safari")], [("laptop", "chrome")]
    async with asked(tmp_path, umami, "umami", VARIABLES) as one:
        assert await one.told(str(PHONE).upper()) == [("session_id on Shop 🛒", JANE, phone)]
        assert await one.told(str(VISIT_OF_PHONE)) == [("visit_id on Shop 🛒", JANE, phone)]
        assert await one.told("joe") == []
        assert await one.told("1; DROP TABLE session --") == []
        ((matched, _, combinations),) = await one.told(str(ORPHAN))
        assert (matched, combinations) == ("session_id on Shop 🛒", [(None, None)])
        assert await one.told(EMAIL) == [
            ("distinct_id on Shop 🛒", JANE, phone), ("distinct_id on Shop 🛒", JANE, laptop),
            ("distinct_id on Blog", "j•••@example.com", phone), ("session_data.user.Email on Shop 🛒", "j•••@example.com", [(None, None)]),
            ("session_data.email on Shop 🛒", "j•••@example.com", [("desktop", "edge")]),
        ]  # fmt: skip
        (shared,) = [found["combinations"][0] for found in await one.visitors(EMAIL) if "edge" in str(found)]
        assert set(shared["warnings"]) == {"shared-browser", "rotating-id"}
        assert not await findings(one)


async def test_an_id_of_the_sites_own_finds_each_of_its_sessions(umami: str, tmp_path: Path) -> None:
    with_name = rows()["session"][0] | {"session_id": UUID(int=1), "distinct_id": "customer 7"}
    again = with_name | {"session_id": UUID(int=2), "browser": "edge"}
    filled(umami, own := f"own {tmp_path.name}", TABLES, {"session": [with_name, again]})
    async with asked(tmp_path, umami, "umami", {"schema": own}) as one:
        assert await one.told("customer 7") == [
            ("distinct_id", "cu••• 7", [("mobile", "safari")]), ("distinct_id", "cu••• 7", [("mobile", "edge")]),
        ]  # fmt: skip


async def test_only_the_websites_that_are_named_are_searched(umami: str, tmp_path: Path) -> None:
    async with asked(tmp_path, umami, "umami", VARIABLES | {"websites": f"{BLOG},{UUID(int=3)}"}) as one:
        assert [matched for matched, _, _ in await one.told(EMAIL)] == ["distinct_id on Blog"]
        assert await one.told(str(PHONE)) == []


async def test_an_export_holds_exactly_what_the_tables_hold(umami: str, tmp_path: Path) -> None:
    async with asked(tmp_path, umami, "umami", VARIABLES) as one:
        for identifier, session, device, browser in (
            (EMAIL, PHONE, "mobile", "safari"), (EMAIL, LAPTOP, "laptop", "chrome"), (EMAIL, ON_BLOG, "mobile", "safari"),
            (EMAIL, UNKNOWN, None, None), (EMAIL, FAMILY, "desktop", "edge"), (str(ORPHAN), ORPHAN, None, None),
            (str(STRANGER), STRANGER, "mobile", "safari"),
        ):  # fmt: skip
            held = await one.export(identifier, session, device, browser)
            assert held.sections == _expected(umami, session), session
            shared = session == FAMILY
            assert set(held.statuses.items()) - {("session_data", "withheld")} <= {
                (name, "included") for name in held.statuses
            }
            assert (held.statuses["session_data"] == "withheld") == shared
            assert held.withheld == ({"session_data": 1} if session == PHONE else {})
            assert "session_replay.events" in {entry["table"] for entry in held.about["omitted"]}


async def test_an_older_database_lacks_what_it_lacks(umami: str, tmp_path: Path) -> None:
    made = {table: rows()[table] for table in ("website", "session", "website_event", "session_data", "event_data")}
    lacking = ["utm_source", "referrer_domain", "url_query", "gclid", "tag", "hostname", "lcp", "cls", "distinct_id"]
    older = {table: [_without(row, lacking) for row in several] for table, several in made.items()}
    filled(umami, own := f"old {tmp_path.name}", OLDER_TABLES, older)
    async with asked(tmp_path, umami, "umami", {"schema": own}) as one:
        assert [matched for matched, _, _ in await one.told(EMAIL)] == [
            f"session_data.{key} on Shop 🛒" for key in ("email", "user.Email", "email")
        ]  # fmt: skip
        held = await one.export(str(LAPTOP), LAPTOP, "laptop", "chrome")
        assert held.statuses["revenue"] == held.statuses["replays"] == held.statuses["saved_replays"] == "absent"
        assert held.sections["events"] == _events(umami, own, str(LAPTOP))
        assert not [told for told in await findings(one) if told.startswith("FAILURE")]


def _without(row: Row, names: list[str]) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _expected(url: str, session: UUID) -> dict[str, list[Row]]:
    def mine(table: str) -> list[Row]:
        return [row for row in read(url, SCHEMA, table) if row["session_id"] == str(session)]

    events = {row["event_id"]: row for row in mine("website_event")}
    own = {row["session_id"]: row["distinct_id"] for row in mine("session")}
    visits = {row["visit_id"] for row in events.values()}
    domains = {row["website_id"]: row["domain"] for row in read(url, SCHEMA, "website")}
    details = [row for row in read(url, SCHEMA, "event_data") if row["website_event_id"] in events]
    told = [
        row for row in mine("session_data")
        if row["distinct_id"] is None or row["distinct_id"] == own[str(session)]
    ]  # fmt: skip
    sections = {
        "session": picked(
            mine("session"), "session_id", website_name=_site, website_domain=lambda row: domains[row["website_id"]]
        ),
        "events": _events(url, SCHEMA, str(session)),
        "event_data": picked(
            details, "created_at", "event_data_id",
            data_type_label=_kind, event_name=lambda row: events[row["website_event_id"]]["event_name"],
        ),
        "revenue": picked(mine("revenue"), "created_at", "revenue_id"),
        "replays": [
            {name: row[name] for name in REPLAYS} | {"bytes": (len(row["events"]) - 2) // 2}
            for row in picked(mine("session_replay"), "started_at")
        ],
        "saved_replays": picked(
            [row for row in read(url, SCHEMA, "session_replay_saved") if row["visit_id"] in visits], "saved_replay_id"
        ),
    }  # fmt: skip
    if session != FAMILY:
        sections["session_data"] = picked(told, "created_at", "session_data_id", data_type_label=_kind)
    return sections


def _events(url: str, schema: str, session: str) -> list[Row]:
    own = [row for row in read(url, schema, "website_event") if row["session_id"] == session]
    return picked(
        own, "created_at", "event_id",
        event_type_label=lambda row: EVENTS.get(row["event_type"]), website_name=_site,
    )  # fmt: skip


def _site(row: Row) -> object:
    return SITES[row["website_id"]]


def _kind(row: Row) -> object:
    return KINDS[row["data_type"]]
