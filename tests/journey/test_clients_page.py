"""The programs of docs/clients.md are copied as they stand there, and export a visitor's data."""

import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests.page import bash, fenced, with_word
from tests.sample import ROOT, Served

PAGE = ROOT / "docs" / "clients.md"


def program(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "export.py").write_text(with_word(fenced(PAGE, "python"), "export.py"))
    return subprocess.run(
        [sys.executable, "export.py"], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120
    )


def is_the_archive(folder: Path, sample: Served) -> bool:
    (archive,) = folder.glob("*.zip")
    address = f"{sample.place.address}/v1/data-centers/acme/exports/{archive.stem}"
    export = httpx.get(address, headers={"Authorization": f"Bearer {sample.key}"}).json()
    assert zipfile.ZipFile(archive).testzip() is None
    return bool(export["sha256"] == sha256(archive.read_bytes()).hexdigest())


def test_the_python_program_keeps_the_archive(sample: Served, tmp_path: Path) -> None:
    done = program(tmp_path, **sample.told)
    assert (done.returncode, done.stderr) == (0, "")
    assert is_the_archive(tmp_path, sample)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DOSSIER_KEY", "dossier_0_0", "/problems/unauthenticated: "),
        ("DOSSIER_DATA_CENTER", "globex", "/problems/not-found: "),
        ("DOSSIER_IDENTIFIER", "nobody@example.com", "Nobody was found."),
    ],
)
def test_the_python_program_says_why_it_cannot(
    sample: Served, tmp_path: Path, name: str, value: str, said: str
) -> None:
    done = program(tmp_path, **sample.told | {name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.usefixtures("curl")
def test_the_lines_for_curl_keep_the_archive(sample: Served, tmp_path: Path) -> None:
    lines = with_word(fenced(PAGE, "sh"), "visitors/search")
    said = bash(lines, tmp_path, *(f"{name}={value}" for name, value in sample.told.items()))
    assert said.endswith(".zip: OK\n")
    assert is_the_archive(tmp_path, sample)
