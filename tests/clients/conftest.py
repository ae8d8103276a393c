"""One sample for all who only look at it: making it takes seconds."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

import pytest

from tests.desk import Desk, desk
from tests.sample import ROOT, Place, Served, place, served
from tests.site import Site


@pytest.fixture(scope="session")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Place:
    where = place(tmp_path_factory.mktemp("sample") / "a folder")
    assert where.run("demo", "--identifier", "nobody@example.com").returncode == 0
    return where


@pytest.fixture(scope="module")
def sample(somewhere: Place) -> Iterator[Served]:
    with served(somewhere) as serving:
        yield serving


@pytest.fixture(params=["a small curl", *(["this machine's curl"] if shutil.which("curl") else [])])
def curl(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """What copied lines find by that name; the small one comes first in the path of `bash`."""
    if request.param == "a small curl":
        program = tmp_path / "curl"
        program.write_text(f'#!/bin/sh\nexec {quote(sys.executable)} {quote(str(ROOT))}/tests/small_curl.py "$@"\n')
        program.chmod(0o755)


# Of whichever service the module calls its `place`.
@pytest.fixture(scope="module")
def key(place: Site) -> str:
    return place.key()


@pytest.fixture
def at(place: Site, key: str, tmp_path: Path) -> Desk:
    return desk(place, tmp_path / "archives", key)
