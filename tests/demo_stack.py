"""make demo-stack: the demo's journey on two APIs, two workers, PostgreSQL, Valkey and SeaweedFS, started for it."""

import sys
import tempfile
from pathlib import Path

import httpx

from app.client.connection import Connection
from app.client.screen import Screen
from app.client.service import Service
from app.commands.demo import DATA_CENTER, IDENTIFIER, Demo, sample_databases
from app.commands.sample.generate import sample_is_current, write_sample
from tests.stack import Stack, standing

FOLDER = Path("var/sample")


def main() -> int:
    screen = Screen()
    if not sample_is_current(FOLDER):
        screen.say("Making the sample: one data center, two data sources, a few hundred visitors …")
        write_sample(FOLDER)
    environ = sample_databases(FOLDER) | {"DOSSIER_DATA_CENTERS": str((FOLDER / "data-centers").absolute())}
    screen.say("Starting PostgreSQL, Valkey, SeaweedFS, two APIs and two workers on free ports of this machine …")
    with tempfile.TemporaryDirectory(prefix="dossier-stack-") as name, standing(Path(name), environ) as stack:
        _describe(screen, stack)
        code = _tell(screen, stack)
        _look(screen, stack)
        screen.say("Stopping everything that was started here.")
    return code


def _tell(screen: Screen, stack: Stack) -> int:
    headers = {"Authorization": f"Bearer {stack.key('demo', DATA_CENTER)}"}
    with httpx.Client(base_url=stack.address(0), headers=headers, timeout=60, transport=_InTurn(stack)) as client:
        return Demo(screen, Service(Connection(client, screen.warn), DATA_CENTER), FOLDER, erases=False).tell(
            IDENTIFIER
        )


class _InTurn(httpx.HTTPTransport):
    """Every request goes to another API than the one before."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(retries=1)
        self._stack, self._count = stack, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._count += 1
        request.url = request.url.copy_with(port=self._stack.ports[self._count % len(self._stack.ports)])
        return super().handle_request(request)


def _describe(screen: Screen, stack: Stack) -> None:
    lines = [
        ("own database", stack.postgres.url), ("bell", stack.valkey.url), ("archives", stack.seaweedfs.url),
        *(("API", stack.address(number)) for number in range(len(stack.apis))),
        *(("worker", f"process {one.running.pid}") for one in stack.workers if one.running),
    ]  # fmt: skip
    screen.say("\n".join(f"  {what:14}{where}" for what, where in lines))
    screen.say("Each request of what follows goes to another API than the one before.")


def _look(screen: Screen, stack: Stack) -> None:
    """What lies in the store, asked of the store."""
    stored = stack.seaweedfs.client().list_objects("dossier", recursive=True)
    found = "\n".join(f"  {one.object_name}  {one.size:,} bytes" for one in stored)
    screen.say(f"\nIn the store's bucket `dossier`, under names that say nothing:\n{found}")


if __name__ == "__main__":
    sys.exit(main())
