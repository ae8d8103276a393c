"""`sources init` looks into the database: it says which product it holds, in which version, and suggests its preset."""

import os
import sys
from pathlib import Path

import pytest

from tests.contract.test_preset_command import WANTED, told
from tests.presets import segment, snowplow, umami
from tests.presets.service import Row, filled
from tests.small import Small
from tests.terminal import terminal

MIGRATED = "CREATE TABLE _prisma_migrations (migration_name text, finished_at timestamptz);"
READS: dict[str, list[Row]] = {
    "_prisma_migrations": [
        {"migration_name": "01_init", "finished_at": umami.START},
        {"migration_name": "14_add_link_and_pixel", "finished_at": umami.START},
        {"migration_name": "19_add_session_replay", "finished_at": None},
    ]
}


@pytest.fixture
def place(postgresql: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOSSIER_DATA_CENTERS", str(tmp_path / "centers"))
    monkeypatch.setenv("SITE_URL", postgresql.url.replace("postgres@", "dossier_reader@"))
    return tmp_path / "centers" / "acme" / "web.toml"


def test_umami_is_recognised_with_its_schema_and_version(
    place: Path, postgresql: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(postgresql.url, "my site", umami.TABLES + MIGRATED, READS)
    code, said = told(capsys, "init", *WANTED)
    seen = "SITE_URL: Umami 3.0 (its newest migration is 14_add_link_and_pixel), with schema = 'my site'."
    assert (code, seen in said) == (0, True), said
    assert place.read_text().startswith('preset = "umami"\ntitle = "Our site"\n')
    assert 'schema = "my site"' in place.read_text()


def test_a_role_that_may_not_read_the_version_still_learns_the_product(
    place: Path, postgresql: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(postgresql.url, "public2", umami.TABLES + MIGRATED, READS)
    postgresql.run("REVOKE SELECT ON public2._prisma_migrations FROM dossier_reader")
    code, said = told(capsys, "init", *WANTED)
    assert (code, "SITE_URL: Umami, with schema = 'public2'." in said) == (0, True), said


def test_of_two_schemas_one_has_to_be_chosen(
    place: Path, postgresql: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(postgresql.url, "blog", umami.TABLES, {})
    filled(postgresql.url, "my shop", umami.TABLES, {})
    code, said = told(capsys, "init", *WANTED)
    assert (code, place.exists()) == (2, False)
    assert "SITE_URL holds it more than once; choose by --set schema=blog and --set schema='my shop'." in said
    code, said = told(capsys, "init", *WANTED, "--set", "schema=my shop")
    assert code == 0, said
    assert 'schema = "my shop"' in place.read_text()


def test_of_two_products_one_has_to_be_chosen(
    place: Path, postgresql: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(postgresql.url, "umami", umami.TABLES, {})
    filled(postgresql.url, segment.SCHEMA, segment.SEGMENT, {})
    code, said = told(capsys, "init", *WANTED)
    assert (code, place.exists()) == (2, False)
    assert "--preset is missing, and SITE_URL holds Segment or RudderStack and Umami; there are matomo, " in said
    code, said = told(capsys, "init", "--preset", "segment", *WANTED)
    assert f'schema = "{segment.SCHEMA}"' in place.read_text(), said


def test_a_warehouse_names_the_library_that_wrote_it(
    place: Path, postgresql: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    library = "ALTER TABLE tracks ADD context_library_name text, ADD context_library_version text;"
    wrote = {"context_library_name": "analytics.js", "context_library_version": "2.1"}
    filled(postgresql.url, "shop", segment.SEGMENT + library, {"tracks": [wrote]})
    _, said = told(capsys, "init", *WANTED)
    assert "SITE_URL: Segment or RudderStack by analytics.js 2.1, with schema = 'shop'." in said


def test_snowplow_names_what_enriched_its_events(
    place: Path, postgresql: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    enriched = "ALTER TABLE events ADD v_etl varchar(100) DEFAULT 'enrich-3.8';"
    filled(postgresql.url, "atomic", snowplow.EVENTS + snowplow.CONTEXTS + enriched, snowplow.rows())
    variables = ("--set", "app_ids=", "--set", "email_table=none", "--set", "email_column=none")
    _, said = told(capsys, "init", *WANTED, *variables)
    assert "SITE_URL: Snowplow by enrich-3.8, with schema = 'atomic'." in said


def test_a_database_of_another_kind_has_to_be_named(
    place: Path, postgresql: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SITE_URL", postgresql.url)
    postgresql.run("CREATE TABLE session (id bigint); CREATE TABLE events (id bigint)")
    code, said = told(capsys, "init", *WANTED)
    assert (code, place.exists()) == (2, False)
    assert "--preset is missing, and SITE_URL shows none of the products that are known; there are matomo, " in said


def test_what_cannot_be_reached_is_said_before_anything_is_asked(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for url, sentence in {
        "postgresql://reader@127.0.0.1:1/site": "SITE_URL: the database cannot be looked into: the connection: nothing answers at 127.0.0.1, port 1; ",
        "oracle://reader@127.0.0.1/site": "--dsn: SITE_URL: it must be a URL that begins with one of mariadb://",
        "": "--dsn: the environment variable SITE_URL is not set",
    }.items():
        monkeypatch.setenv("SITE_URL", url)
        code, said = told(capsys, "init", *WANTED)
        assert (code, sentence in said, place.exists()) == (2, True, False), said


def test_at_a_terminal_what_was_recognised_is_the_suggestion(place: Path, postgresql: Small) -> None:
    filled(postgresql.url, "my site", umami.TABLES, {})
    command = [sys.executable, "-m", "app", "sources", "init"]
    answers = {
        "holds the database's URL: ": "SITE_URL", "snowplow, umami) [umami]: ": "", "schema [my site]: ": "",
        "websites (may be empty): ": "", "Id of the data center: ": "acme", "Id of the data source: ": "web",
        "as people read it: ": "Our site",
    }  # fmt: skip
    with terminal(command, os.environ.copy(), columns=200) as screen:
        for question, answer in answers.items():
            screen.until(question)
            screen.press(answer.encode() + b"\n")
        assert screen.end() == 0, screen.text
    assert 'title = "Our site"' in place.read_text()
    assert 'schema = "my site"\nwebsites = ""' in place.read_text()
