"""The image and the composition say nothing that the code does not bear out, and give away no secret."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from app.__main__ import COMMANDS
from app.settings import Settings, variable
from tests.builders import archive, request_export, running
from tests.servers import Postgres
from tests.servers import running as running_server

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = re.sub(r"^ *#.*\n", "", (ROOT / "compose.yaml").read_text(), flags=re.MULTILINE)
SECRET = re.compile(r"(PASSWORD|SECRET|ACCESS_KEY|REDISCLI_AUTH)")


def instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} (.+)$", DOCKERFILE, re.MULTILINE)


def service(name: str) -> str:
    """The indented block of one service."""
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", COMPOSE, re.MULTILINE)
    assert found, name
    return found[1]


def test_the_image_runs_as_a_numbered_user_who_is_not_root() -> None:
    (user,) = instructions("USER")
    assert all(int(number) > 0 for number in user.split(":"))
    assert DOCKERFILE.index("\nUSER ") > DOCKERFILE.rindex("\nRUN ")


def test_no_server_of_the_composition_runs_as_root() -> None:
    for name in ("postgres", "valkey", "seaweedfs"):
        user = re.search(r"^    user: \"?([\w:]+)", service(name), re.MULTILINE)
        assert user, name
        assert user[1].split(":")[0] not in ("root", "0"), name


def test_every_image_bears_an_exact_version_and_every_service_a_bound() -> None:
    images = [
        *re.findall(r"^    image: (\S+)$", COMPOSE, re.MULTILINE),
        *re.findall(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE),
    ]
    assert len(images) == 4
    assert all(re.search(r":\d+\.\d+(\.\d+)?(-[a-z-]+)?$", image) for image in images), images
    (hardened,) = re.findall(r"^x-hardened: &hardened\n((?:  .*\n)+)", COMPOSE, re.MULTILINE)
    assert re.search(r"^  pids_limit: \d+$", hardened, re.MULTILINE)
    services = re.search(r"^services:\n((?:  .*\n|\n)+)", COMPOSE, re.MULTILINE)
    assert services
    for name in re.findall(r"^  (\w+):$", services[1], re.MULTILINE):
        assert re.search(r"<<: \*(hardened|dossier|serving)$", service(name), re.MULTILINE), name


async def test_the_owner_of_the_database_is_no_superuser_and_can_do_all_that_is_needed(tmp_path: Path) -> None:
    """What the composition runs when the database is made, run by psql on a real server."""
    assert '"./compose.sql:/docker-entrypoint-initdb.d/owner.sql:ro"' in COMPOSE
    assert "configs:" not in COMPOSE
    with running_server(Postgres, "18") as server:
        path = f"{server.program('psql').parent}:{os.environ['PATH']}"
        given = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "POSTGRES_PASSWORD": "it's", "PATH": path}
        told = await asyncio.to_thread(
            subprocess.run,
            ["psql", "-U", "postgres", "-qv", "ON_ERROR_STOP=1", "-f", str(ROOT / "compose.sql")],
            env=given,
            capture_output=True,
            check=True,
        )
        assert told.stderr == b""
        url = f"postgresql://dossier@127.0.0.1:{server.port}/dossier"
        with psycopg.connect(url) as connection:
            roles = "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
            assert connection.execute(roles).fetchone() == ("dossier", False, False, False)
        async with running(tmp_path, database_url=url) as service, await service.client() as client:
            assert await archive(client, await request_export(client))


def test_no_secret_has_a_default_in_the_composition() -> None:
    variables = re.findall(r"(?<!\$)\$\{?\w[^}\s]*", COMPOSE)
    assert all(re.match(r"\$\{[A-Z0-9_]+:\?", one) for one in variables), variables
    for name, value in re.findall(r"^ +([A-Z0-9_]+):(.*)$", COMPOSE, re.MULTILINE):
        assert not SECRET.search(name) or re.fullmatch(r'( "\$\{[A-Z0-9_]+:\?[^}]+\}")?', value), name


def test_no_address_in_the_composition_holds_a_literal_password() -> None:
    passwords = re.findall(r"://\w*:(.*)@", COMPOSE)
    assert len(passwords) == 2
    assert all(re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", one) for one in passwords)


def test_the_image_holds_no_secret() -> None:
    assert not [name for name in re.findall(r"\b([A-Z0-9_]+)=", DOCKERFILE) if SECRET.search(name)]


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml", "docs/operate.md"])
def test_every_setting_that_is_named_exists(file: str) -> None:
    named = set(re.findall(r"\bDOSSIER_[A-Z0-9_]*[A-Z0-9]", (ROOT / file).read_text()))
    assert named <= {variable(name) for name in Settings.model_fields}


def test_everything_that_the_image_copies_exists_and_is_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [one.split()[:-1] for one in instructions("COPY") if not one.startswith("--from=")]
    assert copied
    for path in (path.rstrip("/") for paths in copied for path in paths):
        assert (ROOT / path).exists(), path
        assert path in kept, path


def test_every_command_that_is_started_or_explained_exists() -> None:
    started = re.findall(r"^    command: \[(\w+)\]$", COMPOSE, re.MULTILINE)
    probed = re.findall(r"-m, app, probe, (\w+)", COMPOSE)
    explained = re.findall(r"python -m app (\w+)", COMPOSE + (ROOT / "docs" / "operate.md").read_text())
    assert sorted(started) == ["api", "migrate", "worker"]
    assert sorted(probed) == ["api", "worker"]
    assert {*started, *probed, *explained, *re.findall(r'CMD \["(\w+)"', DOCKERFILE)} <= set(COMMANDS)
