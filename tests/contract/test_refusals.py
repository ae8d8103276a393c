"""`sources check` on databases that are not as they should be: one sentence says what is wrong, and where to mend it."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.__main__ import main
from app.jobs.run import MOST_ATTEMPTS
from tests.builders import BASE, request_export, running
from tests.servers import free_port
from tests.small import TABLES, Small, mapping, spoken, toml, without, write_mappings

PASSWORD = "hunter2-is-secret"
# Of a role that this file makes, alone: the others come in as they did.
LOCKED = "host all dossier_locked all scram-sha-256", "host all dossier_shut all reject"


def told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small: Small, url: str,
    data: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """The one sentence that the command says of a source that it fails."""
    centers = write_mappings(small.folder, spoken(toml(data or mapping()), url))
    monkeypatch.setenv("DOSSIER_DATA_CENTERS", str(centers))
    monkeypatch.setenv("WEBSITE_URL", url)
    code = main(["sources", "check"])
    said = capsys.readouterr()
    first, *rest = said.out.splitlines()
    failures = [line.removeprefix("  FAILURE: ") for line in rest if "FAILURE" in line]
    assert (code, first, said.err, len(failures)) == (1, "acme/website:", "", 1), said
    assert PASSWORD not in said.out
    assert url not in said.out
    return failures[0]


def admitted_by(server: str, *rules: str) -> None:
    """Puts the rules before those by which the server lets people in."""
    with psycopg.connect(server, autocommit=True) as connection:
        ((file, text),) = connection.execute("SELECT path, pg_read_file(path) FROM current_setting('hba_file') AS path")
        lines = [*rules, *(line for line in text.splitlines() if line and line not in rules and line[0] != "#")]
        values = ", ".join(f"('{line}')" for line in lines)
        connection.execute(f"COPY (SELECT * FROM (VALUES {values}) AS rules) TO '{file}'".encode())
        connection.execute("SELECT pg_reload_conf()")
        while connection.execute("SELECT count(*) FROM pg_hba_file_rules").fetchone() != (len(lines),):
            pass


@pytest.fixture
def locked(postgresql: Small) -> Small:
    """A server that asks one role for a password, and lets another in from nowhere."""
    for role in ("dossier_locked", "dossier_shut"):
        postgresql.run(
            f"DO $$ BEGIN CREATE ROLE {role} LOGIN PASSWORD 'right'; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
    admitted_by(postgresql.url, *LOCKED)
    return postgresql


def urls(right: str) -> dict[str, str]:
    """URLs that lead nowhere, each by what is wrong with it, and what is said of it."""
    return {
        right.replace("postgres@", f"dossier_locked:{PASSWORD}@"):
            "the server refuses the password of the user 'dossier_locked', or knows no such user; correct it",
        right.replace("postgres@", "dossier_locked@"): "the server asks for a password, and there is none; write one",
        right.replace("postgres@", f"dossier_nobody:{PASSWORD}@"): "the server knows no user 'dossier_nobody'; correct it",
        right.replace("postgres@", f"dossier_shut:{PASSWORD}@"): "the server lets nobody in from here as this user; allow",
        right.replace("/small", "/nowhere"): "the server has no database 'nowhere'; correct it",
    }  # fmt: skip


def test_what_the_server_refuses_is_said_with_the_variable_to_mend(
    locked: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, sentence in urls(locked.url).items():
        said = told(capsys, monkeypatch, locked, url)
        assert said.startswith(f"the connection: {sentence}"), said
        assert "the URL that WEBSITE_URL holds" in said


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_server_that_is_not_there_is_said_once(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, small = free_port(), Small(engine, "", tmp_path)
    for place, sentence in {
        f"127.0.0.1:{closed}": f"nothing answers at 127.0.0.1, port {closed}; start the server, or correct host and port in",
        f"no-such-host.invalid:{closed}": "no host is called 'no-such-host.invalid'; correct it in",
    }.items():
        said = told(capsys, monkeypatch, small, f"{engine}://reader:{PASSWORD}@{place}/site")
        assert said == f"the connection: {sentence} the URL that WEBSITE_URL holds."


@pytest.mark.parametrize(
    ("rest", "sentence"),
    [
        (f"reader:{PASSWORD}@host:here/site", "its port, between the last : and the /, must be a number"),
        (f"reader:{PASSWORD}@127.0.0.1/site?sslmod=x", "what stands after its ? must be options of PostgreSQL's"),
    ],
)
def test_what_is_no_url_stops_the_command_by_the_variable(
    rest: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOSSIER_DATA_CENTERS", str(write_mappings(tmp_path, toml(mapping()))))
    monkeypatch.setenv("WEBSITE_URL", f"postgresql://{rest}")
    assert main(["sources", "check"]) == 2
    said = capsys.readouterr()
    assert f"website.toml: dsn: WEBSITE_URL: {sentence}" in said.err
    assert PASSWORD not in said.out + said.err


def test_without_any_data_center_there_is_nothing_that_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        monkeypatch.setenv("DOSSIER_DATA_CENTERS", str(folder))
        assert main(["sources", "check"]) == 1
        said = capsys.readouterr().out
        assert said.startswith(
            f"{folder} holds no data center; write one (python -m app sources init), or set DOSSIER_DATA"
        )
        assert main(["sources", "list"]) == 0
        capsys.readouterr()


def test_each_mistake_of_a_file_is_a_line_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    centers = write_mappings(tmp_path, toml(mapping(titel="x", find={"emial": "x"})))
    monkeypatch.setenv("DOSSIER_DATA_CENTERS", str(centers))
    assert main(["sources", "check"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"dossier: {centers}/acme/website.toml: ") for line in lines)


@pytest.mark.parametrize("option", ["ssl_ca=/nowhere"])
def test_an_option_that_the_driver_of_mariadb_cannot_use_is_said(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"mariadb://reader:{PASSWORD}@127.0.0.1/site?{option}"
    said = told(capsys, monkeypatch, Small("mariadb", "", tmp_path), url)
    assert said.startswith("the connection: an option does not do (")
    assert said.endswith("; correct what follows the ? in the URL that WEBSITE_URL holds.")


def test_a_file_that_is_not_there_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = told(capsys, monkeypatch, Small("sqlite", "", tmp_path), f"sqlite:///{tmp_path / 'none.db'}")
    assert said == "the file none.db: there is no such file; correct the path in the URL that WEBSITE_URL holds."


def test_a_database_without_tables_is_said_once(
    small: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small.run("SELECT 1")
    assert told(capsys, monkeypatch, small, small.url) == (
        "the database has no tables, or none that this role may see; correct the database in the URL that WEBSITE_URL"
        " holds, or grant the role SELECT."
    )


def test_a_table_or_column_that_is_missing_is_said_once_for_all_queries(
    small: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small.run(TABLES)
    small.run("DROP TABLE people")
    said = told(capsys, monkeypatch, small, small.url)
    assert said.startswith("find.tracking_id, find.email: ")
    assert "people" in said
    assert said.endswith(
        "; correct the name in the mapping, with its schema, or correct the database in the URL that WEBSITE_URL holds."
    )
    small.run("CREATE TABLE people (id bigint PRIMARY KEY, mail text, cookie text)")
    data = mapping()
    find = without(data["find"], "tracking_id")
    said = told(capsys, monkeypatch, small, small.url, data | {"find": find})
    assert said.startswith("find.email: ")
    assert "email" in said


async def test_nobody_outside_reads_which_database_was_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says it; searches, exports and the audit trail go out by HTTP."""
    async with (
        running(tmp_path, work=False) as service,
        await service.client() as client,
        await service.client("paula", "auditor") as auditor,
    ):
        address = await request_export(client)
        (tmp_path / "website.db").unlink()
        for _ in range(MOST_ATTEMPTS):
            assert await service.services.run_job()
            service.clock.ahead += timedelta(minutes=1)
        searched = await client.post(f"{BASE}/visitors/search", json={"identifier": "183"})
        answers = [searched.text, (await client.get(address)).text, (await auditor.get(f"{BASE}/audit")).text]
    assert all("source-unavailable" in one and "website.db" not in one for one in answers), answers
    assert "the file website.db: there is no such file" in caplog.text
