"""make says what is missing, and how to mend it."""

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
