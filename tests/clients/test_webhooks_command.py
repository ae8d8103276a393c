"""What an operator sees of webhooks: receivers, messages with every attempt, a replay and a resumption."""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.__main__ import main
from app.webhooks.log import read_log
from tests.builders import finished, request_export, running, write_shop, write_website
from tests.receivers import certificate, environ_with_secrets, mappings_with, receiving, table

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Its exit code, and what it says in a service's folder: to whoever asked, and of what is wrong."""
    own = {"DOSSIER_VAR_DIR": str(tmp_path / "var"), "DOSSIER_DATA_CENTERS": str(tmp_path / "data-centers")}

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with monkeypatch.context() as here:
            here.setattr(os, "environ", environ_with_secrets(tmp_path) | own)
            return main(["webhooks", *arguments]), *capsys.readouterr()

    return run


@pytest.fixture
def told(tmp_path: Path) -> None:
    """In a database of the folder one receiver has answered 500, and another that it is gone."""
    write_website(tmp_path / "website.db")
    write_shop(tmp_path / "shop.db")
    with receiving(tmp_path) as crm, receiving(tmp_path) as gone:
        crm.answer, gone.answer = lambda _: (500, {}), lambda _: (410, {})
        mappings_with(tmp_path, table(crm, certificate(tmp_path)), table(gone, certificate(tmp_path), "gone"))
        asyncio.run(_tell_both(tmp_path))


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


@pytest.mark.usefixtures("told")
def test_an_operator_sees_what_was_sent_and_mends_it(command: Command) -> None:
    listed = command("list")[1].splitlines()
    assert [line.split("\t")[1] for line in listed] == ["crm", "gone"]
    assert listed[0].endswith("sent to\t1 waiting")
    assert "stopped at 20" in listed[1]
    log = command("log", "--receiver", "crm")[1]
    assert re.search(r"acme/crm  export\.ready .* next attempt 20", log)
    assert re.search(r"^   1  20\S+Z +\d+ ms  answered 500$", log, re.MULTILINE)
    message = log.split()[0]
    assert command("replay", message)[1] == f"Message {message} is due again.\n"
    assert command("resume", "acme", "gone")[1] == "Messages go to acme/gone again.\n"
    code, said, complaint = command("resume", "acme", "gone")
    assert (code, said) == (1, "")
    assert "acme/gone had not stopped" in complaint


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
def test_a_receiver_that_is_named_wrongly_is_told_in_one_sentence(
    tmp_path: Path, command: Command, wrong: str, sentence: str
) -> None:
    right = {"name": "'crm'", "url": "'https://crm.example'", "secrets": "['HOOK_SECRET']"}
    key, _, value = wrong.partition(" = ")
    mappings_with(tmp_path, "\n".join(f"{name} = {said}" for name, said in (right | {key: value}).items()))
    code, said, complaint = command("list")
    assert (code, said) == (2, "")
    assert sentence in complaint
    assert complaint.count("\n") == 1
    assert "whsec_MfKQ" not in complaint
