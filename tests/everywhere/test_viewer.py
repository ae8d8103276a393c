"""viewer.html in real browsers, from disk and without network: an archive seen by whom it is about."""

import csv
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.archive.stationery import Stationery
from tests.everywhere.conftest import Demo, npm_ci
from tests.everywhere.test_console import BROWSERS, PROJECT

pytestmark = pytest.mark.everywhere
JOURNEYS = Path(__file__).parent / "viewer" / "journeys.mjs"
IN_BOTH = ("main_job", "by_keyboard", "a_csv", "awkward", "tampered")
IN_CHROME = (
    "other_files", "nothing_included", "no_barrier_wide", "no_barrier_wide_dark", "no_barrier_middle",
    "no_barrier_narrow", "no_barrier_narrow_dark",
)  # fmt: skip
DOCUMENT, MANIFEST = "personal-data.json", "META/manifest.json"


@dataclass(frozen=True, slots=True)
class Viewed:
    """The page on disk, files to open with it, and what walks through it."""

    project: Path
    node: str
    files: Mapping[str, str]

    def goes(self, browser: str, journey: str, folder: Path) -> None:
        shots = Path(os.environ.get("DOSSIER_PICTURES", folder))
        shots.mkdir(parents=True, exist_ok=True)
        environ = os.environ | {
            "BROWSER": browser, "EXECUTABLE": BROWSERS[browser].path(), "JOURNEY": journey, "DOWNLOADS": str(folder),
            "SHOTS": str(shots), "HOME": str(folder), **self.files,
        }  # fmt: skip
        done = subprocess.run(
            [self.node, JOURNEYS.name], cwd=self.project, env=environ, text=True, input="\n" * 9,
            capture_output=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def viewed(demo: Demo, node: str, tmp_path_factory: pytest.TempPathFactory) -> Viewed:
    project = npm_ci(PROJECT, tmp_path_factory.mktemp("viewer") / "project")
    shutil.copy(JOURNEYS, project)
    folder = tmp_path_factory.mktemp("files") / "of a person, här"
    folder.mkdir()
    (folder / "viewer.html").write_bytes(Stationery().viewer)
    files = {"PAGE": (folder / "viewer.html").as_uri(), "ARCHIVE": str(demo.archive), "NEEDLE": _needle(demo)}
    return Viewed(project, node, files | {name: str(path) for name, path in _files(demo, folder).items()})


@pytest.mark.parametrize("browser", BROWSERS)
@pytest.mark.parametrize("journey", IN_BOTH)
def test_in_each_browser(viewed: Viewed, tmp_path: Path, journey: str, browser: str) -> None:
    viewed.goes(browser, journey, tmp_path)
    if journey == "a_csv":
        _read_csv(tmp_path)


@pytest.mark.parametrize("journey", IN_CHROME)
def test_in_one_browser(viewed: Viewed, tmp_path: Path, journey: str) -> None:
    viewed.goes("chrome", journey, tmp_path)


def _read_csv(folder: Path) -> None:
    (saved,) = folder.glob("*.csv")
    with saved.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert len(rows) == 1500
    assert {len(row) for row in rows} == {len(header)}


def _needle(demo: Demo) -> str:
    """A text of the last row but one of the largest section."""
    sections = json.loads(demo.contents()[DOCUMENT])["sections"]
    row = max(sections.values(), key=len)[-2]
    return next(text for text in row.values() if isinstance(text, str) and len(text) > 6)[:24]


def _files(demo: Demo, folder: Path) -> dict[str, Path]:
    contents = demo.contents()
    small = {**contents, DOCUMENT: b"{}"}
    newer = contents[MANIFEST].replace(b'"schema_version": "1.', b'"schema_version": "7.')
    text = {
        "NO_ARCHIVE": b"Dear reader", "EMPTY": b"", "OTHER_JSON": b'{"a":1}', "CUT": demo.archive.read_bytes()[:-9000],
        "AWKWARD": _document(_AWKWARD), "NOTHING": _document({}), "DOCUMENT": _document({"one": [{"a": 1}]}),
    }  # fmt: skip
    made = {name: _written(folder / f"{name.lower()}.json", content) for name, content in text.items()}
    made["TAMPERED"] = _zip(folder / "tampered.zip", contents | {"report.html": contents["report.html"] + b" "})
    made["OTHER_ZIP"] = _zip(folder / "other.zip", {"holiday.txt": b"sun"})
    made["NEWER"] = _zip(folder / "newer.zip", small | {MANIFEST: newer, DOCUMENT: b'{"schema_version":"7.0"}'})
    return made


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _zip(path: Path, members: Mapping[str, bytes]) -> Path:
    """With files as plain as the service's own."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            made.writestr(info, content)
    return path


def _document(sections: Mapping[str, list[dict[str, Any]]]) -> bytes:
    export = {
        "id": "1", "data_center": {"id": "a", "title": "<b>Acme</b>"}, "data_source": {"id": "b", "title": "b"},
        "device": "<img src=x onerror=hurt=1>", "browser": None, "as_of": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    notice = dict.fromkeys(("controller", "contact", "rights", "authority"), "javascript:alert(1)")
    head = {"schema_version": "1.0", "export": export, "notice": notice, "sections": sections}
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"))
    return text.replace('"DIGITS"', "12345678901234567890.10").encode()


def _deep(levels: int) -> Any:
    return [_deep(levels - 1)] if levels else "DIGITS"


_AWKWARD: Mapping[str, list[dict[str, Any]]] = {
    "hostile": [
        {"a": text, "b": text}
        for text in (
            "</script><script>hurt=1</script>", "javascript:alert(1)", "<img src=x onerror=hurt=1>", "=cmd()",
            "שלום \u202eעולם", "👩‍👩‍👧 \U0001f468", "\u0000\u001b[31m", "<a href='javascript:hurt=1'>alert</a>",
        )
    ],
    "wide": [{f"column_{number}": number for number in range(300)}],
    "long": [{"text": "ä<b>" * 500_000}],
    "deep": [{"nested": {"a": _deep(50), "b": {"c": []}}}],
    "empty_rows": [{}, {"one": None}],
}  # fmt: skip
