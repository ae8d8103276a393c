"""What sealing the audit trail costs: searches a second with a sealer and without, and whether all were sealed."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil  # type: ignore[import-untyped]
import psycopg

from bench.engine import fill
from bench.load import Answers, Load, asked
from bench.search import FILL, INDEXES, PATH, TABLES, environ_of
from tests.servers import new_database
from tests.stack import Process, Stack, standing

# The schema before there were seals: the sealer of an API on it finds nothing to do.
UNSEALED = "0011"
CLIENTS, SEALED_WITHIN_SECONDS = 50, 2.0
COUNTS = (
    "SELECT (SELECT count(*) FROM audit_events), (SELECT count(*) FROM audit_leaves),"
    " (SELECT count(*) FROM audit_events WHERE action = 'visitors:search'), (SELECT count(*) FROM audit_heads)"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--identifiers", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
        folder = Path(name)
        with standing(folder / "stack", environ_of(folder), apis=0, workers=0) as stack:
            fill(stack.postgres, given.identifiers, TABLES, FILL, INDEXES)
            stack.environ["BENCH_URL"] = stack.postgres.url
            return asyncio.run(measure(stack, given))


async def measure(stack: Stack, given: argparse.Namespace) -> int:
    runs: dict[str, list[tuple[Answers, float]]] = {"unsealed": [], "sealed": []}
    left = 0
    for turn in range(given.rounds + 1):
        for name, found in runs.items():
            url = stack.environ["DOSSIER_DATABASE_URL"] = new_database(stack.postgres.url)
            stack.run("migrate", *(("--to", UNSEALED) if name == "unsealed" else ()))
            api, answered = stack.add_api(), await measured(stack, given)
            if name == "sealed":
                left += unsealed(url, answered[0].per_second * given.seconds)
            api.stop()
            stack.ports.pop()
            # The first turn warms up.
            if turn:
                found.append(answered)
    report(runs)
    return 1 if left else 0


async def measured(stack: Stack, given: argparse.Namespace) -> tuple[Answers, float]:
    """And seconds of the API's processor for each search. What runs when the load ends is sealed 2 s later."""
    stack.wait_until_ready()
    load = Load(stack.ports[-1], PATH, stack.key("maria", "acme"), CLIENTS, given.seconds, given.identifiers)
    api: Process = stack.apis[-1]
    assert api.running
    used = psutil.Process(api.running.pid)
    before = sum(used.cpu_times()[:2])
    answers = await asked(load)
    ended = time.monotonic()
    spent = (sum(used.cpu_times()[:2]) - before) / (answers.per_second * given.seconds)
    await asyncio.sleep(SEALED_WITHIN_SECONDS - (time.monotonic() - ended))
    return answers, spent


def unsealed(url: str, answered: float) -> int:
    """How many events have no leaf, or were answered and are missing."""
    with psycopg.connect(url) as connection:
        events, leaves, searches, heads = connection.execute(COUNTS.encode()).fetchall()[0]
    print(
        f"  {answered:.0f} searches answered, {searches} in the trail, {events - leaves} events unsealed, {heads} heads"
    )
    missing: int = events - leaves + max(0, round(answered) - searches)
    return missing


def report(runs: dict[str, list[tuple[Answers, float]]]) -> None:
    """The ratio is the median of those to the run right before: what else the machine does then is the same."""
    floors = [one.per_second for one, _ in runs["unsealed"]]
    for name, found in runs.items():
        ratio = median(one.per_second / floor for (one, _), floor in zip(found, floors, strict=True))
        rate, p50, p99 = (median(getattr(one, part) for one, _ in found) for part in ("per_second", "p50", "p99"))
        print(
            f"{name:9} {rate:6.0f}/s ({ratio:4.2f})  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms"
            f"  CPU {1e6 * median(spent for _, spent in found):5.0f} µs  not 200: {sum(one.others for one, _ in found)}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
