"""make demo-stack: the demo's journey on two APIs, two workers, PostgreSQL, Valkey and SeaweedFS, started for it."""

import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from app.commands.demo import IDENTIFIER, Demo, sample_databases
from app.commands.sample.generate import sample_is_current, write_sample
from tests.stack import Stack, in_turn, standing

FOLDER = Path("var/sample")


def main() -> int:
    console = Console(highlight=False)
    if not sample_is_current(FOLDER):
        console.print("Making the sample: one data center, two data sources, a few hundred visitors …")
        write_sample(FOLDER)
    environ = sample_databases(FOLDER) | {"DOSSIER_DATA_CENTERS": str((FOLDER / "data-centers").absolute())}
    console.print("Starting PostgreSQL, Valkey, SeaweedFS, two APIs and two workers on free ports of this machine …")
    with tempfile.TemporaryDirectory(prefix="dossier-stack-") as name, standing(Path(name), environ) as stack:
        _describe(console, stack)
        code = asyncio.run(_tell(console, stack))
        _look(console, stack)
        console.print("Stopping everything that was started here.")
    return code


async def _tell(console: Console, stack: Stack) -> int:
    async with in_turn(stack, stack.key("demo", "acme")) as client:
        return await Demo(console, client, FOLDER).tell(IDENTIFIER)


def _describe(console: Console, stack: Stack) -> None:
    lines = [
        ("own database", stack.postgres.url), ("bell", stack.valkey.url), ("archives", stack.seaweedfs.url),
        *(("API", stack.address(number)) for number in range(len(stack.apis))),
        *(("worker", f"process {one.running.pid}") for one in stack.workers if one.running),
    ]  # fmt: skip
    console.print("\n".join(f"  {what:14}{where}" for what, where in lines))
    console.print("Each request of what follows goes to another API than the one before.")


def _look(console: Console, stack: Stack) -> None:
    """What lies in the store, asked of the store."""
    stored = stack.seaweedfs.client().list_objects("dossier", recursive=True)
    found = "\n".join(f"  {one.object_name}  {one.size:,} bytes" for one in stored)
    console.print(f"\nIn the store's bucket `dossier`, under names that say nothing:\n{found}")


if __name__ == "__main__":
    sys.exit(main())
