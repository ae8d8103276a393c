"""A client that others would generate needs no mending by hand: it is typed, and goes the whole way."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from tests.page import bash, fenced, with_word
from tests.sample import ROOT, Served

JOURNEY = Path(__file__).parent / "generated_client" / "journey.py"
MAKING = with_word(fenced(ROOT / "docs" / "clients.md", "sh"), "openapi-python-client")
# The generator's own text, the same whatever the document: it passes what ends a `with` on as plain objects.
STRICT = "[mypy]\nstrict = true\n[mypy-dossier_client.client]\ndisable_error_code = arg-type\n"


@pytest.fixture(scope="module")
def made(sample: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a journey and of its client, made as docs/clients.md says."""
    folder = tmp_path_factory.mktemp("client")
    said = bash(
        MAKING, folder, f"PATH={Path(sys.executable).parent}:/usr/bin:/bin", f"DOSSIER_URL={sample.place.address}"
    )
    assert said.strip() == "Generating dossier_client"
    shutil.copy(JOURNEY, folder)
    return folder


def run(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout.strip()


def test_no_name_is_made_up_by_the_generator(made: Path) -> None:
    modules = {file.stem for file in (made / "dossier_client" / "models").glob("*.py")}
    assert {"export_status", "entry_kind", "history_sort", "identifier_kind", "language", "source_status"} <= modules
    assert not [name for name in modules if "_type_" in name or "response_" in name]
    assert "VALUE_" not in "".join(file.read_text() for file in made.rglob("models/*.py"))


def test_the_client_and_a_journey_by_it_are_typed_strictly(made: Path) -> None:
    (made / "mypy.ini").write_text(STRICT)
    assert run(made, "-m", "mypy", "--config-file", "mypy.ini", "journey.py", "dossier_client").startswith("Success")


def test_the_journey_leads_from_a_search_to_a_revoked_export(made: Path, sample: Served) -> None:
    export = run(made, "journey.py", environ=sample.told)
    address = f"{sample.place.address}/v1/data-centers/acme/exports/{export}"
    answer = httpx.get(address, headers={"Authorization": f"Bearer {sample.key}"}).json()
    assert (answer["status"], answer["downloads"]) == ("revoked", 2)


def test_a_word_that_is_added_later_does_not_stop_the_client(made: Path) -> None:
    told = "from dossier_client.models import IdentifierView; print(IdentifierView.from_dict({'kind': 'phone', 'masked': 'x'}).kind)"
    assert run(made, "-c", told) == "phone"
