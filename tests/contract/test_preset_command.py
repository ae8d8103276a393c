"""`sources init` writes a data source from a preset and checks it; `sources check` also searches, and says how long."""

import tomllib
from pathlib import Path

import pytest

from app.__main__ import main
from app.adapters import build_source
from app.sources.preset import with_preset
from tests.small import Small

SHAPE = 'CREATE SCHEMA "my site"; CREATE TABLE "my site".people (id bigint, email text)'


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["sources", *arguments])
    said = capsys.readouterr()
    return code, said.out + said.err


@pytest.fixture
def place(postgresql: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOSSIER_DATA_CENTERS", str(tmp_path / "centers"))
    monkeypatch.setenv("SITE_URL", postgresql.url)
    return tmp_path / "centers" / "acme"


WANTED = ("--data-center", "acme", "--source", "web", "--title", "Our site", "--dsn", "SITE_URL")


def test_a_source_is_written_and_what_its_database_lacks_is_named(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = told(capsys, "init", "--preset", "umami", *WANTED, "--set", "schema=my site")
    assert code == 1
    assert f"Wrote {place / 'web.toml'}." in said
    assert "fill in its notice before you start" in said
    assert "FAILURE: the database has no tables" in said
    written = (place / "web.toml").read_text()
    assert written.startswith(
        'preset = "umami"\ntitle = "Our site"\ndsn = "SITE_URL"\n\n[variables]\nschema = "my site"\n\n# What this file says'
    )
    # The center is there to be filled in, and until then nothing starts.
    code, said = told(capsys, "list")
    assert (code, "notice" in said) == (2, True)


def test_the_example_of_own_words_holds_once_it_is_no_comment_any_more(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "init", "--preset", "umami", *WANTED, "--set", "schema=my site")
    file = place / "web.toml"
    said, mark, example = file.read_text().partition("# [[section]]")
    file.write_text(said + (mark + example).replace("# ", ""))
    build_source(file, {"SITE_URL": "postgresql://nobody@localhost/none"})
    changed, *_ = with_preset(tomllib.loads(file.read_text()), "postgresql")["section"]
    assert changed["name"] == "session"
    assert changed["retention"]["en"] == "13 months"


def test_nothing_is_written_where_something_is_wrong(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {
        "--preset: there are": ("--preset", "piwik", *WANTED),
        "--title is missing; without a terminal": ("--preset", "umami", *WANTED[:4], *WANTED[6:]),
        "variables: 'prefix' is none": ("--preset", "umami", *WANTED, "--set", "prefix=x"),
        "NOT_SET": ("--preset", "umami", *WANTED[:7], "NOT_SET"),
    }
    for sentence, arguments in wrong.items():
        code, said = told(capsys, "init", *arguments)
        assert (code, sentence in said) == (2, True), said
        assert not (place / "web.toml").exists()


def test_a_file_that_is_there_stays_as_it_is(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place.mkdir(parents=True)
    (place / "web.toml").write_text("mine")
    code, said = told(capsys, "init", "--preset", "umami", *WANTED, "--set", "schema=my site")
    assert (code, "is there already" in said, (place / "web.toml").read_text()) == (2, True, "mine")
