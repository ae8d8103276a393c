"""What README and the screens say to type is copied into bash as it stands, and works."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from tests.sample import ROOT, Place, Served, place, served

README = (ROOT / "README.md").read_text()
BLOCKS = [dedent(block) for block in re.findall(r"^ *```sh\n(.*?)^ *```", README, re.MULTILINE | re.DOTALL)]
PYTHON, COMMAND = ".venv/bin/python", ".venv/bin/dossier"
# Debian without more has no curl; then the same lines meet this one.
CURL = f"""#!{sys.executable}
import json, re, sys
from pathlib import Path
import httpx
words = sys.argv[1:]
headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
sent = [words[at + 1] for at, word in enumerate(words) if word == "-d"]
answer = httpx.request("POST" if sent else "GET", words[-1], headers=headers, content="".join(sent))
named = re.search(r'filename="([^"]+)"', answer.headers.get("content-disposition", ""))
Path(named[1]).write_bytes(answer.content) if "-OJ" in words else print(answer.text, end="")
"""


@pytest.fixture(scope="module")
def sample(somewhere: Place) -> Iterator[Served]:
    with served(somewhere) as serving:
        yield serving


@pytest.fixture(params=["a small curl", *(["this machine's curl"] if shutil.which("curl") else [])])
def curl(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if request.param == "a small curl":
        (tmp_path / "curl").write_text(CURL)
        (tmp_path / "curl").chmod(0o755)


def bash(lines: str, folder: Path, *environ: str) -> str:
    done = subprocess.run(
        ["env", f"PATH={folder}:/usr/local/bin:/usr/bin:/bin", *environ, "bash", "-euo", "pipefail", "-c", lines],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, (lines, done.stdout, done.stderr)
    return done.stdout


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
    (block,) = [block for block in BLOCKS if "/visitors/search" in block]
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


def test_what_the_demo_says_to_try_next_works_as_it_is(tmp_path: Path) -> None:
    # The quote is what a path may hold; make run serves until Ctrl-C and has tests of its own.
    demo = place(tmp_path / "somebody's").run("demo").stdout
    lines = without(commands(demo, "Try next"), ["make run"])
    said = bash(lines.replace(PYTHON, sys.executable), ROOT, f"DOSSIER_VAR_DIR={tmp_path}/somebody's")
    assert "as its manifest says" in said
    assert "No data is held about nobody@example.com" in said
    assert list(tmp_path.rglob("report.html"))
