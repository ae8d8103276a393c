"""The demo's archive is opened by unpackers that are not ours, and every byte in it is the same to all of them."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from app.commands.demo import sample_databases
from tests.everywhere.conftest import Demo, Program
from tests.independent import exact, expected_sections

pytestmark = pytest.mark.everywhere


@dataclass(frozen=True, slots=True)
class Unpacker:
    """What follows the program's path and is followed by the archive: to check, to list members, to print one."""

    program: Program
    checks: list[str]
    lists: list[str]
    prints: list[str]
    names: Callable[[str], list[str]] = str.splitlines

    def run(self, words: list[str], *named: str) -> bytes:
        return subprocess.run([self.program.path(), *words, *named], capture_output=True, check=True).stdout


def _technical_names(said: str) -> list[str]:
    """Of 7z's technical list; the first path is the archive's own."""
    return [line.removeprefix("Path = ") for line in said.splitlines() if line.startswith("Path = ")][1:]


UNPACKERS = {
    "unzip": Unpacker(Program("unzip", ("unzip",)), ["-tq"], ["-Z1"], ["-p"]),
    "7z": Unpacker(Program("7zip", ("7z", "7zz")), ["t"], ["l", "-slt"], ["x", "-so"], _technical_names),
    "bsdtar": Unpacker(Program("libarchive-tools", ("bsdtar",)), ["-tf"], ["-tf"], ["-xOf"]),
}


@pytest.fixture(scope="session", params=UNPACKERS)
def unpacker(request: pytest.FixtureRequest) -> Unpacker:
    found: Unpacker = UNPACKERS[request.param]
    found.program.path()  # before the demo, which takes seconds
    return found


def test_the_archive_is_whole(unpacker: Unpacker, demo: Demo) -> None:
    assert unpacker.run(unpacker.checks, str(demo.archive))


def test_the_members_are_the_same_byte_for_byte(unpacker: Unpacker, demo: Demo) -> None:
    expected = demo.contents()
    assert unpacker.names(unpacker.run(unpacker.lists, str(demo.archive)).decode()) == list(expected)
    for name, content in expected.items():
        assert unpacker.run(unpacker.prints, str(demo.archive), name) == content


# Once: it reads whole tables, and the bytes are the same to all.
@pytest.mark.parametrize("unpacker", ["unzip"], indirect=True)
def test_the_document_holds_what_the_databases_hold(unpacker: Unpacker, demo: Demo) -> None:
    document = exact(unpacker.run(unpacker.prints, str(demo.archive), "personal-data.json"))
    export, sections = document["export"], document["sections"]
    website = sample_databases(demo.archive.parent)["SAMPLE_WEBSITE_URL"]
    visitor = sections["profile"][0]["visitor_id"]
    assert sections == expected_sections(website, "website", visitor, export["device"], export["browser"])
