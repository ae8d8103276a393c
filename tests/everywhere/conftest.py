"""What not every machine has: a test that lacks a program is left out by name, and by the line that would get it."""

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sample import Place, Served, place, served


@dataclass(frozen=True, slots=True)
class Program:
    """The names that a program goes by, of which the first stands in messages, and Debian's package of it."""

    package: str
    names: tuple[str, ...]

    def path(self) -> str:
        """Where it lies. Without it the test that asked ends here, and `make test-all` says so."""
        found = next(filter(None, map(shutil.which, self.names)), None)
        return found or pytest.skip(
            f"{self.names[0]} is not here; on Debian and Ubuntu: apt-get install {self.package}"
        )


@dataclass(frozen=True, slots=True)
class Demo:
    """The sample's place, and the archive that the demo made there."""

    place: Place
    archive: Path

    def contents(self) -> dict[str, bytes]:
        with zipfile.ZipFile(self.archive) as opened:
            return {name: opened.read(name) for name in opened.namelist()}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    where = place(tmp_path_factory.mktemp("sample") / "a folder")
    done = where.run("demo")
    assert done.returncode == 0, done.stderr
    (archive,) = where.folder.rglob("export-*.zip")
    return Demo(where, archive)


@pytest.fixture(scope="module")
def sample(demo: Demo) -> Iterator[Served]:
    with served(demo.place) as serving:
        yield serving
