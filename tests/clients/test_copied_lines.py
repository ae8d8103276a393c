"""What README and the screens say to type is copied into bash as it stands, and works."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from tests.page import bash, fenced, with_word
from tests.sample import ROOT, Served, place

BLOCKS = fenced(ROOT / "README.md", "sh")
PYTHON, COMMAND = ".venv/bin/python", ".venv/bin/dossier"


def commands(screen: str, heading: str) -> str:
    """The indented lines below a heading."""
    return dedent("".join(re.findall(r"^  .*\n", screen.split(heading)[1], re.MULTILINE)))


def without(lines: str, left_out: Sequence[str]) -> str:
    return "\n".join(line for line in lines.splitlines() if line not in left_out)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.partition("\n")[0])
def test_no_block_of_the_readme_holds_what_bash_would_take_for_something_else(block: str) -> None:
    assert not re.search(r"<\w|…", block)
    subprocess.run(["bash", "-n", "-c", block], check=True)


@pytest.mark.usefixtures("curl")
def test_the_readme_leads_from_a_search_to_the_archive_of_the_served_sample(sample: Served, tmp_path: Path) -> None:
    block = with_word(BLOCKS, "/visitors/search")
    said = bash(block.replace(":8000", f":{sample.place.port}"), tmp_path, f"DOSSIER_KEY={sample.key}")
    (archive,) = tmp_path.glob("export-*.zip")
    assert zipfile.ZipFile(archive).testzip() is None
    assert archive.stem.removeprefix("export-") in said


@pytest.mark.usefixtures("curl")
def test_what_make_run_prints_to_be_typed_works_as_it_is(sample: Served, tmp_path: Path) -> None:
    lines = commands(sample.said, "In another terminal")
    assert lines.count(f"{COMMAND} ") == 3
    said = bash(lines.replace(COMMAND, f"{sys.executable} -m app.client"), tmp_path, f"PYTHONPATH={ROOT}")
    assert '"name":"sample"' in said.replace(" ", "")
    assert said.count("MacBook  Chrome") == 2
    archive = sample.place.folder / "sample" / f"export-{re.findall(r'Requested: (.*)', said)[0]}.zip"
    assert zipfile.ZipFile(archive).testzip() is None


@pytest.mark.everywhere
def test_what_the_demo_says_to_try_next_works_as_it_is(tmp_path: Path) -> None:
    # The quote is what a path may hold; make run serves until Ctrl-C and has tests of its own.
    demo = place(tmp_path / "somebody's").run("demo").stdout
    lines = without(commands(demo, "Try next"), ["make run"])
    said = bash(lines.replace(PYTHON, sys.executable), ROOT, f"DOSSIER_VAR_DIR={tmp_path}/somebody's")
    assert "as its manifest says" in said
    assert "No data is held about nobody@example.com" in said
    assert list(tmp_path.rglob("report.html"))
