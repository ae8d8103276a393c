"""Warehouses of Segment and RudderStack, exported by the whole service through the preset, against the tables."""

import json
from pathlib import Path

import pytest

from tests.engines import POSTGRESQL
from tests.presets.segment import (
    DESK_ID,
    EMAIL,
    FIREFOX,
    FOREIGN_ID,
    IPHONE,
    JANE,
    JOE,
    ODD,
    PHONE_ID,
    QUIET_ID,
    RUDDERSTACK,
    SCHEMA,
    SEGMENT,
    app_rows,
    rows,
)
from tests.presets.service import Row, asked, filled, findings, read
from tests.servers import new_database

VARIABLES = {"schema": SCHEMA}
PHONE, WINDOWS, UNKNOWN = ("iPhone", "Mobile Safari"), ("Windows computer", "Firefox"), (None, None)
AGENTS = {PHONE: IPHONE, WINDOWS: FIREFOX, UNKNOWN: ""}
EVENTS = {"order_completed": "event_order_completed", "_pages": "event__pages", ODD: "event_gr__e__gew_hlt_____"}


@pytest.fixture(scope="module", params=POSTGRESQL)
def segment(request: pytest.FixtureRequest) -> str:
    url = new_database(request.getfixturevalue(request.param))
    filled(url, SCHEMA, SEGMENT, rows())
    return url


def _key(cookie: str, person: str) -> str:
    return json.dumps([cookie, person])


async def test_finds_by_cookie_user_and_email(segment: str, tmp_path: Path) -> None:
    async with asked(tmp_path, segment, "segment", VARIABLES) as one:
        for typed in (PHONE_ID, f'"{PHONE_ID}"', f"%22{PHONE_ID}%22"):
            assert [(matched, set(several)) for matched, _, several in await one.told(typed)] == [
                ("anonymous_id", {PHONE, UNKNOWN}), ("anonymous_id", {PHONE}),
            ]  # fmt: skip
        told = [(matched, set(several)) for matched, _, several in await one.told(JANE)]
        assert told == [("user_id", {UNKNOWN}), ("user_id", {PHONE, UNKNOWN}), ("user_id", {WINDOWS})]
        assert [(matched, set(several)) for matched, _, several in await one.told(EMAIL)] == [
            ("identifies.email", several) for _, several in told
        ]  # fmt: skip
        assert [matched for matched, _, _ in await one.told("quiet@example.com")] == ["context_traits_email"]
        assert await one.told("'; DROP TABLE tracks; --") == []
        (told_of,) = await findings(one)
        assert told_of.startswith("warning: section 'screens'")
        shared = {
            each["device"]: "shared-browser" in each["warnings"]
            for found in await one.visitors(PHONE_ID) for each in found["combinations"]
        }  # fmt: skip
        assert shared == {"iPhone": True, None: True}


@pytest.mark.parametrize(
    ("identifier", "cookie", "person", "where"),
    [
        (EMAIL, PHONE_ID, JANE, PHONE), (EMAIL, PHONE_ID, JANE, UNKNOWN), (EMAIL, DESK_ID, JANE, WINDOWS),
        (EMAIL, "", JANE, UNKNOWN), (PHONE_ID, PHONE_ID, JOE, PHONE), (QUIET_ID, QUIET_ID, "", WINDOWS),
        (FOREIGN_ID, FOREIGN_ID, JOE, PHONE),
    ],
)  # fmt: skip
async def test_an_export_holds_exactly_what_the_tables_hold(
    segment: str, tmp_path: Path, identifier: str, cookie: str, person: str, where: tuple[str | None, str | None]
) -> None:
    async with asked(tmp_path, segment, "segment", VARIABLES) as one:
        held = await one.export(identifier, _key(cookie, person), *where)
    expected, withheld = _expected(segment, cookie, person, where)
    assert held.sections == expected
    assert held.withheld == withheld
    assert held.statuses["screens"] == "absent"
    shared = {"users", "groups", "aliases"} if cookie == PHONE_ID else set()
    assert {name for name, status in held.statuses.items() if status == "withheld"} == shared
    # One event is exported once.
    told = [
        row["id"] for name, several in held.sections.items() for row in several if name.startswith(("event", "tracks"))
    ]
    assert len(told) == len(set(told))


async def test_an_app_of_rudderstack_lacks_what_it_lacks(segment: str, tmp_path: Path) -> None:
    filled(segment, own := f"app {tmp_path.name}", RUDDERSTACK, app_rows())
    async with asked(tmp_path, segment, "segment", {"schema": own}) as one:
        assert [(matched, several) for matched, _, several in await one.told(EMAIL)] == [
            ("identifies.email", [UNKNOWN])
        ]
        held = await one.export(EMAIL, _key("app-1", JANE), *UNKNOWN)
        assert {name: [row["id"] for row in several] for name, several in held.sections.items()} == {
            "identifies": ["1"], "screens": ["5"], "tracks": ["3"],
        }  # fmt: skip
        absent = {name for name, status in held.statuses.items() if status == "absent"}
        assert absent == {"users", "pages", "event", "groups", "aliases"}
        assert not [told for told in await findings(one) if told.startswith("FAILURE")]


def _expected(
    url: str, cookie: str, person: str, where: tuple[str | None, str | None]
) -> tuple[dict[str, list[Row]], dict[str, int]]:
    sections, withheld = {}, {}
    names = {table: table for table in ("identifies", "pages", "tracks")} | EVENTS
    for table, name in names.items():
        held = [row for row in read(url, SCHEMA, table) if (row.get("context_user_agent") or "") == AGENTS[where]]
        if table == "tracks":
            held = [row for row in held if row["event"] == "wish_added"]
        sections[name] = [row for row in held if _is_own(row, cookie, person)]
        withheld[name] = len(
            [row for row in held if cookie and row["anonymous_id"] == cookie and _of_another(row, person)]
        )
    if cookie != PHONE_ID:
        groups, aliases = read(url, SCHEMA, "groups"), read(url, SCHEMA, "aliases")
        sections["users"] = [row for row in read(url, SCHEMA, "users") if person and row["id"] == person]
        sections["groups"] = [row for row in groups if _is_own(row, cookie, person)]
        sections["aliases"] = [row for row in aliases if person and row["user_id"] == person]
        withheld["aliases"] = len([row for row in aliases if row["previous_id"] == cookie and _of_another(row, person)])
    return sections, {name: many for name, many in withheld.items() if many}


def _is_own(row: Row, cookie: str, person: str) -> bool:
    user = row.get("user_id")
    return (row["anonymous_id"] or "") == cookie and ((user or "") == person if user or not cookie else True)


def _of_another(row: Row, person: str) -> bool:
    return bool(row.get("user_id")) and row["user_id"] != person
