"""What not every machine has: a test that lacks a program is left out by name, and by the line that would get it."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.everywhere.mariadb import emptied, mariadb_server
from tests.sample import ROOT, Place, Served, place, served
from tests.servers import Mariadb
from tests.small import Small


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


NODE, NPM = Program("nodejs", ("node",)), Program("npm", ("npm",))
OLDEST_NODE = 20
# What npm says where it cannot reach its registry; everything else that it complains of is ours to mend.
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT", "ENOTCACHED")


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


def run(folder: Path, *command: str, **environ: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def node() -> str:
    found = NODE.path()
    version = run(ROOT, found, "--version")
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node is {version}, and {OLDEST_NODE} or newer is needed")
    return found


def npm_ci(project: Path, folder: Path) -> Path:
    """A copy of the project with what its lock pins."""
    shutil.copytree(project, folder)
    done = subprocess.run([NPM.path(), "ci"], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode and any(word in done.stderr for word in UNREACHABLE):
        pytest.skip("npm cannot reach its registry, from which it installs what package-lock.json pins")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def mariadb(request: pytest.FixtureRequest) -> Iterator[Mariadb]:
    yield from mariadb_server(request.config.cache.mkdir("mariadb"))


@pytest.fixture
def small(mariadb: Mariadb, tmp_path: Path) -> Small:
    return emptied(mariadb, tmp_path)
