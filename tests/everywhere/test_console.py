"""The console in real browsers, as an administrator uses it: found, chosen, exported, watched, downloaded."""

import json
import os
import sqlite3
import subprocess
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from app.commands.demo import sample_databases
from tests.erasures import STEPS, change, erasing_environ, write_erasable
from tests.everywhere.conftest import Program, npm_ci
from tests.sample import Served
from tests.servers import Issuer, running
from tests.site import site

pytestmark = pytest.mark.everywhere
PROJECT = Path(__file__).parent / "console"
BROWSERS = {
    "chrome": Program("chromium", ("chromium", "chromium-browser", "google-chrome")),
    "firefox": Program("firefox-esr", ("firefox-esr", "firefox")),
}
IN_BOTH = ("the_main_job", "a_source_is_down", "a_shared_browser")
IN_CHROME = (
    "an_auditor", "an_expiry", "a_revocation_elsewhere", "a_session_that_ends", "two_tabs", "a_dashboards_link",
    "by_keyboard", "the_history", "a_failure", "german_and_dark", "first_view",
    "no_barrier_wide", "no_barrier_narrow", "no_barrier_wide_dark", "no_barrier_narrow_light",
)  # fmt: skip
ERASING = ("four_eyes", "a_failed_erasure", "a_plan_that_runs_out")
KEPT = """
[[erase]]
table = "invoices"
title = "What you were billed"
action = "keep"
because = "the law wants invoices for eight years"
count = "SELECT 3 WHERE :visitor IS NOT NULL"
"""
REFERRING = "CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people (id))"
Deed = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Console:
    """The sample, served; journeys through its page, by a browser that node drives."""

    sample: Served
    project: Path
    node: str
    auditor: str = ""

    def goes(
        self, browser: str, journey: str, folder: Path, deeds: Mapping[str, Deed] | None = None, **said: str
    ) -> None:
        """Whoever walks the journey asks for deeds by name, and goes on when they are done."""
        environ = os.environ | {
            "BROWSER": browser, "EXECUTABLE": BROWSERS[browser].path(), "JOURNEY": journey, "DOWNLOADS": str(folder),
            "SHOTS": str(_shots(folder)), "URL": self.sample.place.address, "KEY": self.sample.key, "HOME": str(folder),
            "AUDITOR": self.auditor, **said,
        }  # fmt: skip
        with subprocess.Popen(
            [self.node, "journeys.mjs"], cwd=self.project, env=environ, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as walking:  # fmt: skip
            assert walking.stdin
            assert walking.stdout
            assert walking.stderr
            for line in walking.stdout:
                (deeds or {})[line.removeprefix("ask ").strip()]()
                walking.stdin.write("\n")
                walking.stdin.flush()
            told = walking.stderr.read()
            assert walking.wait(120) == 0, told
            print(told)

    @property
    def database(self) -> Path:
        return self.sample.place.folder / "sample" / "dossier.db"

    def change(self, statement: str) -> None:
        with closing(sqlite3.connect(self.database, timeout=30)) as database, database:
            database.execute(statement)

    def key(self, name: str, role: str) -> str:
        own = {"DOSSIER_VAR_DIR": str(self.sample.place.folder / "sample")}
        folder = str(self.sample.place.folder / "sample" / "data-centers")
        sources = sample_databases(self.database.parent)
        made = self.sample.place.run(
            "keys", "create", "--name", name, "--data-center", "acme", "--role", role,
            **own, **sources, DOSSIER_DATA_CENTERS=folder,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()


def _shots(folder: Path) -> Path:
    """Where pictures go: into the folder that DOSSIER_PICTURES names, if somebody wants to look at them."""
    path = Path(os.environ.get("DOSSIER_PICTURES", folder))
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="module")
def console(sample: Served, node: str, tmp_path_factory: pytest.TempPathFactory) -> Console:
    made = Console(sample, npm_ci(PROJECT, tmp_path_factory.mktemp("console") / "project"), node)
    return replace(made, auditor=made.key("auditor", "auditor"))


@pytest.mark.parametrize("browser", BROWSERS)
@pytest.mark.parametrize("journey", IN_BOTH)
def test_in_each_browser(console: Console, tmp_path: Path, journey: str, browser: str) -> None:
    console.goes(browser, journey, tmp_path, _deeds(console, tmp_path))


@pytest.mark.parametrize("journey", IN_CHROME)
def test_in_one_browser(console: Console, tmp_path: Path, journey: str) -> None:
    console.goes("chrome", journey, tmp_path, _deeds(console, tmp_path))


def test_nothing_runs_that_is_data(console: Console, tmp_path: Path) -> None:
    hostile = site(tmp_path)
    with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
        device, browser = "<img src=x onerror=alert(1)>", "'\"><svg onload=alert(3)>\u202e"
        database.execute(
            "UPDATE events SET device = ?, browser = ?, os = ? WHERE visitor_id = 2", (device, browser, device)
        )
        database.execute("UPDATE people SET email = ? WHERE id = 2", (browser,))
    key = hostile.key()
    with hostile.serving():
        where = {"URL": f"http://127.0.0.1:{hostile.environ['DOSSIER_PORT']}", "KEY": key, "HOSTILE": "9f3"}
        console.goes("chrome", "nothing_runs_that_is_data", tmp_path, {}, **where)


@pytest.mark.parametrize("browser", BROWSERS)
def test_signing_in_at_an_identity_provider(console: Console, tmp_path: Path, browser: str) -> None:
    """The provider has another site's name, so that cookies are sent as strictly as between two companies."""
    with running(Issuer) as issuer:
        there = issuer.url.replace("127.0.0.1", "localhost")
        httpx.put(f"{there}/users/maria", json={"dossier": {"acme": ["administrator"]}}).raise_for_status()
        own = {"ISSUER": there, "AUDIENCE": "api", "CLIENT_ID": "console", "CLIENT_SECRET": "of the tests"}
        trusting = site(tmp_path)
        trusting.environ.update({f"DOSSIER_OIDC_{name}": value for name, value in own.items()})
        with trusting.serving():
            where = {"URL": f"http://127.0.0.1:{trusting.environ['DOSSIER_PORT']}"}
            console.goes(browser, "an_identity_provider", tmp_path, {}, **where)


@pytest.mark.parametrize("browser", BROWSERS)
def test_an_erasure(console: Console, tmp_path: Path, browser: str) -> None:
    _erase(console, tmp_path, "an_erasure", browser)


@pytest.mark.parametrize("journey", ERASING)
def test_what_becomes_of_an_erasure(console: Console, tmp_path: Path, journey: str) -> None:
    _erase(console, tmp_path, journey, "chrome", 'erasure = "two"' if journey == "four_eyes" else 'erasure = "one"')


def _erase(console: Console, folder: Path, journey: str, browser: str, center: str = 'erasure = "one"') -> None:
    erasing = site(folder, mappings=write_erasable(folder, center, STEPS + KEPT, 'backups_until = "35 d"'))
    erasing.environ.update(erasing_environ(folder))
    here = "(1, 'iPhone', 'Safari', 1)"
    came = f"INSERT INTO events (visitor_id, device, browser, people) VALUES {here}"
    deeds: Mapping[str, Deed] = {
        "read the receipts": lambda: _read_receipts(folder),
        "bring her back": lambda: _do(folder, "INSERT INTO people VALUES (1, 'jane@example.com', '183')", came),
        "refer to her": lambda: _do(folder, REFERRING, "INSERT INTO orders VALUES (1, 1)"),
        "refer to her no more": lambda: _do(folder, "DELETE FROM orders"),
        "let more come in": lambda: _do(folder, came),
    }
    where = {"KEY": erasing.key(may=("erasures:create",)), "OTHER": erasing.key("otto", may=("erasures:approve",))}
    with erasing.serving():
        url = f"http://127.0.0.1:{erasing.environ['DOSSIER_PORT']}"
        console.goes(browser, journey, folder, deeds, URL=url, **where)


def _do(folder: Path, *statements: str) -> None:
    for one in statements:
        change(folder, one)


def _read_receipts(folder: Path) -> None:
    (page,), (data,) = folder.glob("receipt-*.html"), folder.glob("receipt-*.json")
    assert "Receipt: personal data erased at Acme" in page.read_text()
    assert json.loads(data.read_text())["case_reference"] == "DSAR-17"


def _deeds(console: Console, folder: Path) -> Mapping[str, Deed]:
    shop = console.sample.place.folder / "sample" / "shop.db"
    away = shop.with_name("shop.away")
    return {
        "take the shop away": lambda: shop.rename(away),
        "bring the shop back": lambda: away.rename(shop),
        "let it expire soon": lambda: console.change(
            "UPDATE history_entries SET expires_at = strftime('%Y-%m-%d %H:%M:%f000', 'now', '+4 seconds')"
            " WHERE status = 'ready'"
        ),
        "let the session rest": lambda: console.change(
            "UPDATE console_sessions SET used_at = datetime('now', '-31 minutes')"
        ),
        "revoke it elsewhere": lambda: _revoke(console),
        "read the archive": lambda: _read(folder),
        "read the list": lambda: _read_list(folder),
        "spoil the shop": lambda: _rename(shop, "orders", "orders_away"),
        "mend the shop": lambda: _rename(shop, "orders_away", "orders"),
    }


def _revoke(console: Console) -> None:
    headers = {"Authorization": f"Bearer {console.sample.key}"}
    with httpx.Client(base_url=console.sample.place.address, headers=headers) as client:
        (first, *_) = client.get("/v1/data-centers/acme/history?status=ready").json()["items"]
        assert client.delete(first["links"]["self"]).status_code == httpx.codes.NO_CONTENT


def _read(folder: Path) -> None:
    (archive,) = folder.glob("export-*.zip")
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert "personal-data.json" in opened.namelist()


def _read_list(folder: Path) -> None:
    for _ in range(100):
        if found := list(folder.glob("history-acme*.csv")):
            assert found[0].read_text().startswith("id,kind,status,")
            return
        time.sleep(0.1)
    raise AssertionError("no list came")


def _rename(database: Path, before: str, after: str) -> None:
    with closing(sqlite3.connect(database, timeout=30)) as opened, opened:
        opened.execute(f"ALTER TABLE {before} RENAME TO {after}")
