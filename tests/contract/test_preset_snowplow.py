"""Snowplow's events, exported by the whole service through the preset, against the tables read by other means."""

import json
from pathlib import Path

import psycopg
import pytest

from tests.engines import POSTGRESQL
from tests.presets.service import Row, asked, filled, findings, read
from tests.presets.snowplow import (
    CLIENT,
    CONTEXTS,
    COOKIE,
    EMAIL,
    EVENTS,
    FIREFOX,
    FOREIGN,
    IPHONE,
    ODD,
    OLDER_IPHONE,
    QUIET,
    SCHEMA,
    SESSION,
    TWICE,
    YAUAA,
    rows,
)
from tests.servers import new_database

VARIABLES = {"schema": SCHEMA, "app_ids": "shop,blog", "email_table": CLIENT, "email_column": "email"}
PHONE, WINDOWS, UNKNOWN = ("iPhone", "Mobile Safari"), ("Windows computer", "Firefox"), (None, None)
JANE, JOE = "Jane@Example.com", "joe@example.com"
AGENTS = {PHONE: (IPHONE, OLDER_IPHONE), WINDOWS: (FIREFOX,), UNKNOWN: (None, "")}
DETAILS = {YAUAA: f"details_{YAUAA}", CLIENT: f"details_{CLIENT}", ODD: "details_com_acme_odd_name___each___1"}


@pytest.fixture(scope="module", params=POSTGRESQL)
def snowplow(request: pytest.FixtureRequest) -> str:
    url = new_database(request.getfixturevalue(request.param))
    filled(url, SCHEMA, EVENTS + CONTEXTS, rows())
    return url


def _key(cookie: str, person: str) -> str:
    return json.dumps([cookie, person])


async def test_finds_by_cookie_session_and_email(snowplow: str, tmp_path: Path) -> None:
    async with asked(tmp_path, snowplow, "snowplow", VARIABLES) as one:
        jane, joe = [PHONE, WINDOWS, UNKNOWN], [PHONE, UNKNOWN]
        for typed in (COOKIE, f"_sp_id.1fff={COOKIE}.1700000000.3.1700000500.1699990000.x"):
            found = await one.told(typed)
            assert [matched for matched, _, _ in found] == ["domain_userid"] * 2
            assert [sorted(several, key=str) for _, _, several in found] == [
                sorted(jane, key=str),
                sorted(joe, key=str),
            ]
        assert [matched for matched, _, _ in await one.told(str(SESSION))] == ["domain_sessionid"]
        assert await one.told("net-1") == [("network_userid", "•••", [UNKNOWN])]
        assert [(matched, several) for matched, _, several in await one.told(QUIET)] == [("domain_userid", [PHONE])]
        assert [(matched, len(several)) for matched, _, several in await one.told(EMAIL)] == [
            ("user_id", 1),
            ("user_id", 3),
        ]
        assert [matched for matched, _, _ in await one.told("quiet@example.com")] == [f"{CLIENT}.email"]
        assert await one.told("hidden@example.com") == []
        assert await one.told("'' OR true --") == []
        assert await findings(one) == []


async def test_a_browser_of_several_people_says_so(snowplow: str, tmp_path: Path) -> None:
    async with asked(tmp_path, snowplow, "snowplow", VARIABLES) as one:
        warned = {
            (each["device"], "shared-browser" in each["warnings"])
            for found in await one.visitors(COOKIE) for each in found["combinations"]
        }  # fmt: skip
        assert warned == {("iPhone", True), ("Windows computer", True), (None, True)}


@pytest.mark.parametrize(
    ("identifier", "cookie", "person", "where"),
    [
        (EMAIL, COOKIE, JANE, PHONE), (EMAIL, COOKIE, JANE, WINDOWS), (EMAIL, COOKIE, JANE, UNKNOWN),
        (COOKIE, COOKIE, JOE, PHONE), (EMAIL, "", EMAIL, PHONE), ("net-1", "net-1", "", UNKNOWN),
        (QUIET, QUIET, "", PHONE), (FOREIGN, FOREIGN, JOE, PHONE),
    ],
)  # fmt: skip
async def test_an_export_holds_exactly_what_the_tables_hold(
    snowplow: str, tmp_path: Path, identifier: str, cookie: str, person: str, where: tuple[str | None, str | None]
) -> None:
    async with asked(tmp_path, snowplow, "snowplow", VARIABLES) as one:
        held = await one.export(identifier, _key(cookie, person), *where)
    expected, withheld = _expected(snowplow, cookie, person, where)
    assert held.sections == expected
    assert [row["event_id"] for row in held.sections["events"]].count(str(TWICE)) == 3 * (
        where == PHONE and cookie == COOKIE
    )
    assert held.withheld == withheld
    assert set(held.statuses.values()) == {"included"}


async def test_without_contexts_and_without_a_table_of_addresses(snowplow: str, tmp_path: Path) -> None:
    filled(snowplow, own := f"bare {tmp_path.name}", EVENTS, {"events": rows()["events"]})
    bare = {"schema": own, "app_ids": "", "email_table": "none", "email_column": "none"}
    async with asked(tmp_path, snowplow, "snowplow", bare) as one:
        assert len(await one.told(EMAIL)) == 2
        assert [matched for matched, _, _ in await one.told("hidden@example.com")] == ["user_id"]
        held = await one.export(EMAIL, _key(COOKIE, JANE), *WINDOWS)
        assert held.statuses == {"events": "included", "details": "absent"}
        assert len(held.sections["events"]) == 1
        assert not [told for told in await findings(one) if told.startswith("FAILURE")]


async def test_a_context_that_may_not_be_read_is_named(snowplow: str, tmp_path: Path) -> None:
    filled(snowplow, own := f"closed {tmp_path.name}", EVENTS + CONTEXTS, {})
    with psycopg.connect(snowplow, autocommit=True) as server:
        server.execute(f'REVOKE SELECT ON "{own}".{YAUAA} FROM dossier_reader'.encode())
    async with asked(tmp_path, snowplow, "snowplow", VARIABLES | {"schema": own}) as one:
        (told,) = [told for told in await findings(one) if YAUAA in told]
        assert "permission denied" in told, told


def _expected(
    url: str, cookie: str, person: str, where: tuple[str | None, str | None]
) -> tuple[dict[str, list[Row]], dict[str, int]]:
    everything = [row for row in read(url, SCHEMA, "events") if row["app_id"] in ("shop", "blog")]
    here = [row for row in everything if _cookie(row) == cookie and row["useragent"] in AGENTS[where]]
    own = [row for row in here if row["user_id"] == person or (cookie and not row["user_id"])]
    # Rows of others are counted where they are of a user agent that is this visitor's too.
    agents = {row["useragent"] or "" for row in own}
    here = [row for row in here if (row["useragent"] or "") in agents]
    others = [row for row in here if cookie and row["user_id"] and row["user_id"] != person]
    sections = {"events": sorted((_zoned(row) | {"event_label": "page view"} for row in own), key=_place)}
    withheld = {"events": len(others)}
    for table, name in DETAILS.items():
        strange = {
            _root(row) for row in everything
            if _cookie(row) != cookie or (row["user_id"] and row["user_id"] != person)
        }  # fmt: skip
        mine = {_root(row) for row in own}
        held = read(url, SCHEMA, table)
        sections[name] = [
            _zoned(row) for row in sorted(held, key=lambda row: row["root_tstamp"])
            if (row["root_id"], row["root_tstamp"]) in mine - strange
        ]  # fmt: skip
        touched = {_root(row) for row in here if cookie or row["user_id"] == person}
        withheld[name] = len([row for row in held if (row["root_id"], row["root_tstamp"]) in touched & strange])
    return sections, {name: many for name, many in withheld.items() if many}


def _cookie(row: Row) -> str:
    return str(row["domain_userid"] or row["network_userid"] or "")


def _root(row: Row) -> tuple[str, str]:
    return row["event_id"], row["collector_tstamp"]


def _zoned(row: Row) -> Row:
    """Times without a zone are shown in the source's, which is UTC."""
    return {
        name: f"{value}+00:00" if value is not None and name.endswith("_tstamp") else value
        for name, value in row.items()
    }


def _place(row: Row) -> tuple[str, str, str]:
    """The last part as the server writes a row: quoted where it has blanks in it."""
    title = row["page_title"]
    return row["collector_tstamp"], row["event_id"], f'"{title}' if " " in title else title
