"""A TypeScript client of the contract needs no mending by hand: strictly typed, it goes the whole way in Node."""

import json
import re
import zipfile
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests.everywhere.conftest import npm_ci, run
from tests.page import fenced, with_word
from tests.sample import ROOT, Served

pytestmark = pytest.mark.everywhere
PROJECT = Path(__file__).parent / "typescript"
PAGE = ROOT / "docs" / "clients.md"
MAKING = with_word(fenced(PAGE, "sh"), "npm install")


@pytest.fixture(scope="module")
def installed(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with what its lock pins."""
    return npm_ci(PROJECT, tmp_path_factory.mktemp("typescript") / "project")


@pytest.fixture(scope="module")
def compiled(installed: Path, sample: Served) -> Path:
    """The program of docs/clients.md and the rest of the journey, with types made as the page says."""
    _, making = MAKING.splitlines()
    run(installed, "bash", "-euc", making, **sample.told)
    (installed / "export.ts").write_text(with_word(fenced(PAGE, "ts"), "export.ts"))
    run(installed, "node_modules/.bin/tsc", "--project", ".")
    return installed


def test_the_page_installs_what_is_tried_here() -> None:
    page = dict(re.findall(r"(\S+)@([\d.]+)", MAKING.splitlines()[0]))
    project = json.loads((PROJECT / "package.json").read_text())
    pinned = project["dependencies"] | project["devDependencies"]
    assert pinned.keys() == page.keys()
    assert all(f"{pinned[name]}.".startswith(f"{version}.") for name, version in page.items())


def test_the_lock_names_versions_and_no_addresses() -> None:
    lock = json.loads((PROJECT / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_the_journey_leads_from_a_search_to_a_revoked_export(compiled: Path, sample: Served, node: str) -> None:
    archive = compiled / run(compiled, node, "made/export.js", **sample.told)
    address = f"{sample.place.address}/v1/data-centers/acme/exports/{archive.stem}"
    headers = {"Authorization": f"Bearer {sample.key}"}
    assert zipfile.ZipFile(archive).testzip() is None
    assert httpx.get(address, headers=headers).json()["sha256"] == sha256(archive.read_bytes()).hexdigest()
    run(compiled, node, "made/afterwards.js", archive.stem, **sample.told)
    assert httpx.get(address, headers=headers).json()["status"] == "revoked"
