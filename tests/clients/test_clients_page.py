"""The programs of docs/clients.md are copied as they stand there, and export a visitor's data."""

import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from app.kit.clock import now
from app.sources.receiver import Receiver
from app.webhooks.delivery import Delivery
from app.webhooks.send import message, signed
from tests.page import bash, fenced, with_word
from tests.receivers import SECRETS
from tests.sample import ROOT, Served, wait_until_it_answers
from tests.servers import free_port

PAGE = ROOT / "docs" / "clients.md"


def program(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "export.py").write_text(with_word(fenced(PAGE, "python"), "export.py"))
    return subprocess.run(
        [sys.executable, "export.py"], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120
    )


def is_the_archive(folder: Path, sample: Served) -> bool:
    (archive,) = folder.glob("*.zip")
    address = f"{sample.place.address}/v1/data-centers/acme/exports/{archive.stem}"
    export = httpx.get(address, headers={"Authorization": f"Bearer {sample.key}"}).json()
    assert zipfile.ZipFile(archive).testzip() is None
    return bool(export["sha256"] == sha256(archive.read_bytes()).hexdigest())


def test_the_python_program_keeps_the_archive(sample: Served, tmp_path: Path) -> None:
    done = program(tmp_path, **sample.told)
    assert (done.returncode, done.stderr) == (0, "")
    assert is_the_archive(tmp_path, sample)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DOSSIER_KEY", "dossier_0_0", "/problems/unauthenticated: "),
        ("DOSSIER_DATA_CENTER", "globex", "/problems/not-found: "),
        ("DOSSIER_IDENTIFIER", "nobody@example.com", "Nobody was found."),
    ],
)
def test_the_python_program_says_why_it_cannot(
    sample: Served, tmp_path: Path, name: str, value: str, said: str
) -> None:
    done = program(tmp_path, **sample.told | {name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.usefixtures("curl")
def test_the_lines_for_curl_keep_the_archive(sample: Served, tmp_path: Path) -> None:
    lines = with_word(fenced(PAGE, "sh"), "visitors/search")
    said = bash(lines, tmp_path, *(f"{name}={value}" for name, value in sample.told.items()))
    assert said.endswith(".zip: OK\n")
    assert is_the_archive(tmp_path, sample)


def test_the_receiver_prints_what_is_signed_and_refuses_what_is_not(tmp_path: Path) -> None:
    (tmp_path / "receive.py").write_text(with_word(fenced(PAGE, "python"), "receive.py"))
    port, secret = free_port(), SECRETS["HOOK_SECRET"]
    environ = {"HOOK_SECRET": secret, "PORT": str(port)}
    told = Delivery(uuid4(), "acme", "crm", "export.ready", uuid4(), now(), uuid4(), 0)
    crm = Receiver("acme", "crm", "https://crm.example", (secret,), (), (), None)
    headers = signed(told, crm, now(), message(told))
    with subprocess.Popen(
        [sys.executable, "receive.py"], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True,
    ) as receiver:  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_it_answers(address)
            assert httpx.post(address, content=message(told), headers=headers).status_code == 204
            assert httpx.post(address, content=message(told) + " ", headers=headers).status_code == 400
        finally:
            receiver.terminate()
        assert receiver.stdout
        assert receiver.stdout.read() == f"export.ready {told.entry_id}\n"
