"""What each member of an archive takes, of all that it takes to read a sample visitor and write the ZIP."""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from app.adapters import build_registry
from app.archive.assets import Assets
from app.archive.frame import Frame
from app.archive.package import Package
from app.archive.schema import MemberName
from app.archive.schema_1_0 import Titled
from app.commands.demo import sample_databases
from app.commands.sample.generate import write_sample
from app.kit.clock import LIFETIME, now
from app.kit.threads import Threads
from app.settings import Settings
from app.sources.port import DataSource, Reading
from app.sources.registry import DataCenter

VISITOR, DEVICE, BROWSER = 1001, "iPhone", "Safari"


class Timed(Package):
    """Counts the seconds from a member's first byte to its last, packing and hashing among them."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.seconds: dict[str, float] = {}

    def _counted(self, name: MemberName, chunks: Iterable[bytes]) -> Iterator[bytes]:
        begin = time.perf_counter()
        yield from super()._counted(name, chunks)
        self.seconds[name] = time.perf_counter() - begin


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    for rows in (1_000, 10_000, 200_000):
        with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
            asyncio.run(measure(Path(name), rows, given.rounds))
    return 0


async def measure(folder: Path, rows: int, rounds: int) -> None:
    write_sample(folder, rows)
    threads, assets = Threads(), Assets()
    settings = Settings(var_dir=folder / "var", data_centers=folder / "data-centers")
    registry = build_registry(settings, sample_databases(folder), shared=threads)
    center, source = registry.find("acme", "website")
    taken = [await once(center, source, assets) for _ in range(rounds)]
    await registry.close()
    threads.close()
    whole = median(sum(one.values()) for one in taken)
    print(f"{rows:,} interactions: {whole * 1000:,.0f} ms")
    for name in taken[0]:
        share = median(one[name] / sum(one.values()) for one in taken)
        print(f"  {name:20} {median(one[name] for one in taken) * 1000:10.1f} ms  {share:6.1%}")


async def once(center: DataCenter, source: DataSource, assets: Assets) -> dict[str, float]:
    async with source.read(VISITOR, DEVICE, BROWSER, center.language) as reading:
        package = Timed(frame_of(center, reading), reading.sections, assets, now)
        await asyncio.to_thread(lambda: sum(map(len, package.chunks(reading.rows))))
    return package.seconds


def frame_of(center: DataCenter, reading: Reading) -> Frame:
    facts = reading.source
    return Frame(
        id="bench", data_center=Titled(id=center.id, title=center.title),
        data_source=Titled(id=facts.id, title=facts.title), label="m•••@example.com", device=DEVICE, browser=BROWSER,
        as_of=datetime.now(UTC), lifetime=LIFETIME, language=center.language, time_zone=facts.time_zone,
        notice=center.notice, mapping_sha256=facts.mapping_sha256, row_security=False, omitted=facts.omitted,
        other_combinations=reading.other_combinations,
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
