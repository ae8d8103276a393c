"""The preset `matomo` on MariaDB: what the whole service finds and exports, beside the same tables read by hand."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.__main__ import main
from tests.builders import BASE, Running, archive, manifest, running
from tests.presets import matomo
from tests.presets.matomo import EMAIL, EMOJI, HEBREW, JANE, STRANGER, TWIN, Row
from tests.small import Small, toml, write_mappings

pytestmark = pytest.mark.everywhere
OWN = {"preset": "matomo", "title": "Web", "dsn": "MATOMO_URL", "variables": {"prefix": matomo.PREFIX}}
IPHONE, WINDOWS, UNKNOWN = ("Apple iPhone", "Mobile Safari"), ("Desktop · Windows", "Firefox"), (None, None)
BIG, LITTLE = ("Xiaomi Redmi Note", "Chrome Mobile"), ("Xiaomi redmi note", "Chrome Mobile")
ODD = ("Amazon · Tablet · XYZ", "Some App")
# By hand: which visits belong to each of Jane's combinations, and how many rows of actions.
JANES = {
    IPHONE: ([1, 2], 15),
    WINDOWS: ([3, 4], 2),
    UNKNOWN: ([5, 6], 2),
    BIG: ([7], 1),
    LITTLE: ([8], 1),
    ODD: ([9], 0),
}
KINDS = {
    "pages": [1, 2, 3, 4, 5, 6, 21, 22, 13, 14, 15, 16, 17, 18, 19], "downloads_and_links": [7, 8],
    "searches": [9, 10], "events": [11], "contents": [12], "products": [21, 22],
}  # fmt: skip


@asynccontextmanager
async def served(small: Small, **more: Any) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    """The service as a role that may only read."""
    centers = write_mappings(small.folder, toml(OWN | more))
    url = small.reader().url
    async with (
        running(small.folder, mappings=centers, environ={"MATOMO_URL": url}) as service,
        await service.client() as client,
    ):
        yield service, client


async def searched(client: httpx.AsyncClient, identifier: str) -> list[Row]:
    answer = await client.post(f"{BASE}/visitors/search", json={"identifier": identifier})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["data_sources"]
    assert found["status"] == "answered", found
    visitors: list[Row] = found["visitors"]
    return visitors


def combinations(visitor: Row) -> set[tuple[str | None, str | None]]:
    return {(one["device"], one["browser"]) for one in visitor["combinations"]}


async def exported(
    client: httpx.AsyncClient, visitor: bytes, combination: tuple[str | None, str | None]
) -> tuple[dict[str, list[Row]], dict[str, Any]]:
    (found,) = await searched(client, visitor.hex())
    (chosen,) = [one for one in found["combinations"] if (one["device"], one["browser"]) == combination]
    answer = await client.post(f"{BASE}/exports", json={"candidate": chosen["candidate"]})
    assert answer.status_code == 202, answer.text
    opened = await archive(client, str(answer.headers["location"]))
    sections = json.loads(opened.read("personal-data.json"), parse_float=Decimal)["sections"]
    return sections, manifest(opened)


class ByHand:
    """What each section must hold of these visits: the tables' own rows, and labels made in Python."""

    def __init__(self, url: str, visits: list[int], device: str | None, browser: str | None) -> None:
        self.tables = matomo.everything(url)
        self.visits, self.device, self.browser = visits, device, browser
        self._actions = {one["idaction"]: one for one in self.tables["log_action"]}
        self._sites = {one["idsite"]: one for one in self.tables["site"]}

    def sections(self) -> dict[str, list[Row]]:
        done = {one["idlink_va"]: one for one in self.tables["log_link_visit_action"] if one["idvisit"] in self.visits}
        made = {name: [done[each] for each in several if each in done] for name, several in KINDS.items()}
        return {
            "visits": [self._visit(one) for one in self._mine("log_visit", "idvisit")],
            "pages": [self._page(one) for one in made["pages"]],
            "downloads_and_links": [self._left(one) for one in made["downloads_and_links"]],
            "searches": [self._search(one) for one in made["searches"]],
            "events": [self._event(one) for one in made["events"]],
            "contents": [self._content(one) for one in made["contents"]],
            "goals": [self._goal(one) for one in self._mine("log_conversion", "server_time") if one["idgoal"] > 0],
            "orders": [self._order(one) for one in self._mine("log_conversion", "server_time") if one["idgoal"] < 1],
            "order_items": [self._item(one) for one in self._mine("log_conversion_item", "idvisit", "idorder", "idaction_sku")],
        }  # fmt: skip

    def with_plugins(self) -> dict[str, list[Row]]:
        done = {one["idlink_va"]: one for one in self.tables["log_link_visit_action"] if one["idvisit"] in self.visits}
        return self.sections() | {
            "products": [self._product(done[one]) for one in KINDS["products"] if one in done],
            "visit_dimension_custom_dimension_2": [
                {"site": self._site(one), "dimension": {1: "Tariff", 2: "Tarif"}[one["idsite"]],
                 "value": one["custom_dimension_2"], "idvisit": one["idvisit"], "noted_at": shown(one["visit_first_action_time"])}
                for one in self._mine("log_visit", "idvisit") if one["custom_dimension_2"] is not None
            ],
            "action_dimension_custom_dimension_1": [
                {"site": self._site(one), "dimension": "Author", "value": one["custom_dimension_1"],
                 "idvisit": one["idvisit"], "idlink_va": one["idlink_va"], "noted_at": shown(one["server_time"])}
                for one in done.values() if one["custom_dimension_1"] is not None
            ],
            f"plugin_{matomo.PREFIX.lower()}log_media": [self._plain(one) for one in self._mine("log_media", "idvisit")],
        }  # fmt: skip

    def _mine(self, table: str, *order: str) -> list[Row]:
        rows = [one for one in self.tables[table] if one["idvisit"] in self.visits]
        return sorted(rows, key=lambda row: [row[name] for name in order])

    def _plain(self, row: Row, **labels: object) -> Row:
        return {name: shown(value) for name, value in row.items()} | labels

    def _site(self, row: Row) -> str | None:
        return str(self._sites[row["idsite"]]["name"]) if row["idsite"] in self._sites else None

    def _name(self, number: int | None) -> str | None:
        return str(self._actions[number]["name"]) if number in self._actions else None

    def _url(self, number: int | None) -> str | None:
        prefix = {0: "http://", 1: "http://www.", 2: "https://", 3: "https://www.", None: ""}
        return (
            prefix[self._actions[number]["url_prefix"]] + self._actions[number]["name"]
            if number in self._actions
            else None
        )

    def _kind(self, row: Row) -> int | None:
        known = [
            self._actions[row[name]]["type"] for name in ("idaction_url", "idaction_name") if row[name] in self._actions
        ]
        return int(known[0]) if known else None

    def _visit(self, row: Row) -> Row:
        ips = {b"\xcb\0\x71\x07": "203.0.113.7", b"\xcb\0\0\0": "203.0.0.0"}
        referrers = {1: "Direct entry", 2: "Search engine", 3: "Website", 6: "Campaign", 7: "Social network"}
        systems = {"IOS": "iOS", "WIN": "Windows", "AND": "Android", "UNK": None}
        return self._plain(
            row, site=self._site(row), tracking_id=row["idvisitor"].hex(), device=self.device, browser=self.browser,
            ip_address=ips.get(row["location_ip"], "2001:db8::1"), os=systems.get(row["config_os"], row["config_os"]),
            device_brand_label={"AP": "Apple", "XI": "Xiaomi", "Xiaomi": "Xiaomi", "KN": "Amazon"}.get(row["config_device_brand"] or ""),
            device_type_label={0: "Desktop", 1: "Smartphone", 2: "Tablet"}.get(row["config_device_type"]),
            client_type_label={1: "Browser"}.get(row["config_client_type"]),
            referer_type_label=referrers.get(row["referer_type"]),
            goal_buyer_label={3: "Ordered, then left a cart"}.get(row["visit_goal_buyer"]),
            entry_url=self._url(row["visit_entry_idaction_url"]), entry_title=self._name(row["visit_entry_idaction_name"]),
            exit_url=self._url(row["visit_exit_idaction_url"]), exit_title=self._name(row["visit_exit_idaction_name"]),
        )  # fmt: skip

    def _page(self, row: Row) -> Row:
        return self._plain(
            row, site=self._site(row), url=self._url(row["idaction_url"]), title=self._name(row["idaction_name"]),
            previous_url=self._url(row["idaction_url_ref"]), previous_title=self._name(row["idaction_name_ref"]),
            action_type=self._kind(row),
        )  # fmt: skip

    def _left(self, row: Row) -> Row:
        kinds = {2: "Link to another site", 3: "Download"}
        number = self._kind(row)
        return self._plain(
            row, site=self._site(row), kind=kinds[number or 0], action_type=number, url=self._url(row["idaction_url"]),
            previous_url=self._url(row["idaction_url_ref"]), previous_title=self._name(row["idaction_name_ref"]),
        )  # fmt: skip

    def _search(self, row: Row) -> Row:
        return self._plain(
            row, site=self._site(row), searched_for=self._name(row["idaction_name"]), url=self._url(row["idaction_url"]),
            previous_url=self._url(row["idaction_url_ref"]), previous_title=self._name(row["idaction_name_ref"]),
        )  # fmt: skip

    def _event(self, row: Row) -> Row:
        return self._plain(
            row, site=self._site(row), event_category="Video", event_action="play", event_name="Spring\\'s \"film\"",
            event_value=Decimal("2.5"), url="https://shop.example/sale",
        )  # fmt: skip

    def _content(self, row: Row) -> Row:
        return self._plain(
            row, site=self._site(row), content_name="Banner", content_piece="banner.png", content_interaction="click",
            content_target="https://shop.example/sale", url=self._url(row["idaction_url"]),
        )  # fmt: skip

    def _product(self, row: Row) -> Row:
        categories = {"category" + place: self._name(row["idaction_product_cat" + place]) for place in ("", *"2345")}
        return categories | {
            "site": self._site(row), "idvisit": row["idvisit"], "idlink_va": row["idlink_va"],
            "server_time": shown(row["server_time"]), "sku": self._name(row["idaction_product_sku"]),
            "product": self._name(row["idaction_product_name"]), "price": shown(row["product_price"]),
            "url": self._url(row["idaction_url"]),
        }  # fmt: skip

    def _goal(self, row: Row) -> Row:
        goals = {(1, 1): ("Newsletter", "Signed up"), (2, 1): ("Comment", "")}
        name, description = goals.get((row["idsite"], row["idgoal"]), (None, None))
        return self._plain(row, site=self._site(row), goal=name, goal_description=description, **referred(row))

    def _order(self, row: Row) -> Row:
        kind = {0: "Order", -1: "Cart that was left"}[row["idgoal"]]
        return self._plain(row, site=self._site(row), kind=kind, currency="EUR", **referred(row))

    def _item(self, row: Row) -> Row:
        categories = {"category" + place: self._name(row["idaction_category" + place]) for place in ("", *"2345")}
        return self._plain(
            row, site=self._site(row), sku=self._name(row["idaction_sku"]), product=self._name(row["idaction_name"]),
            currency="EUR", state="Taken out again" if row["deleted"] else "Kept", **categories,
        )  # fmt: skip


def referred(row: Row) -> Row:
    return {
        "referer_type_label": {1: "Direct entry", 2: "Search engine", 6: "Campaign", None: None}[row["referer_type"]]
    }


def shown(value: object) -> object:
    """A value of the driver's as the document must have it; times of Matomo's are UTC."""
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, datetime):
        return value.isoformat() + "+00:00"
    if isinstance(value, timedelta):
        return str(value).rjust(8, "0")
    return Decimal(repr(value)) if isinstance(value, float) else value


async def test_a_cookie_is_found_however_it_is_pasted(small: Small) -> None:
    matomo.fill(small.url)
    async with served(small) as (_, client):
        for typed in (
            "5f3a9b1c2d4e6f70", "5F3A9B1C2D4E6F70", "5f3a9b1c2d4e6f70.1690000000.",
            "_pk_id.1.1fff=5f3a9b1c2d4e6f70.1690000000.; path=/", "5f3a9b1c2d4e6f70.1690000000.3.1690000000.1690000000.",
            "_pk_id.1.1fff 5f3a9b1c2d4e6f70%2E1690000000", "0x5F3A9B1C2D4E6F70",
        ):  # fmt: skip
            (found,) = await searched(client, typed)
            assert (found["matched_by"], combinations(found)) == ("idvisitor", set(JANES)), typed
        (found,) = await searched(client, TWIN.hex())
        assert combinations(found) == {IPHONE}
        for typed in (
            "5f3a9b1c2d4e6f7",
            "5f3a9b1c2d4e6f700",
            "f3a9b1c2d4e6f70",
            "05c27ff00000000",
            "005c27ff",
            "%",
            "' OR 1=1 -- ",
            "0",
        ):
            assert await searched(client, typed) == [], typed


async def test_an_email_finds_every_cookie_that_bore_it(small: Small) -> None:
    matomo.fill(small.url)
    async with served(small) as (_, client):
        found = await searched(client, EMAIL.upper())
        assert [(one["matched_by"], combinations(one)) for one in found] == [
            ("user_id", {IPHONE}), ("user_id", set(JANES)),
        ]  # fmt: skip
        assert [combinations(one) for one in await searched(client, "jane@example.community")] == [
            {IPHONE, UNKNOWN, WINDOWS}
        ]
        for typed in ("jane@example.co", "ane@example.com", "j%@example.com", "jané@example.com"):
            assert await searched(client, typed) == [], typed


async def test_a_file_may_search_emails_in_its_own_way(small: Small) -> None:
    matomo.fill(small.url)
    exactly = (
        "SELECT idvisitor AS visitor, user_id AS label FROM {prefix}log_visit WHERE user_id = :email ORDER BY idvisit"
    )
    async with served(small, find={"email": exactly}) as (_, client):
        assert [combinations(one) for one in await searched(client, EMAIL)] == [set(JANES)]
        assert len(await searched(client, JANE.hex())) == 1


async def test_a_combination_says_when_how_much_and_whether_it_is_shared(small: Small) -> None:
    matomo.fill(small.url)
    async with served(small) as (_, client):
        (found,) = await searched(client, JANE.hex())
    told = {(one["device"], one["browser"]): one for one in found["combinations"]}
    assert {which: one["interactions"] for which, one in told.items()} == {
        which: many for which, (_, many) in JANES.items()
    }
    assert [which for which, one in told.items() if "shared-browser" in one["warnings"]] == [WINDOWS]
    assert [told[which]["os"] for which in (IPHONE, WINDOWS, UNKNOWN, ODD)] == ["iOS", "Windows", None, "XYZ"]
    seen = [datetime.fromisoformat(told[IPHONE][key]).replace(tzinfo=None) for key in ("first_seen", "last_seen")]
    assert seen == [matomo.at(1), matomo.at(2.5)]


@pytest.mark.parametrize("combination", JANES, ids=str)
async def test_an_export_holds_what_the_tables_hold(small: Small, combination: tuple[str | None, str | None]) -> None:
    matomo.fill(small.url)
    async with served(small) as (_, client):
        sections, about = await exported(client, JANE, combination)
    expected = ByHand(small.url, JANES[combination][0], *combination).with_plugins()
    assert list(sections) == [one["name"] for one in about["sections"]]
    assert {one["status"] for one in about["sections"]} == {"included"}
    for name, rows in expected.items():
        assert sections[name] == rows, name
    assert set(sections) == set(expected)
    assert about["other_combinations"] == len(JANES) - 1


async def test_nothing_of_a_stranger_leaves(small: Small) -> None:
    matomo.fill(small.url)
    async with served(small) as (_, client):
        for combination in JANES:
            sections, _ = await exported(client, JANE, combination)
            text = json.dumps(sections, default=str, ensure_ascii=False)
            assert "stranger" not in text
            assert "Lead" not in text
            assert "jane@example.community" not in text
            # Her own visit may hold a row from before its cookie changed its name; nobody else's does.
            ids = {row["idvisit"] for rows in sections.values() for row in rows}
            assert ids == set(JANES[combination][0])
        sections, _ = await exported(client, JANE, IPHONE)
        titles = [row["title"] for row in sections["pages"]]
        assert EMOJI in titles
        assert HEBREW in titles
        sections, _ = await exported(client, STRANGER, IPHONE)
        assert [len(sections[name]) for name in ("visits", "events", "contents", "goals", "orders", "order_items")] == [
            1, 1, 1, 1, 2, 2,
        ]  # fmt: skip


async def test_an_older_schema_without_plugins_is_read_too(small: Small) -> None:
    matomo.fill(small.url, newer=False)
    async with served(small) as (_, client):
        sections, about = await exported(client, JANE, WINDOWS)
    expected = ByHand(small.url, [3, 4], *WINDOWS).sections()
    assert sections == expected
    lacking = {one["name"] for one in about["sections"] if one["status"] == "absent"}
    assert lacking == {"products", "visit_dimension", "action_dimension", "plugin"}


async def test_the_check_is_content(small: Small) -> None:
    matomo.fill(small.url)
    async with served(small) as (service, _):
        ((_, source),) = service.services.registry.every_source()
        told = [one.text for one in await source.check()]
    # Matomo has no index of user ids; the page on the preset says which one to make.
    assert [one for one in told if matomo.OTHER not in one and "log_visit" not in one] == []
    assert any("reads all of" in one for one in told)


FORMS = """
CREATE TABLE {p}log_form (idlogform int PRIMARY KEY, idvisitor binary(8), idvisit bigint unsigned, words text);
CREATE TABLE {p}log_form_field (idlogform int, field text);
CREATE TABLE {p}form_answer (id int PRIMARY KEY, idvisit bigint unsigned, answer text);
CREATE TABLE {p}log_hsr_seen (id int PRIMARY KEY, idvisitor binary(8));
INSERT INTO {p}log_form VALUES (1, x'5f3a9b1c2d4e6f70', 1, 'hers'), (2, x'5f3a9b1c2d4e6f71', 99, 'of another')
"""


async def test_a_plugins_table_with_the_visits_key_is_exported_or_warned_of_by_name(small: Small) -> None:
    matomo.fill(small.url)
    small.run(FORMS.replace("{p}", matomo.PREFIX))
    async with served(small) as (service, client):
        ((_, source),) = service.services.registry.every_source()
        warned = [one for one in await source.check() if "stands in no section" in one.text]
        sections, _ = await exported(client, JANE, IPHONE)
    assert all(one.warning for one in warned)
    # What hangs on no key of a visitor, as the fields of a form, the check cannot know.
    assert [one.text.partition(", by which")[0] for one in warned if matomo.PREFIX in one.text] == [
        f"the table '{matomo.PREFIX}form_answer' has the column 'idvisit'",
        f"the table '{matomo.PREFIX}log_hsr_seen' has the column 'idvisitor'",
    ]
    assert [row["words"] for row in sections[f"plugin_{matomo.PREFIX.lower()}log_form"]] == ["hers"]


async def test_the_prefix_is_a_name_and_nothing_else(small: Small) -> None:
    matomo.fill(small.url)
    for odd in ("x`; DROP TABLE y; --", "a b", "ä"):
        with pytest.raises(Exception, match=r"variables\.prefix"):
            async with served(small, variables={"prefix": odd}):
                pass


async def test_tables_without_a_prefix_are_read_too(small: Small) -> None:
    matomo.fill(small.url)
    names = list(matomo.everything(small.url))
    expected = ByHand(small.url, [1, 2], *IPHONE).with_plugins()
    small.run(";\n".join(f"RENAME TABLE {matomo.PREFIX}{name} TO {name}" for name in names))
    async with served(small, variables={}) as (_, client):
        sections, _ = await exported(client, JANE, IPHONE)
    assert {name.replace(matomo.PREFIX.lower(), "") for name in expected} == set(sections)
    assert all(sections[name] == rows for name, rows in expected.items() if name in sections)


async def test_the_index_of_visitors_is_used(small: Small) -> None:
    matomo.fill(small.url)
    many = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
    small.run(
        f"INSERT INTO {matomo.PREFIX}log_visit (idsite, idvisitor, visit_first_action_time, visit_last_action_time, config_id,"
        f" location_ip) {many} SELECT i % 3 + 1, unhex(left(sha1(i), 16)), now(), now(), 'abcdefgh', '' FROM n;\n"
        f"ANALYZE TABLE {matomo.PREFIX}log_visit"
    )
    small.run("FLUSH STATUS")
    before = rows_read(small)
    async with served(small) as (_, client):
        assert len(await searched(client, JANE.hex())) == 1
    assert rows_read(small) - before < 2000


def rows_read(small: Small) -> int:
    """Of all tables, since the server began."""
    names = "'Handler_read_next', 'Handler_read_rnd_next', 'Handler_read_key', 'Handler_read_prev'"
    ((many,),) = small.run(
        f"SELECT sum(variable_value) FROM information_schema.global_status WHERE variable_name IN ({names})"
    )
    return int(many)


def test_it_is_recognised_with_its_prefix_and_version(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    matomo.fill(small.url)
    small.run(
        f"CREATE TABLE {matomo.PREFIX}option (option_name varchar(191) PRIMARY KEY, option_value longtext NOT NULL);\n"
        f"INSERT INTO {matomo.PREFIX}option VALUES ('version_core', '5.2.0-b5'), ('version_Live', '5.1')"
    )
    monkeypatch.setenv("DOSSIER_DATA_CENTERS", str(small.folder / "centers"))
    monkeypatch.setenv("MATOMO_URL", small.reader().url)
    wanted = ("--data-center", "acme", "--source", "web", "--title", "Web", "--dsn", "MATOMO_URL")
    assert main(["sources", "init", *wanted]) == 2
    said = capsys.readouterr()
    assert f"MATOMO_URL: Matomo 5.2.0-b5, with prefix = '{matomo.PREFIX}'. Its preset is 'matomo'." in said.out
    assert f"MATOMO_URL: Matomo, with prefix = '{matomo.OTHER}'." in said.out
    assert f"choose by --set prefix={matomo.PREFIX} and --set prefix={matomo.OTHER}." in said.err
    assert main(["sources", "init", *wanted, "--set", f"prefix={matomo.PREFIX}"]) == 0
    written = (small.folder / "centers" / "acme" / "web.toml").read_text()
    assert f'prefix = "{matomo.PREFIX}"' in written
