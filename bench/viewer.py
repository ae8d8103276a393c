"""How long viewer.html takes for an archive of a million rows, and how much memory the page's process takes meanwhile."""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from app.archive.assets import Assets
from app.archive.frame import Frame
from app.archive.package import Package
from app.archive.schema_1_0 import Titled
from app.kit.clock import LIFETIME, now
from app.kit.sign import Signer
from app.sources.port import Batch, Section
from tests.everywhere.conftest import NODE, npm_ci
from tests.everywhere.test_console import BROWSERS, PROJECT

ROWS = 1_000_000
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
WORDS = (
    "lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consetetur",
    "sadipscing",
    "elitr",
    "sed",
    "diam",
    "nonumy",
    "eirmod",
)
SECTION = Section(
    name="interactions", title="What you did", category="interaction", origin="observed", purpose="to know",
    retention="a year", recipients=None, scope="combination", because=None, time="occurred_at",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--browser", choices=BROWSERS, action="append")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
        folder = Path(name)
        written, unpacked = write_archive(folder / "archive.zip", given.rows)
        print(f"{given.rows:,} rows, {unpacked / 1e6:,.0f} MB of JSON in a ZIP of {written / 1e6:,.0f} MB", flush=True)
        (folder / "viewer.html").write_bytes(Assets().viewer)
        project = npm_ci(PROJECT, folder / "project")
        (project / "viewer.mjs").write_text(Path(__file__).with_name("viewer.mjs").read_text())
        for browser in given.browser or BROWSERS:
            measure(browser, project, folder, given.rows)
    return 0


def write_archive(path: Path, rows: int) -> tuple[int, int]:
    """As the service packs it. Its size, and that of the JSON."""
    title = Titled(id="acme", title="Acme")
    frame = Frame(
        id="bench", data_center=title, data_source=title, label="m***", device="iPhone", browser="Safari", as_of=now(),
        lifetime=LIFETIME, language="en", time_zone="Europe/Berlin", notice=dict.fromkeys(("controller", "contact", "rights", "authority"), "us"),
        mapping_sha256="0" * 64, row_security=False, omitted=(), other_combinations=0,
    )  # fmt: skip
    package = Package(frame, [SECTION], Assets(), Signer(bytes(32)), now)
    with path.open("wb") as file:
        for chunk in package.chunks(lambda _: batches(rows)):
            file.write(chunk)
    return package.packed().size, package.document_bytes


def batches(rows: int) -> Iterator[Batch]:
    made = random.Random(1)
    for begin in range(0, rows, 500):
        numbers = range(begin, min(rows, begin + 500))
        moments = [BEGAN + timedelta(minutes=3 * number) for number in numbers]
        encoded = [row(number, moment, made) for number, moment in zip(numbers, moments, strict=True)]
        yield Batch(encoded, moments, sum(map(len, encoded)))


def row(number: int, moment: datetime, made: random.Random) -> bytes:
    fields = {
        "id": number, "occurred_at": moment.isoformat(), "kind": WORDS[number % 7],
        "url": f"https://example.com/{number * 7919 % 1_000_003:x}/{WORDS[number % 12]}",
        "agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15",
        "meta": {"a": [number, {"b": WORDS[number % 11]}], "q": 'x"y'}, "note": " ".join(made.choices(WORDS, k=50)),
        "amount": number / 7,
    }  # fmt: skip
    return json.dumps(fields, separators=(",", ":")).encode()


def measure(browser: str, project: Path, folder: Path, rows: int) -> None:
    environ = os.environ | {
        "JOURNEY": "measured", "BROWSER": browser, "EXECUTABLE": BROWSERS[browser].path(), "HOME": str(folder), "DOWNLOADS": str(folder),
        "PAGE": (folder / "viewer.html").as_uri(), "ARCHIVE": str(folder / "archive.zip"), "ROWS": str(rows),
        "NEEDLE": f"/{(rows - 2) * 7919 % 1_000_003:x}/",
    }  # fmt: skip
    with subprocess.Popen([NODE.path(), "viewer.mjs"], cwd=project, env=environ, stdout=subprocess.PIPE) as walking:
        peak = most_memory(walking)
        assert walking.stdout
        told: dict[str, Any] = json.loads(walking.stdout.read() or "{}")
    print(f"{browser}: {', '.join(f'{what} {seconds:.2f} s' for what, seconds in told.items())}, "
          f"peak {peak / 1e6:.0f} MB (PSS)", flush=True)  # fmt: skip


def most_memory(walking: "subprocess.Popen[bytes]") -> int:
    """The largest of the browser's processes that hold a page, at any time."""
    peak = 0
    while walking.poll() is None:
        for process in psutil.Process(walking.pid).children(recursive=True):
            try:
                command = process.cmdline()
                if any(one in ("--type=renderer", "-isForBrowser", "tab") for one in command):
                    peak = max(peak, process.memory_full_info().pss)
            except psutil.Error:
                continue
        time.sleep(0.2)
    return peak


if __name__ == "__main__":
    sys.exit(main())
