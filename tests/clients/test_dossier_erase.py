"""The command `dossier` erases what was looked at, once somebody typed whose it is, and hands out the receipt."""

import json
import re
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.__main__ import main
from tests.desk import JANES_IPHONE, Desk, desk, looks_like
from tests.erasures import erasing_environ, write_erasable
from tests.site import Site, site
from tests.terminal import CTRL_C

EMAIL = JANES_IPHONE[0]
SHOP = (EMAIL, "--device", "iPhone", "--browser", "Safari")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Acme erases with two administrators, from its website; Globex with one, from its shop."""
    folder = tmp_path_factory.mktemp("site")
    place = site(folder, mappings=write_erasable(folder, 'erasure = "two"', top='backups_until = "35 d"'))
    place.environ |= erasing_environ(folder)
    with place.serving():
        yield place


@pytest.fixture(scope="module")
def keys(place: Site) -> dict[str, str]:
    return {
        "maria": place.key("maria", "acme", may=("erasures:create",)),
        "otto": place.key("otto", "acme", may=("erasures:approve",)),
        "olga": place.key("olga", "globex", may=("erasures:create",)),
    }


@pytest.fixture
def at(place: Site, keys: dict[str, str], tmp_path: Path) -> Desk:
    return desk(place, tmp_path / "maria", keys["maria"])


@pytest.fixture
def shop(place: Site, keys: dict[str, str], tmp_path: Path) -> Desk:
    """Olga's at Globex, of whose visitor there is something."""
    _in_shop(place, "INSERT OR IGNORE INTO orders VALUES (7, 'c-1', 'iPhone', 'Safari', 12.5)")
    return desk(place, tmp_path / "olga", keys["olga"])


def _in_shop(place: Site, statement: str) -> list[Any]:
    with closing(sqlite3.connect(place.folder / "shop.db")) as database, database:
        return database.execute(statement).fetchall()


def orders(place: Site) -> int:
    return int(_in_shop(place, "SELECT count(*) FROM orders")[0][0])


def asked(at: Desk, method: str, below: str, **sent: Any) -> Any:
    """Without the second that a command takes to start."""
    headers, center = {"Authorization": f"Bearer {at.key}"}, "globex" if at.folder.name == "olga" else "acme"
    return httpx.request(method, f"{at.url}/v1/data-centers/{center}{below}", headers=headers, **sent).json()


def handle(at: Desk) -> str:
    """Of the visitor with something on an iPhone."""
    found = asked(at, "POST", "/visitors/search", json={"identifier": EMAIL})
    (one,) = {
        visitor["handle"]
        for source in found["data_sources"]
        if source["id"] == "website" or len(found["data_sources"]) == 1
        for visitor in source["visitors"]
        if "iPhone" in [few["device"] for few in visitor["combinations"]]
    }
    return str(one)


def history(at: Desk, **filters: str) -> list[Any]:
    return list(asked(at, "GET", "/history", params=filters)["items"])


def test_a_person_sees_what_would_go_and_types_the_handle(place: Site, shop: Desk) -> None:
    typed = handle(shop)
    with shop.sits("erase", EMAIL, "--receipt", f"{shop.folder}/receipt.json") as shown:
        shown.until("to leave:")
        shown.press(b"1\n")
        shown.until("type the handle")
        shown.press(b"000000000000\n")
        shown.until("That is another one;")
        shown.press(typed.encode() + b"\n")
    seen = looks_like(shown, 80)
    assert shop.ended == 0, seen
    assert f"To be erased on Shop: visitor j•••@example.com ({typed}), on every device." in seen
    assert re.search(r"\n *What you ordered  deleted +1\n", seen), seen
    assert "Done: 1 row deleted." in seen
    assert f"The receipt:  {shop.folder}/receipt.json" in seen.replace("\n", "")
    assert seen.count(EMAIL) == 0
    assert orders(place) == 0
    (receipt,) = shop.folder.iterdir()
    assert stat.S_IMODE(receipt.stat().st_mode) == 0o600
    assert main(["verify", str(receipt)]) == 0


@pytest.mark.everywhere
def test_leaving_the_question_erases_nothing(place: Site, shop: Desk) -> None:
    for key, code in ((b"\n", 1), (CTRL_C, 130)):
        with shop.sits("erase", *SHOP) as shown:
            shown.until("type the handle")
            shown.until("leave:")
            # As in test_dossier.py: a signal right after the question is heard late.
            time.sleep(0.5)
            shown.press(key)
        assert (shop.ended, "Nothing was requested." in shown.text) == (code, True)
    assert orders(place) == 1


def test_a_script_confirms_by_the_handle_or_erases_nothing(place: Site, shop: Desk) -> None:
    unsaid = shop.run("erase", *SHOP)
    assert (unsaid.returncode, unsaid.stdout) == (2, "")
    assert "--confirm HANDLE. It stands in brackets behind the visitor's label" in unsaid.stderr
    typed = handle(shop)
    assert shop.run("erase", EMAIL, "--confirm", typed).returncode == 2
    wrong = shop.run("erase", *SHOP, "--confirm", "000000000000")
    assert (wrong.returncode, "The handle that was typed is another." in wrong.stderr) == (2, True)
    taken = shop.folder / "mine.json"
    taken.write_text("mine")
    refused = shop.run("erase", *SHOP, "--confirm", typed, "--receipt", str(taken))
    assert (refused.returncode, "another one with --receipt" in refused.stderr) == (2, True)
    assert (orders(place), taken.read_text()) == (1, "mine")
    erasure = shop.json("erase", *SHOP, "--confirm", typed, "--case-reference", "DSAR-9")
    assert (erasure["status"], erasure["case_reference"], erasure["path"], orders(place)) == ("done", "DSAR-9", None, 0)
    assert shop.json("receipt", erasure["id"])["steps"][0]["rows_before"] == 1


def test_a_preview_ends_there_and_prints_no_plan(place: Site, shop: Desk) -> None:
    looked = shop.run("erase", *SHOP, "--preview")
    assert (looked.returncode, looked.stderr) == (0, "")
    assert "Together: 1 row deleted." in looked.stdout
    plan = shop.json("erase", *SHOP, "--preview")
    assert set(plan) >= {"plan", "steps", "exports"}
    assert not re.search(r"\S{60}", looked.stdout)
    assert orders(place) == 1


def test_archives_are_revoked_with_it_unless_they_are_kept(shop: Desk, place: Site) -> None:
    export = shop.json("export", *SHOP, "--no-download")["id"]
    typed = handle(shop)
    kept = shop.run("erase", *SHOP, "--confirm", typed, "--keep-exports")
    assert (kept.returncode, f"Archives that are ready, and stay: {export}." in " ".join(kept.stdout.split())) == (
        0,
        True,
    )
    assert re.search(r"\n  http://127.*/receipt\n  dossier receipt [0-9a-f-]{36}\n", kept.stdout), kept.stdout
    assert history(shop, status="ready")
    _in_shop(place, "INSERT INTO orders VALUES (8, 'c-1', 'iPhone', 'Safari', 1)")
    gone = shop.run("erase", *SHOP, "--confirm", typed)
    assert (gone.returncode, "Archives that were revoked with it: 1." in gone.stdout) == (0, True)
    assert not history(shop, status="ready")


@pytest.mark.everywhere
def test_whoever_does_not_wait_has_the_receipt_later(place: Site, shop: Desk) -> None:
    whom = (*SHOP, "--confirm", handle(shop))
    with closing(sqlite3.connect(place.folder / "shop.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with shop.sits("erase", *whom) as shown:
            shown.until("Erasing")
            time.sleep(0.5)
            shown.press(CTRL_C)
    assert shop.ended == 130
    (line,) = re.findall(r"The erasure goes on\. For its receipt, later:\s+dossier (receipt \S+)", shown.text)
    assert json.loads(shop.run(*line.split()).stdout)["steps"][0]["rows_after"] == 0


def test_what_fails_is_said_in_words(place: Site, shop: Desk) -> None:
    _in_shop(place, "CREATE TABLE parcels (id INTEGER PRIMARY KEY, number INTEGER REFERENCES orders (number))")
    _in_shop(place, "INSERT INTO parcels VALUES (1, 7)")
    failed = shop.run("erase", *SHOP, "--confirm", handle(shop))
    _in_shop(place, "DROP TABLE parcels")
    assert failed.returncode == 1
    assert "The erasure failed: the database refuses, because other rows refer to those" in failed.stderr
    (listed,) = history(shop, status="failed")
    early = shop.run("receipt", listed["id"])
    assert (early.returncode, early.stdout, "(rows-referred)" in early.stderr) == (1, "", True)


@pytest.mark.everywhere
def test_another_administrator_approves_or_it_is_cancelled(at: Desk, place: Site, keys: dict[str, str]) -> None:
    otto, typed = desk(place, at.folder, keys["otto"]), handle(at)
    waiting = at.run("erase", *JANES_IPHONE, "--confirm", typed)
    assert (waiting.returncode, "Another administrator must approve it" in waiting.stdout) == (0, True)
    (first,) = re.findall(r"approves it with:\n  dossier approve (\S+)\n", waiting.stdout)
    again = at.run("erase", *JANES_IPHONE, "--confirm", typed)
    assert (again.returncode, "`dossier revoke ID` cancels it" in again.stderr) == (1, True)
    early = at.run("receipt", first)
    assert (early.returncode, f"dossier approve {first}" in early.stderr) == (1, True)
    with at.sits("revoke", first) as shown:
        shown.until("Cancel it? yes or no:")
        shown.press(b"yes\n")
    assert (at.ended, "Erasure, whole visitor on Website" in shown.text) == (0, True)
    second = at.json("erase", *JANES_IPHONE, "--confirm", typed)
    assert (second["status"], second["path"]) == ("requested", None)
    assert at.run("approve", second["id"], "--yes").returncode == 3
    with otto.sits("approve", second["id"]) as shown:
        shown.until("yes or no:")
        shown.press(b"yes\n")
    assert (otto.ended, "maria asked at " in shown.text) == (0, True), shown.text
    receipt = at.folder / "receipt.json"
    assert at.run("receipt", second["id"], "--output", str(receipt)).returncode == 0
    assert json.loads(receipt.read_text())["approved_by"] == "otto"
    assert at.run("receipt", second["id"]).stdout == receipt.read_text()
    listed = at.run("history", "--kind", "erasure", "--status", "done", COLUMNS="300").stdout
    assert re.search(
        r"whole visitor +maria +– +erasure, backups until 20\d\d-\d\d-\d\d, receipt +[0-9a-f-]{36}\n", listed
    )
