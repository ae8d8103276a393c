"""The command `dossier`: what a person reads and types, what a script gets, and how each end is told."""

import json
import re
import shlex
import stat
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.settings import unknown_settings
from tests.desk import COMMAND, JANES_IPHONE, Desk, desk, looks_like
from tests.site import Site, requested, site
from tests.terminal import CTRL_C, terminal

EMAIL = JANES_IPHONE[0]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = site(tmp_path_factory.mktemp("site"))
    with place.serving():
        yield place


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (80, r"\n   4  iPhone   Safari   2026-01-02  2026-01-02      3\n"),
        (50, r"\n     4  iPhone · Safari\n        3 interactions, 2026-01-02 – 2026-01-02\n"),
    ],
)
def test_a_person_finds_chooses_and_has_the_archive(at: Desk, columns: int, row: str) -> None:
    with at.sits("export", EMAIL, "--output", f"{at.folder}/", columns=columns, NO_COLOR="1") as shown:
        shown.until("to leave:")
        shown.press(b"99\n")
        shown.until("1 to 5.\n\nWhich one is it?")
        shown.press(b"4\n")
    seen = looks_like(shown, columns)
    assert at.ended == 0, seen
    assert re.search(row, seen)
    assert "shared: more than one person" in seen
    assert "Exporting iPhone · Safari on Website, visitor" in seen
    assert "SHA-256 as promised" in seen
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown.text)
    (archive,) = at.folder.iterdir()
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert zipfile.ZipFile(archive).testzip() is None


def test_a_script_gets_the_apis_own_objects_and_nothing_else(at: Desk) -> None:
    found = at.json("search", EMAIL)
    assert [one["id"] for one in found["data_sources"]] == ["shop", "website"]
    export = at.json("export", *JANES_IPHONE, "--case-reference", "A-7", "--output", str(at.folder))
    assert (export["status"], export["case_reference"]) == ("ready", "A-7")
    assert zipfile.is_zipfile(export["path"])
    assert at.json("history", "--case-reference", "A-7")["items"][0]["id"] == export["id"]
    assert export["id"] in {one["id"] for one in at.json("history", "--identifier", EMAIL)["items"]}
    assert at.json("download", export["id"], "--output", str(at.folder))["path"] == export["path"]
    assert at.json("revoke", export["id"], "--yes")["status"] == "revoked"
    gone = at.run("download", export["id"], "--json")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "revoked" in json.loads(gone.stderr)["detail"]


def test_nobody_guesses_for_a_script(at: Desk) -> None:
    before = at.json("history")
    unsaid = at.run("export", EMAIL)
    assert (unsaid.returncode, "Choose by --device and --browser" in unsaid.stderr) == (2, True)
    unsure = at.run("export", EMAIL, "--device", "iphone", "--browser", "safari")
    assert unsure.returncode == 2
    assert re.search(r"2 combinations match: \d is iPhone · Safari on \w+, visitor .*; \d is iPhone", unsure.stderr)
    wrong = at.run("export", EMAIL, "--device", "iPhone", "--browser", "Firefox")
    assert (wrong.returncode, "No combination is iPhone · Firefox" in wrong.stderr) == (2, True)
    assert at.run("export", EMAIL, "--device", "iPhone").returncode == 2
    assert at.run("export", EMAIL, "--choose", "77").returncode == 2
    assert at.json("history") == before


def test_leaving_the_question_requests_nothing(at: Desk) -> None:
    before = at.json("history")
    for key, code in ((b"\n", 1), (b"\x04", 1), (CTRL_C, 130)):
        with at.sits("export", EMAIL) as shown:
            shown.until("to leave:")
            # A signal that comes after the question, and before the system's call that waits for an answer, is heard
            # only when that call returns.
            time.sleep(0.5)
            shown.press(key)
        assert (at.ended, "Nothing was requested." in shown.text) == (code, True)
    assert at.json("history") == before


def test_nobody_found_is_an_answer_only_where_everybody_answered(tmp_path: Path) -> None:
    place = site(tmp_path)
    with place.serving():
        at = desk(place, tmp_path / "archives")
        nobody = at.run("search", "nobody@example.com")
        assert (nobody.returncode, "Nobody was found" in nobody.stderr) == (1, True)
        (tmp_path / "shop.db").rename(tmp_path / "away")
        half = at.run("search", EMAIL)
        assert (half.returncode, "Did not answer" in half.stdout) == (0, True)
        unsure = at.run("search", "nobody@example.com")
        assert (unsure.returncode, "Shop did not answer" in unsure.stderr) == (4, True)


def test_a_key_comes_from_the_environment_or_a_file_and_is_never_shown(at: Desk, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(at.key + "\n")
    file.chmod(0o644)
    at.said["DOSSIER_KEY"] = ""
    none = at.run("history")
    assert (none.returncode, "There is no key: set DOSSIER_KEY" in none.stderr) == (2, True)
    opened = at.run("history", "--key-file", str(file))
    assert (opened.returncode, f"chmod 600 {file}" in opened.stderr) == (0, True)
    file.chmod(0o600)
    closed = at.run("history", DOSSIER_KEY_FILE=str(file))
    assert (closed.returncode, closed.stderr) == (0, "")
    missing = at.run("history", "--key-file", f"{file}s")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert at.key not in none.stderr + opened.stderr + missing.stderr


def test_a_key_that_is_refused_is_told_apart_from_a_service_that_is_away(place: Site, at: Desk, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as beside:
        # For seconds it tries again, while the others are told at once.
        trying = beside.submit(Desk("http://127.0.0.1:9", at.key, tmp_path).run, "search", EMAIL)
        key = place.key("gone")
        place.run("keys", "revoke", key.split("_")[1])
        refused = Desk(at.url, key, tmp_path).run("history")
        assert (refused.returncode, refused.stderr.count("\n")) == (3, 1)
        assert re.search(r"A valid key is needed\. Set DOSSIER_KEY.* \(Reference [0-9a-f-]{36}\.\)", refused.stderr)
        assert Desk(at.url, place.key("eve", role="auditor"), tmp_path).run("search", EMAIL).returncode == 3
        away = trying.result()
    assert (away.returncode, away.stderr.count("\n")) == (4, 1)
    assert away.stderr.startswith("dossier: http://127.0.0.1:9 does not answer (")
    assert Desk("gopher://there", at.key, tmp_path).run("search", EMAIL).returncode == 2
    assert "secret" not in at.run("search", EMAIL, "--url", at.url + "/nowhere").stderr


def test_several_data_centers_are_named_and_one_is_chosen(place: Site, tmp_path: Path) -> None:
    at = desk(place, tmp_path, place.key("otto", "acme", "globex"))
    unsure = at.run("history")
    assert (unsure.returncode, "acme, globex" in unsure.stderr) == (2, True)
    assert at.run("history", "--data-center", "acme").returncode == 0
    assert at.run("history", DOSSIER_DATA_CENTER="globex").returncode == 0
    assert at.run("history", "--data-center", "nowhere").returncode == 1


def test_an_export_is_revoked_only_after_a_yes(at: Desk) -> None:
    export = at.ready()["id"]
    unasked = at.run("revoke", export)
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    for answer, code, said in ((b"no\n", 1, "Nothing was changed"), (b"yes\n", 0, "Revoked")):
        with at.sits("revoke", export) as shown:
            shown.until("yes or no:")
            shown.press(answer)
        assert (at.ended, said in shown.text) == (code, True), shown.text
    again = at.run("revoke", export, "--yes")
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)


def test_the_history_fits_and_says_where_there_is_more(at: Desk) -> None:
    export = at.ready()["id"]
    for columns in (50, 80, 160):
        with at.sits("history", columns=columns) as shown:
            pass
        assert at.ended == 0
        assert export in looks_like(shown, columns)
    assert "holds nothing of the kind" in at.run("history", "--status", "failed", "--to", "2026-01-31").stdout
    assert at.run("history", "--from", "yesterday").returncode == 2
    assert at.run("history", "--status", "strange").returncode == 2
    assert at.run("history", "--identifier", EMAIL, "--status", "ready").returncode == 2


def test_the_history_is_shown_page_by_page_or_all_at_once(place: Site, at: Desk) -> None:
    with place.client(at.key) as client:
        for _ in range(51):
            client.delete(requested(client))
    assert "These are the newest 50; there is more, which --all shows." in at.run("history").stdout
    every = at.json("history", "--data-source", "website", "--all")["items"]
    assert len({one["id"] for one in every}) == len(every) > 50
    assert at.run("history", "--data-source", "website", "--all").stdout.count("  by maria, ") == len(every)


def test_help_is_wrapped_to_the_terminal_and_has_an_example_of_everything(at: Desk) -> None:
    for command in (
        (),
        ("search",),
        ("export",),
        ("history",),
        ("download",),
        ("revoke",),
        ("erase",),
        ("approve",),
        ("receipt",),
    ):
        told = at.run(*command, "--help", COLUMNS="50").stdout
        assert all(len(line) <= 50 for line in told.splitlines()), told
        assert re.search(r"examples?:\n  (export DOSSIER_KEY|dossier )", told), told


def test_a_pipe_that_is_closed_ends_it_quietly(at: Desk) -> None:
    for wish in ("", "--json"):
        shell = ["bash", "-c", f"{shlex.join(COMMAND)} search {EMAIL} {wish} | true"]
        with terminal(shell, at.environ) as shown:
            shown.end()
        assert "Traceback" not in shown.text
        assert "Exception" not in shown.text


def test_the_service_does_not_warn_of_the_clients_own_settings(at: Desk) -> None:
    own = ("DOSSIER_URL", "DOSSIER_DATA_CENTER", "DOSSIER_KEY", "DOSSIER_KEY_FILE")
    assert unknown_settings(dict.fromkeys((*own, "DOSSIER_ULR"), "x")) == ["DOSSIER_ULR"]
