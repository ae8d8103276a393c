"""How many searches one API answers among ten million identifiers, beside the least that could answer them."""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil  # type: ignore[import-untyped]

from bench.engine import fill
from bench.load import Answers, Load, asked
from tests.builders import BASE
from tests.servers import free_port
from tests.small import mapping, personal, toml, write_mappings
from tests.stack import ROOT, Stack, standing

IDENTIFIERS, CONNECTIONS = 10_000_000, 10
PATH = f"{BASE}/visitors/search"
FIND = "SELECT id AS visitor, email AS label FROM people WHERE cookie = :tracking_id"
COMBINATIONS = (
    """SELECT device, browser, os, first_seen, last_seen, interactions FROM used WHERE visitor_id = :visitor"""
)
TABLES = """
CREATE UNLOGGED TABLE people (id bigint, cookie text, email text);
CREATE UNLOGGED TABLE used (visitor_id bigint, device text, browser text, os text, first_seen timestamptz,
                            last_seen timestamptz, interactions bigint);
"""
FILL = (
    "INSERT INTO people SELECT n, 'cookie-' || n, 'person' || n || '@example.com' FROM generate_series($1::bigint, $2::bigint) AS n",
    "INSERT INTO used SELECT n, 'iPhone', 'Safari', 'iOS', timestamptz '2026-01-01' + n * interval '1 second',"
    " timestamptz '2026-06-01' + n * interval '1 second', n % 500 FROM generate_series($1::bigint, $2::bigint) AS n",
)

INDEXES = ("CREATE UNIQUE INDEX ON people (cookie)", "CREATE INDEX ON used (visitor_id)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--identifiers", type=int, default=IDENTIFIERS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
        folder = Path(name)
        with standing(folder / "stack", environ_of(folder), apis=0, workers=0) as stack:
            fill(stack.postgres, given.identifiers, TABLES, FILL, INDEXES)
            stack.environ["BENCH_URL"] = stack.postgres.url
            api = stack.add_api()
            stack.wait_until_ready()
            with rival(stack) as (port, process):
                assert api.running
                contenders = {"Dossier": (stack.ports[0], api.running.pid), "Starlette + asyncpg": (port, process)}
                asyncio.run(measure(contenders, stack.key("maria", "acme"), given))
    return 0


def environ_of(folder: Path) -> dict[str, str]:
    find = {"tracking_id": FIND, "combinations": COMBINATIONS}
    section = personal(sql="SELECT email FROM people WHERE id = :visitor ORDER BY id")
    source = mapping(section, dsn="BENCH_URL", connections=CONNECTIONS) | {"find": find}
    # Counted as for everybody, and never reached.
    limits = {"DOSSIER_SEARCHES_PER_MINUTE": "200000", "DOSSIER_SEARCHES_PER_DAY": "1000000"}
    return {"DOSSIER_DATA_CENTERS": str(write_mappings(folder, toml(source))), **limits}


@contextmanager
def rival(stack: Stack) -> Iterator[tuple[int, int]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.rival", str(port)], cwd=ROOT, env={**os.environ, "BENCH_URL": stack.postgres.url}
    )
    try:
        while not _listens(port):
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


async def measure(contenders: dict[str, tuple[int, int]], key: str, given: argparse.Namespace) -> None:
    for clients, pace in ((1, None), (4, None), (50, None), (50, 200.0)):
        found: dict[str, list[tuple[Answers, float]]] = {}
        for turn in range(given.rounds + 1):
            for name, (port, pid) in contenders.items():
                load = Load(port, PATH, key, clients, given.seconds, given.identifiers, pace)
                used = psutil.Process(pid)
                before = sum(used.cpu_times()[:2])
                answers = await asked(load)
                # The first turn warms up.
                if turn:
                    spent = (sum(used.cpu_times()[:2]) - before) / (answers.per_second * given.seconds)
                    found.setdefault(name, []).append((answers, spent))
        report(clients, pace, found)


def report(clients: int, pace: float | None, found: dict[str, list[tuple[Answers, float]]]) -> None:
    floor = {
        part: median(getattr(one, part) for one, _ in found["Starlette + asyncpg"]) for part in ("per_second", "p50")
    }
    for name, runs in found.items():
        rate, p50, p99 = (median(getattr(one, part) for one, _ in runs) for part in ("per_second", "p50", "p99"))
        print(
            f"{clients:>3} clients{f' at {pace:.0f}/s' if pace else '':9} {name:20} {rate:7.0f}/s ({rate / floor['per_second']:4.2f})"
            f"  p50 {p50:7.2f} ms ({p50 / floor['p50']:4.2f})  p99 {p99:7.2f} ms"
            f"  CPU {1e6 * median(spent for _, spent in runs):5.0f} µs  not 200: {sum(one.others for one, _ in runs)}",
            flush=True,
        )  # fmt: skip


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
