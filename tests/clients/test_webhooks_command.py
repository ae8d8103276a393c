"""What an operator sees of webhooks: receivers, messages with every attempt, a replay and a resumption."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.webhooks.log import read_log
from tests.builders import finished, request_export, running, write_shop, write_website
from tests.page import ROOT
from tests.receivers import certificate, environ_with_secrets, mappings_with, receiving, table


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {"DOSSIER_VAR_DIR": str(folder / "var"), "DOSSIER_DATA_CENTERS": str(folder / "data-centers")}
    return subprocess.run(
        [sys.executable, "-m", "app", "webhooks", *arguments], cwd=ROOT, env=environ_with_secrets(folder) | own,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A folder in whose database one receiver has answered 500, and another that it is gone."""
    write_website(tmp_path / "website.db")
    write_shop(tmp_path / "shop.db")
    with receiving(tmp_path) as crm, receiving(tmp_path) as gone:
        crm.answer, gone.answer = lambda _: (500, {}), lambda _: (410, {})
        mappings_with(tmp_path, table(crm, certificate(tmp_path)), table(gone, certificate(tmp_path), "gone"))
        asyncio.run(_tell_both(tmp_path))
    return tmp_path


async def _tell_both(folder: Path) -> None:
    mappings, environ = folder / "data-centers", environ_with_secrets(folder)
    async with running(folder, mappings=mappings, environ=environ) as service, await service.client() as client:
        await finished(client, await request_export(client))
        async with asyncio.timeout(10):
            attempts = 0
            while attempts < 2:
                await asyncio.sleep(0.1)
                async with service.services.database.reading() as connection:
                    attempts = sum(len(one.attempts) for one in await read_log(connection, None, None, None, 9))


def test_an_operator_sees_what_was_sent_and_mends_it(told: Path) -> None:
    listed = command(told, "list").stdout.splitlines()
    assert [line.split("\t")[1] for line in listed] == ["crm", "gone"]
    assert listed[0].endswith("sent to\t1 waiting")
    assert "stopped at 20" in listed[1]
    log = command(told, "log", "--receiver", "crm").stdout
    assert re.search(r"acme/crm  export\.ready .* next attempt 20", log)
    assert re.search(r"^   1  20\S+Z +\d+ ms  answered 500$", log, re.MULTILINE)
    message = log.split()[0]
    assert command(told, "replay", message).stdout == f"Message {message} is due again.\n"
    assert command(told, "resume", "acme", "gone").stdout == "Messages go to acme/gone again.\n"
    again = command(told, "resume", "acme", "gone")
    assert (again.returncode, again.stdout) == (1, "")
    assert "acme/gone had not stopped" in again.stderr


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("url = 'http://crm.example'", "url: must be an https:// address without user, password and fragment"),
        ("secrets = ['NOT_SET']", "the environment variable NOT_SET must hold whsec_ and 24 to 64 bytes in Base64"),
        ("allow = ['10.0.0.1/8']", "allow"),
        ("events = ['export.gone']", "events"),
        ("ca_file = 'none.pem'", "ca_file: there is no file"),
        ("retries = 3", "unknown key"),
    ],
)
def test_a_receiver_that_is_named_wrongly_is_told_in_one_sentence(tmp_path: Path, wrong: str, sentence: str) -> None:
    right = {"name": "'crm'", "url": "'https://crm.example'", "secrets": "['HOOK_SECRET']"}
    key, _, value = wrong.partition(" = ")
    mappings_with(tmp_path, "\n".join(f"{name} = {said}" for name, said in (right | {key: value}).items()))
    done = command(tmp_path, "list")
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert "whsec_MfKQ" not in done.stderr
