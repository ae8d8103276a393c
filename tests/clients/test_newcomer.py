"""The first five minutes: the sample is served, somebody starts it twice, and ends it by Ctrl-C."""

import re
import socket
import sys

import httpx
import pytest

from tests.sample import Place, served, wait_until_it_answers
from tests.terminal import CTRL_C, terminal


def test_a_second_run_ends_with_one_sentence_and_the_first_ones_key_goes_on(somewhere: Place) -> None:
    with served(somewhere) as first:
        second = somewhere.run("demo", "--serve")
        assert (second.returncode, second.stdout, second.stderr.count("\n")) == (2, "", 1), second
        assert "already serves" in second.stderr
        assert first.place.key_works(first.key)


def test_the_link_that_make_run_prints_signs_its_reader_in_once(somewhere: Place) -> None:
    with served(somewhere) as serving:
        ((page, ticket),) = re.findall(r"^  (\S+/console)#sign-in=(\S+)$", serving.said, re.MULTILINE)
        assert "text/html" in httpx.get(page).headers["content-type"]
        answers = [httpx.post(f"{page}/session", json={"ticket": ticket}) for _ in range(2)]
        assert [one.status_code for one in answers] == [201, 401]
        assert answers[0].json()["name"] == "sample"


def test_a_run_whose_port_is_taken_ends_with_one_sentence_and_makes_no_key(somewhere: Place) -> None:
    keys = {"DOSSIER_VAR_DIR": str(somewhere.folder / "sample")}
    before = somewhere.run("keys", "list", **keys).stdout
    with socket.create_server(("127.0.0.1", somewhere.port)):
        refused = somewhere.run("demo", "--serve")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1), refused
    assert "set DOSSIER_HOST or DOSSIER_PORT" in refused.stderr
    assert somewhere.run("keys", "list", **keys).stdout == before


@pytest.mark.parametrize("command", [["demo", "--serve"], ["api"]])
def test_ctrl_c_is_a_servers_normal_end(somewhere: Place, command: list[str]) -> None:
    with terminal([sys.executable, "-m", "app", *command], somewhere.environ) as shown:
        wait_until_it_answers(somewhere.address)
        shown.press(CTRL_C)
        assert shown.end() == 0
    assert "Traceback" not in shown.text


def test_ctrl_c_interrupts_the_demo_at_once_and_without_a_traceback(somewhere: Place) -> None:
    # On a slow machine the demo may be done before the key is pressed.
    interrupted = any(_interrupted(somewhere) for _ in range(3))
    assert interrupted


def _interrupted(somewhere: Place) -> bool:
    with terminal([sys.executable, "-m", "app", "demo"], somewhere.environ) as shown:
        shown.until("Compiling")
        shown.press(CTRL_C)
        code = shown.end()
    assert "Traceback" not in shown.text
    assert code in (0, 130)
    return code == 130 and "The archive:" not in shown.text
