"""The operator's commands say what is wrong in one sentence, and how to mend it."""

import os
from pathlib import Path

import pytest

from app.__main__ import main
from tests.builders import MAPPINGS
from tests.site import site


def test_a_second_api_on_the_same_directory_stops_with_one_sentence(tmp_path: Path) -> None:
    place = site(tmp_path)
    with place.serving():
        second = place.run("api")
    assert second.returncode == 2
    assert second.stderr.startswith("dossier: Another process already serves")
    assert second.stderr.count("\n") == 1


def test_a_mapping_without_the_device_does_not_start(tmp_path: Path) -> None:
    mappings = tmp_path / "data-centers"
    (mappings / "acme").mkdir(parents=True)
    for name in ("center.toml", "website.toml"):
        text = (MAPPINGS / "acme" / name).read_text()
        (mappings / "acme" / name).write_text(text.replace("AND device IS NOT DISTINCT FROM :device", ""))
    place = site(tmp_path, mappings=mappings)
    refused = place.run("api")
    assert refused.returncode == 2
    lines = refused.stderr.splitlines()
    assert len(lines) == 2
    for line, name in zip(lines, ("events", "surveys"), strict=True):
        assert f"website.toml: section {name!r}: its sql must use :device and :browser" in line


def test_the_commands_say_what_is_wrong_and_exit_with_2_or_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "environ", site(tmp_path).environ)

    def run(*arguments: str) -> tuple[int, str, str]:
        return main(arguments), *capsys.readouterr()

    def create(name: str, center: str) -> tuple[int, str, str]:
        return run("keys", "create", "--name", name, "--data-center", center, "--role", "administrator")

    assert run("sources", "check")[0] == 0
    assert "acme/website\tsqlite\tWebsite" in run("sources", "list")[1]
    code, _, complaint = create("x", "nowhere")
    assert (code, "nowhere" in complaint) == (2, True)
    code, key, complaint = create("maria", "acme")
    assert (code, complaint) == (0, "")
    code, _, complaint = create("maria", "acme")
    assert (code, "revoke it first" in complaint) == (2, True)
    listed = run("keys", "list")[1]
    assert "maria\tadministrator\tacme\tlive" in listed
    assert key.strip().rpartition("_")[2] not in listed
    assert "give --role, or --may" in run("keys", "create", "--name", "x", "--data-center", "acme")[2]
    may = ("--may", "exports:download", "--may", "history:read", "--may", "exports:download")
    assert run("keys", "create", "--name", "fetcher", "--data-center", "acme", *may)[0] == 0
    assert run("keys", "create", "--name", "both", "--data-center", "acme", "--role", "auditor", *may[:2])[0] == 0
    listed = run("keys", "list")[1]
    assert "fetcher\texports:download+history:read\tacme\tlive\tnever used" in listed
    assert "both\tauditor+exports:download\tacme\tlive" in listed
    assert run("keys", "revoke", key.split("_")[1])[0] == 0
    assert run("keys", "revoke", key.split("_")[1])[0] == 1
    assert run("worker")[0] == 2
    (tmp_path / "website.db").unlink()
    assert run("sources", "check")[0] == 1
