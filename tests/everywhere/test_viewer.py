"""viewer.html in real browsers, from disk and without network: an archive seen by whom it is about."""

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.archive.assets import Assets
from tests.everywhere.conftest import Demo, Program, npm_ci, run
from tests.everywhere.test_console import BROWSERS, PROJECT
from tests.sample import ROOT, Served

pytestmark = pytest.mark.everywhere
HERE = Path(__file__).parent / "viewer"
JOURNEYS = [HERE / name for name in ("journeys.mjs", "walk.mjs", "more.mjs", "long.mjs")]
TAMPERED = HERE / "tampered.mjs"
PDFTOTEXT = Program("poppler-utils", ("pdftotext",))
IN_BOTH = (
    "main_job", "by_keyboard", "a_csv", "awkward", "tampered", "dropped", "german", "too_old", "cut_midway",
    "damaged_midway", "tamperings", "very_long",
)  # fmt: skip
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
            [self.node, JOURNEYS[0].name], cwd=self.project, env=environ, text=True, input="\n" * 9,
            capture_output=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def viewed(demo: Demo, sample: Served, node: str, tmp_path_factory: pytest.TempPathFactory) -> Viewed:
    project = npm_ci(PROJECT, tmp_path_factory.mktemp("viewer") / "project")
    for journey in JOURNEYS:
        shutil.copy(journey, project)
    folder = tmp_path_factory.mktemp("files") / "of a person, här"
    folder.mkdir()
    (folder / "viewer.html").write_bytes(Assets().viewer)
    files = {"PAGE": (folder / "viewer.html").as_uri(), "ARCHIVE": str(demo.archive), "NEEDLE": _needle(demo)}
    files |= _german(sample, folder) | {"TAMPERINGS": str(_tamperings(node, folder))}
    return Viewed(project, node, files | {name: str(path) for name, path in _files(demo, folder).items()})


@pytest.mark.parametrize("browser", BROWSERS)
@pytest.mark.parametrize("journey", IN_BOTH)
def test_in_each_browser(viewed: Viewed, tmp_path: Path, journey: str, browser: str) -> None:
    viewed.goes(browser, journey, tmp_path)
    if journey == "a_csv":
        _read_csv(tmp_path)


def test_a_card_is_printed(viewed: Viewed, tmp_path: Path) -> None:
    program = PDFTOTEXT.path()
    viewed.goes("chrome", "printed", tmp_path)
    said = {name: run(tmp_path, program, "-layout", f"{name}.pdf", "-") for name in ("overview", "section", "card")}
    assert "Ihre persönlichen Daten" in said["overview"]
    assert json.loads(viewed.files["GERMAN_SECTION"])["title"] in said["section"]
    for line in (tmp_path / "card.txt").read_text().splitlines():
        assert line in said["card"]


@pytest.mark.parametrize("journey", IN_CHROME)
def test_in_one_browser(viewed: Viewed, tmp_path: Path, journey: str) -> None:
    viewed.goes("chrome", journey, tmp_path)


def _read_csv(folder: Path) -> None:
    (saved,) = folder.glob("*.csv")
    with saved.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert len(rows) == 1500
    assert {len(row) for row in rows} == {len(header)}


def _german(sample: Served, folder: Path) -> dict[str, str]:
    """An export in German, and a section of it whose columns have names."""
    path = folder / "auskunft.zip"
    run(
        ROOT, sys.executable, "-m", "app.client", "export", sample.told["DOSSIER_IDENTIFIER"], "--source", "website",
        "--device", "iPhone", "--browser", "Safari", "--language", "de", "--output", str(path), **sample.told,
    )  # fmt: skip
    with zipfile.ZipFile(path) as opened:
        manifest, document = json.loads(opened.read(MANIFEST)), json.loads(opened.read(DOCUMENT))
    assert (manifest["export"]["language"], manifest["export"]["time_zone"]) == ("de", "Europe/Berlin")
    dated = [one for one in manifest["sections"] if one["rows"] and one["time"] and one["labels"]]
    chosen = max(dated, key=lambda one: int(one["rows"]))
    labels = {
        name: label for name, label in chosen["labels"].items() if name in document["sections"][chosen["name"]][0]
    }
    return {"GERMAN": str(path), "GERMAN_SECTION": json.dumps({"title": chosen["title"], "labels": labels})}


def _tamperings(node: str, folder: Path) -> Path:
    """The engine's tests make the same."""
    for link in ("app", "tests"):
        (folder / link).symlink_to(ROOT / link)
    (folder / "package.json").write_text('{"type": "module"}')
    resolved = ("--preserve-symlinks", "--preserve-symlinks-main")
    told = run(folder, node, *resolved, f"tests/everywhere/viewer/{TAMPERED.name}", str(folder))
    return _written(folder / "tamperings.json", told.encode())


def _needle(demo: Demo) -> str:
    """A text of the last row but one of the largest section."""
    sections = json.loads(demo.contents()[DOCUMENT])["sections"]
    row = max(sections.values(), key=len)[-2]
    return next(text for text in row.values() if isinstance(text, str) and len(text) > 6)[:24]


def _files(demo: Demo, folder: Path) -> dict[str, Path]:
    contents = demo.contents()
    long = _document({"rows": [{"id": number} for number in range(300_000)]})
    small = {**contents, DOCUMENT: b"{}"}
    newer = contents[MANIFEST].replace(b'"schema_version": "1.', b'"schema_version": "7.')
    text = {
        "NO_ARCHIVE": b"Dear reader", "EMPTY": b"", "OTHER_JSON": b'{"a":1}', "CUT": demo.archive.read_bytes()[:-9000],
        "AWKWARD": _document(_AWKWARD), "NOTHING": _document({}), "DOCUMENT": _document({"one": [{"a": 1}]}), "LONG": long,
        "CUT_DOCUMENT": long[:-1_000_001],
    }  # fmt: skip
    made = {name: _written(folder / f"{name.lower()}.json", content) for name, content in text.items()}
    made["TAMPERED"] = _zip(folder / "tampered.zip", contents | {"report.html": contents["report.html"] + b" "})
    made["DAMAGED"] = _unreadable(demo.archive, folder / "damaged.zip")
    made["OTHER_ZIP"] = _zip(folder / "other.zip", {"holiday.txt": b"sun"})
    made["NEWER"] = _zip(folder / "newer.zip", small | {MANIFEST: newer, DOCUMENT: b'{"schema_version":"7.0"}'})
    return made


def _unreadable(archive: Path, damaged: Path) -> Path:
    """The archive with a stretch that nobody can read on from; a single other byte mostly changes some values alone."""
    whole = archive.read_bytes()
    at = len(whole) * 6 // 10
    for seed in range(9):
        noise = random.Random(seed).randbytes(1 << 16)
        if _breaks(_written(damaged, whole[:at] + noise + whole[at + len(noise) :])):
            return damaged
    raise AssertionError("the archive can be read whatever is changed")


def _breaks(archive: Path) -> bool:
    with zipfile.ZipFile(archive) as read, read.open(DOCUMENT) as document:
        try:
            deque(iter(partial(document.read, 1 << 20), b""), maxlen=0)
        except zlib.error:
            return True
        except zipfile.BadZipFile:
            return False
    return False


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
