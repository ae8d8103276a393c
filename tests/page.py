"""What a page tells its reader to copy, and a shell to copy it into."""

import re
import subprocess
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]


def fenced(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language, in their order."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [dedent(block) for block in found]


def with_word(blocks: list[str], word: str) -> str:
    """The one block in which a word stands."""
    (found,) = (block for block in blocks if word in block)
    return found


def bash(lines: str, folder: Path, *environ: str) -> str:
    done = subprocess.run(
        ["env", f"PATH={folder}:/usr/local/bin:/usr/bin:/bin", *environ, "bash", "-euo", "pipefail", "-c", lines],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, (lines, done.stdout, done.stderr)
    return done.stdout
