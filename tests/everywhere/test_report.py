"""report.html in a real browser, from disk: nobody is kept out, and nothing is lost on paper, whatever the values are."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdf
import pytest

from tests.builders import archive, request_export, running
from tests.everywhere.conftest import npm_ci
from tests.everywhere.test_console import BROWSERS, PROJECT
from tests.small import mapping, personal, section, toml, write_mappings

pytestmark = pytest.mark.everywhere
PAGES = Path(__file__).parent / "report" / "pages.mjs"
LAST = 299
ALARM = "<script>alert(1)</script><img src=x onerror=alert(1)>"
AWKWARD: dict[str, Any] = {
    "markup": ALARM, "address": "javascript:alert(1)", "formula": '=cmd|"/c calc"!A1', "hebrew": "שלום לכולם 📱 مرحبا",
    "turning": "a\u202eb\u2066c", "long": "é" * 20_000, "word": "w" * 5000, "nothing": None, "empty": "",
    "deep": None,
}  # fmt: skip
DEEP = "[" * 50 + '"at the bottom"' + "]" * 50
HERE = "WHERE :visitor IS NOT NULL AND device IS :device AND browser IS :browser"


def _mapping() -> dict[str, Any]:
    wide = ", ".join(
        f"'{'canary' if number == LAST else 'v'}' || row || '-{number}' AS c{number}" for number in range(300)
    )
    ten = ", ".join(f"'short {number}' AS field_{number}" for number in range(10))
    quoted = ", ".join(f"json_extract(raw, '$.{name}') AS \"{name}\"" for name in AWKWARD if name != "deep")
    numbers = "WITH RECURSIVE n(row) AS (SELECT 1 UNION ALL SELECT row + 1 FROM n WHERE row < {most})"

    def many(columns: str, most: int) -> str:
        return f"{numbers.format(most=most)} SELECT {columns} FROM n, events {HERE} AND events.id = 1 ORDER BY row"

    return mapping(
        section(),
        section("wide", many(wide, 5), title="Three hundred columns"),
        section("ten", many(ten, 40), title="Ten short lines"),
        section("huge", many(f"'{'é' * 1_000_000}' AS two_megabytes", 1), title="Two megabytes"),
        section("one", many("row AS only_one", 3), title="One column"),
        section("awkward", f"SELECT {quoted}, '{DEEP}' AS deep FROM awkward, events {HERE} AND events.id = 1 ORDER BY 1", json=["deep"]),
        personal(title=ALARM),
        time_zone="Asia/Tokyo",
    )  # fmt: skip


def _database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(
            "CREATE TABLE people (id integer PRIMARY KEY, email text, cookie text);"
            "CREATE TABLE events (id integer PRIMARY KEY, visitor_id integer, device text, browser text, os text, at text,"
            " what text, people integer);"
            "CREATE TABLE awkward (raw text);"
            "INSERT INTO people VALUES (1, 'jane@example.com', '183');"
            "INSERT INTO events VALUES (1, 1, 'iPhone', 'Safari', 'iOS', '2026-01-02T03:04:05Z', 'first', 1)"
        )
        database.execute("INSERT INTO awkward VALUES (?)", (json.dumps(AWKWARD),))


@dataclass(frozen=True, slots=True)
class Reports:
    """The page on disk, and what looks at it."""

    project: Path
    node: str
    report: Path

    def look(self, page: str, folder: Path) -> None:
        shots = Path(os.environ.get("DOSSIER_PICTURES", folder))
        shots.mkdir(parents=True, exist_ok=True)
        environ = os.environ | {
            "BROWSER": "chrome", "EXECUTABLE": BROWSERS["chrome"].path(), "JOURNEY": page, "SHOTS": str(shots),
            "DOWNLOADS": str(folder), "HOME": str(folder), "REPORT": self.report.as_uri(), "PDF": str(folder / "report.pdf"),
        }  # fmt: skip
        command = [self.node, PAGES.name]
        done = subprocess.run(
            command, cwd=self.project, env=environ, input="", capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def reports(node: str, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    project = npm_ci(PROJECT, tmp_path_factory.mktemp("report") / "project")
    shutil.copy(PAGES, project)
    folder = tmp_path_factory.mktemp("awkward")
    _database(folder / "website.db")

    async def export() -> bytes:
        mappings = write_mappings(folder, toml(_mapping()))
        environ = {"WEBSITE_URL": f"sqlite:///{folder / 'website.db'}"}
        async with running(folder, mappings=mappings, environ=environ) as service, await service.client() as client:
            return (await archive(client, await request_export(client))).read("report.html")

    (folder / "report.html").write_bytes(asyncio.run(export()))
    return Reports(project, node, folder / "report.html")


@pytest.mark.parametrize("page", ["wide", "wide_dark", "middle", "narrow", "narrow_dark"])
def test_nobody_is_kept_out_of_the_report(page: str, reports: Reports, tmp_path: Path) -> None:
    reports.look(page, tmp_path)


def test_every_column_of_every_row_is_there_on_paper(reports: Reports, tmp_path: Path) -> None:
    reports.look("paper", tmp_path)
    printed = "".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "report.pdf").pages)
    printed = "".join(printed.split())
    assert [row for row in range(1, 6) if f"canary{row}-{LAST}" not in printed] == []
    assert all(f"v5-{number}" in printed for number in range(LAST))
    assert "".join(ALARM.split()) in printed
    assert "atthebottom" in printed
    assert "Of1entry,thenewestistoolongforthispage." in printed
