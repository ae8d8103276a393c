"""The operator's commands say what is wrong in one sentence, and how to mend it."""

from pathlib import Path

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
    assert "website.toml: section 'events': its sql must use :device and :browser" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_the_commands_say_what_is_wrong_and_exit_with_2_or_1(tmp_path: Path) -> None:
    place = site(tmp_path)
    assert place.run("sources", "check").returncode == 0
    assert "acme/website\tsqlite\tWebsite" in place.run("sources", "list").stdout
    unknown = place.run("keys", "create", "--name", "x", "--data-center", "nowhere", "--role", "auditor")
    assert (unknown.returncode, "nowhere" in unknown.stderr) == (2, True)
    key = place.key()
    twice = place.run("keys", "create", "--name", "maria", "--data-center", "acme", "--role", "auditor")
    assert (twice.returncode, "revoke it first" in twice.stderr) == (2, True)
    listed = place.run("keys", "list").stdout
    assert "maria\tadministrator\tacme\tlive" in listed
    assert key.rpartition("_")[2] not in listed
    assert place.run("keys", "revoke", key.split("_")[1]).returncode == 0
    assert place.run("keys", "revoke", key.split("_")[1]).returncode == 1
    assert place.run("worker").returncode == 2
    (tmp_path / "website.db").unlink()
    assert place.run("sources", "check").returncode == 1
