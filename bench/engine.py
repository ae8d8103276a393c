"""How fast one visitor's interactions leave PostgreSQL: this service against COPY into a deflate, in the same run."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import httpx
import psutil  # type: ignore[import-untyped]
import psycopg

from tests.builders import BASE
from tests.servers import Postgres
from tests.small import mapping, section, toml, write_mappings
from tests.stack import Stack, in_turn, standing

# One visitor of each size, spread evenly among the rows of everybody else.
SIZES = {5: 1_000, 4: 10_000, 3: 100_000, 2: 1_000_000, 1: 5_000_000}
ROWS = 10_000_000
TABLE = """
CREATE TABLE people (id bigint PRIMARY KEY, cookie text UNIQUE, email text);
CREATE UNLOGGED TABLE interactions (
    id bigint NOT NULL, visitor_id bigint NOT NULL, device text, browser text, at timestamptz NOT NULL, kind text,
    url text, title text, referrer text, campaign text, country text, city text, seconds numeric(8, 3), score double precision,
    properties jsonb);
INSERT INTO people SELECT id, 'cookie-' || id, 'person' || id || '@example.com' FROM generate_series(1, 5) AS id;
"""
FILL = """
INSERT INTO interactions
SELECT n, CASE WHEN n % 1000 < 500 THEN 1 WHEN n % 1000 < 600 THEN 2 WHEN n % 1000 < 610 THEN 3 WHEN n % 1000 = 610
       THEN 4 WHEN n % 10000 = 611 THEN 5 ELSE 1000 + n % 1000003 END,
       'iPhone', 'Safari', timestamptz '2021-01-01' + n * interval '15 seconds' + interval '1 microsecond' * (n % 999983),
       (array['page_view', 'click', 'scroll', 'form_submit', 'search'])[1 + n % 5],
       'https://shop.example.com/outdoor/catalogue/' || md5(n::text) || '?page=' || n % 97,
       'Tents, sleeping bags and more — page ' || n % 97, 'https://search.example/?q=' || md5((n / 7)::text),
       'spring-' || n % 13, 'DE', (ARRAY['Köln', 'München', 'Zürich', 'Wien'])[1 + n % 4], (n % 100000) / 7.0,
       sqrt(n % 1000), jsonb_build_object('viewport', jsonb_build_array(n % 1920, n % 1080), 'ab', 'v' || n % 3,
       'session', md5((n / 40)::text), 'depth', n % 100)
FROM generate_series($1::bigint, $2::bigint) AS n
"""
SECTION = """SELECT id, at, kind, url, title, referrer, campaign, country, city, seconds, score, properties
FROM interactions WHERE visitor_id = {visitor} AND device IS NOT DISTINCT FROM {device}
AND browser IS NOT DISTINCT FROM {browser} ORDER BY at, id"""
FIND = {
    "tracking_id": "SELECT id AS visitor, email AS label FROM people WHERE cookie = :tracking_id",
    "combinations": "SELECT 'iPhone' AS device, 'Safari' AS browser FROM people WHERE id = :visitor",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of one run, of the client's CPU and of the server's; bytes that came out; the client's peak RSS."""

    wall: float
    client: float
    server: float
    size: int
    peak: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=ROWS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
        folder = Path(name)
        with standing(folder / "stack", environ_of(folder), apis=0, workers=0) as stack:
            prepare(stack.postgres, given.rows)
            stack.environ["BENCH_URL"] = stack.postgres.url
            stack.add_api()
            stack.add_worker()
            stack.wait_until_ready()
            asyncio.run(measure(stack, given.rounds))
    return 0


def environ_of(folder: Path) -> dict[str, str]:
    sql = SECTION.format(visitor=":visitor", device=":device", browser=":browser")
    source = toml(mapping(section("interactions", sql, time="at"), find=FIND, dsn="BENCH_URL"))
    return {"DOSSIER_DATA_CENTERS": str(write_mappings(folder, source)), "DOSSIER_MAX_EXPORTS": "1"}


def prepare(server: Postgres, rows: int) -> None:
    fill(server, rows, TABLE, [FILL], ["CREATE INDEX ON interactions (visitor_id, at, id)"])


def fill(server: Postgres, rows: int, tables: str, fills: Sequence[str], indexes: Sequence[str]) -> None:
    """So many rows by each statement that makes those from $1 to $2; then the indexes."""
    begun = time.monotonic()
    with psycopg.connect(server.url, autocommit=True) as database:
        database.execute(tables.encode())
        for first in range(1, rows + 1, 1_000_000):
            for statement in fills:
                psycopg.RawCursor(database).execute(statement.encode(), (first, min(rows, first + 999_999)))
        database.execute("SET maintenance_work_mem = '1GB'")
        for index in indexes:
            database.execute(index.encode())
        database.execute("VACUUM ANALYZE")
    print(f"{rows:,} rows made in {time.monotonic() - begun:.0f} s", flush=True)


async def measure(stack: Stack, rounds: int) -> None:
    async with in_turn(stack, stack.key("maria", "acme")) as client:
        for visitor, rows in SIZES.items():
            found: dict[str, list[Taken]] = {}
            for _ in range(rounds):
                for name, run in FLOORS.items():
                    found.setdefault(name, []).append(await asyncio.to_thread(run, stack, visitor))
                found.setdefault("dossier", []).append(await export(stack, client, visitor))
            report(rows, found)
        await report_small(client)


async def report_small(client: httpx.AsyncClient) -> None:
    """One after the other: 1,000 interactions, from the request to an archive that can be downloaded."""
    times = []
    for _ in range(100):
        token = await candidate(client, 5)
        begun = time.perf_counter()
        address = (await client.post(f"{BASE}/exports", json={"candidate": token})).headers["location"]
        while (await client.get(address)).json()["links"]["archive"] is None:
            await asyncio.sleep(0.005)
        times.append(1000 * (time.perf_counter() - begun))
    cut = quantiles(times, n=20)
    print(f"1,000 interactions, request to download: p50 {median(times):.0f} ms, p95 {cut[18]:.0f} ms", flush=True)


async def candidate(client: httpx.AsyncClient, visitor: int) -> str:
    answer = await client.post(f"{BASE}/visitors/search", json={"identifier": f"cookie-{visitor}"})
    (one,) = answer.json()["data_sources"][0]["visitors"][0]["combinations"]
    return str(one["candidate"])


async def export(stack: Stack, client: httpx.AsyncClient, visitor: int) -> Taken:
    worker = stack.workers[0].running
    assert worker
    used = psutil.Process(worker.pid)
    before, served = sum(used.cpu_times()[:2]), server_cpu(stack)
    token = await candidate(client, visitor)
    with peak_of(stack) as peak:
        made = await client.post(f"{BASE}/exports", json={"candidate": token})
        while (done := (await client.get(made.headers["location"])).json())["status"] in ("queued", "compiling"):
            await asyncio.sleep(0.1)
    assert done["status"] == "ready", stack.said()[-3000:]
    return Taken(
        claimed_to_ready(stack, done["id"]), sum(used.cpu_times()[:2]) - before, server_cpu(stack) - served,
        done["size"], peak[0],
    )  # fmt: skip


@contextmanager
def peak_of(stack: Stack) -> Iterator[list[int]]:
    """The first worker's highest resident bytes during the block, once it has ended."""
    worker = stack.workers[0].running
    assert worker
    told, peak = Path(f"/proc/{worker.pid}"), list[int]()
    (told / "clear_refs").write_text("5")
    yield peak
    highest = next(line for line in (told / "status").read_text().splitlines() if line.startswith("VmHWM"))
    peak.append(int(highest.split()[1]) * 1024)


def claimed_to_ready(stack: Stack, entry: str) -> float:
    with psycopg.connect(stack.postgres.url) as database:
        row = database.execute(
            "SELECT extract(epoch FROM max(at) - min(at)) FROM audit_events WHERE entry_id = %s"
            " AND action IN ('exports:start', 'exports:ready')", (entry,),
        ).fetchone()  # fmt: skip
        assert row
        return float(row[0])


def copied(into: str) -> Callable[[Stack, int], Taken]:
    """COPY of the same rows, in the same order, through psql into a program."""

    def run(stack: Stack, visitor: int) -> Taken:
        query = SECTION.format(visitor=visitor, device="'iPhone'", browser="'Safari'")
        copy = f"SET TIME ZONE 'UTC'; SET max_parallel_workers_per_gather = 0; COPY (SELECT row_to_json(t) FROM ({query}) t) TO STDOUT"
        served, before, begun = server_cpu(stack), os.times(), time.monotonic()
        with tempfile.TemporaryFile() as out:
            psql = f"{stack.postgres.program('psql')} -qX {stack.postgres.url} -c"
            subprocess.run(["bash", "-c", f'set -o pipefail; {psql} "$1" | {into}', "-", copy], stdout=out, check=True)
            size = out.tell() or os.fstat(out.fileno()).st_size
        wall, after = time.monotonic() - begun, os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return Taken(wall, used, server_cpu(stack) - served, size)

    return run


def heap_walk(stack: Stack, visitor: int) -> Taken:
    """What reading the rows alone takes, without a byte of JSON."""
    query = SECTION.format(visitor=visitor, device="'iPhone'", browser="'Safari'")
    with psycopg.connect(stack.postgres.url) as database:
        served, begun = server_cpu(stack), time.monotonic()
        database.execute("SET max_parallel_workers_per_gather = 0")
        database.execute(f"SELECT count(*) FROM ({query} OFFSET 0) t WHERE t.url IS NULL".encode())
        return Taken(time.monotonic() - begun, 0, server_cpu(stack) - served, 0)


ISAL = (
    f"{sys.executable} -c 'import sys; from isal import isal_zlib\n"
    "c = isal_zlib.compressobj(1)\n"
    "while b := sys.stdin.buffer.read(1 << 18): sys.stdout.buffer.write(c.compress(b))\n"
    "sys.stdout.buffer.write(c.flush())'"
)
FLOORS: dict[str, Callable[[Stack, int], Taken]] = {
    "COPY | isal -1": copied(ISAL), "COPY | gzip -6": copied("gzip -6"), "heap walk": heap_walk,
}  # fmt: skip


def server_cpu(stack: Stack) -> float:
    """Of the server with all its children, those that have ended included."""
    postmaster = psutil.Process(int((stack.postgres.folder / "data" / "postmaster.pid").read_text().split()[0]))
    own = postmaster.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in postmaster.children():
        with suppress(psutil.NoSuchProcess):
            total += sum(child.cpu_times()[:2])
    return float(total)


def report(rows: int, found: dict[str, list[Taken]]) -> None:
    floor = median(one.wall for one in found["COPY | isal -1"])
    floor_cpu = median(one.client for one in found["COPY | isal -1"])
    for name, runs in found.items():
        wall, client, server = (median(getattr(one, part) for one in runs) for part in ("wall", "client", "server"))
        print(
            f"{rows:>10,}  {name:15} {wall:8.2f} s  ratio {floor / wall:5.2f}  client CPU {client:7.2f} s"
            f" ({client / floor_cpu if floor_cpu else 0:4.2f})  server CPU {server:7.2f} s"
            f"  {runs[0].size:>13,} bytes  peak {max(one.peak for one in runs) / 1e6:6.1f} MB", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
