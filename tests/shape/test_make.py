"""make says what is missing, and how to mend it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT_VENV = f"""#!/bin/sh
[ "$1" = -c ] && exec {sys.executable} "$@"
exit 1
"""


def made(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "Makefile", folder)
    return subprocess.run(
        ["make", ".venv/made", f"PYTHON={python}"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "is not here, or cannot be run; name another one, 3.11 or newer, with: make PYTHON=/path/to/python3"),
        ("#!/bin/sh\nexit 1\n", "is older than Python 3.11; name another one, 3.11 or newer"),
        (WITHOUT_VENV, "python3-venv is missing; on Debian and Ubuntu: apt-get install python3-venv"),
    ],
)
def test_a_python_that_will_not_do_is_told_apart(tmp_path: Path, script: str | None, said: str) -> None:
    python = tmp_path / "my python3"
    if script:
        python.write_text(script)
        python.chmod(0o755)
    done = made(tmp_path, str(python))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.everywhere
def test_what_test_all_has_no_program_for_is_named_and_is_no_failure() -> None:
    (words,) = re.findall(r"^\t@\$\(BIN\)/python (.* tests/everywhere)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    nothing = os.environ | {"PATH": "/nowhere"}
    done = subprocess.run(
        [sys.executable, *words.split()], cwd=ROOT, env=nothing, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout
    for program, package in {
        "mariadbd": "mariadb-server",
        "node": "nodejs",
        "unzip": "unzip",
        "7z": "7zip",
        "bsdtar": "libarchive-tools",
    }.items():
        assert f"{program} is not here; on Debian and Ubuntu: apt-get install {package}" in done.stdout
