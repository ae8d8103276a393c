"""What a person sees in a terminal: Ctrl-C is an end without a word, tables fit or become lists, ASCII is enough."""

import sys
import time
from pathlib import Path

import pytest

from tests.sample import Place
from tests.terminal import CTRL_C, terminal

PROGRAM = [sys.executable, "-m", "app"]
MAKE = ["make", "--no-print-directory", "-o", ".venv/demo", f"BIN={Path(sys.executable).parent}"]


@pytest.mark.parametrize("command", [["api"], ["demo"]])
@pytest.mark.parametrize("seconds", [0.6, 1.0])
def test_ctrl_c_is_heard_at_any_moment_of_a_start(somewhere: Place, command: list[str], seconds: float) -> None:
    with terminal([*PROGRAM, *command], somewhere.environ) as shown:
        time.sleep(seconds)
        shown.press(CTRL_C)
        assert shown.end() in (0, 130, -2)
    assert "Traceback" not in shown.text


@pytest.mark.parametrize(("target", "said"), [("run", "starting on"), ("demo", "Compiling")])
def test_make_complains_of_no_ctrl_c(somewhere: Place, target: str, said: str) -> None:
    with terminal([*MAKE, target], somewhere.environ) as shown:
        shown.until(said)
        shown.press(CTRL_C)
        shown.end()
    assert "Error" not in shown.text
    assert "Traceback" not in shown.text


def test_a_narrow_terminal_shows_lists_instead_of_tables_that_are_cut(somewhere: Place) -> None:
    narrow = somewhere.run("demo", COLUMNS="50").stdout
    assert "     5  Windows computer · Firefox\n        23 interactions, " in narrow
    assert "  interactions: 200,000\n    " in narrow
    assert "…" not in narrow
    kept = ("{", "/", ".venv", "# ", "The archive")
    assert all(
        len(line) <= 50 for line in narrow.splitlines() if not line.strip().startswith(kept) and line[:2] != "# "
    ), narrow


def test_a_terminal_without_unicode_shows_the_nearest_that_it_has(somewhere: Place) -> None:
    done = somewhere.run("demo", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", COLUMNS="80", TERM="dumb")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "visitor m***@example.com" in done.stdout
    assert "3, iPhone - Safari" in done.stdout
    assert "|Windows computer |Firefox |" in done.stdout
    assert "..." not in done.stdout
