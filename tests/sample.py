"""The sample as `make run` serves it: a process of its own, on a free port and in a folder of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.builders import UNLIMITED
from tests.servers import free_port

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder and a port for the sample; what `python -m app` does there is what it does for a newcomer."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DOSSIER_")}
        return inherited | UNLIMITED | {"DOSSIER_VAR_DIR": str(self.folder), "DOSSIER_PORT": str(self.port)}

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environ | environ, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def key_works(self, key: str) -> bool:
        answer = httpx.get(f"{self.address}/v1/me", headers={"Authorization": f"Bearer {key}"})
        return answer.status_code == httpx.codes.OK


@dataclass(frozen=True, slots=True)
class Served:
    place: Place
    process: subprocess.Popen[bytes]
    said: str

    @property
    def key(self) -> str:
        return str(re.findall(r"dossier_[0-9a-f]+_[0-9a-f]+", self.said)[0])

    @property
    def told(self) -> dict[str, str]:
        """What docs/clients.md lets an example know."""
        return {
            "DOSSIER_URL": self.place.address, "DOSSIER_DATA_CENTER": "acme", "DOSSIER_KEY": self.key,
            "DOSSIER_IDENTIFIER": "maria.keller@example.com",
        }  # fmt: skip


def place(folder: Path) -> Place:
    return Place(folder, free_port())


@contextmanager
def served(where: Place) -> Iterator[Served]:
    """Ends with the block, if it has not ended by itself."""
    out = where.folder.with_name(f"{where.folder.name}.out")
    with out.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "demo", "--serve"], cwd=ROOT, env=where.environ, stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        wait_until_it_answers(where.address)
        yield Served(where, process, out.read_text())
    finally:
        process.kill()
        process.wait()


def wait_until_it_answers(address: str) -> None:
    # One client for all tries, without the authorities of TLS: reading them would slow down the start that it waits for.
    with httpx.Client(verify=False) as client:
        for _ in range(1200):
            try:
                client.get(f"{address}/health/live")
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
    raise AssertionError(address)
