"""How long one data center's searches and exports take beside another, whose sources are well, or hang and sleep."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import httpx
import psycopg

from bench.load import Load, asked
from tests.builders import BASE, finished
from tests.proxy import Proxy
from tests.small import CENTER, FIND, HERE, mapping, section, toml
from tests.stack import Stack, in_turn, standing

PEOPLE, EVENTS, EXPORTS, SECONDS, PACE = 1_000, 100_000, 12, 12.0, 100.0
OTHER = BASE.replace("acme", "globex")
TABLES = f"""
CREATE TABLE people AS SELECT n AS id, 'cookie-' || n AS cookie, 'p' || n || '@example.com' AS email
    FROM generate_series(1, {PEOPLE}) AS n;
CREATE UNIQUE INDEX ON people (cookie);
CREATE TABLE events AS SELECT n AS id, CASE WHEN n <= {EVENTS} THEN 1 ELSE n - {EVENTS} END AS visitor_id,
    CASE WHEN n % 2 = 0 THEN 'iPhone' ELSE 'iPad' END AS device, 'Safari' AS browser, repeat(md5(n::text), 10) AS what
    FROM generate_series(1, {EVENTS + PEOPLE}) AS n;
CREATE INDEX ON events (visitor_id);
CREATE TABLE pause AS SELECT 0.0::float8 AS seconds;
"""
ROUNDS = 3
# As long as a search of a silent source takes, so that as many are made of one that is well.
SEARCH_SECONDS = 5.0
SLEEPING = """SELECT id AS visitor FROM people
WHERE (SELECT pg_sleep(seconds) IS NOT NULL FROM pause) AND cookie = :tracking_id"""


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds of searches, seconds of an export."""

    p50: float
    p99: float
    export: float


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name, ExitStack() as opened:
        folder = Path(name)
        environ = {"DOSSIER_DATA_CENTERS": str(written(folder / "data-centers")), "DOSSIER_MAX_EXPORTS": "2"}
        stack = opened.enter_context(standing(folder / "stack", environ, apis=0, workers=0))
        with psycopg.connect(stack.postgres.url, autocommit=True) as database:
            database.execute(TABLES.encode())
        port = urlsplit(stack.postgres.url).port
        assert port
        proxy = opened.enter_context(Proxy("127.0.0.1", port))
        stack.environ |= {"BENCH_URL": stack.postgres.url, "SILENT_URL": proxy.url_of(stack.postgres.url)}
        stack.add_api()
        stack.add_worker()
        stack.wait_until_ready()
        asyncio.run(measure(stack, proxy))
    return 0


def written(folder: Path) -> Path:
    find = FIND | {
        "combinations": "SELECT device, browser, count(*) AS interactions FROM events WHERE visitor_id = :visitor"
        " GROUP BY device, browser ORDER BY device",
    }
    events = section(sql=f"SELECT id, what FROM events WHERE {HERE} ORDER BY id")
    sources = {
        "acme/website": mapping(events, find=find, dsn="BENCH_URL"),
        "globex/silent": mapping(events, find=find, dsn="SILENT_URL"),
        "globex/sleeping": mapping(events, find=find | {"tracking_id": SLEEPING}, dsn="BENCH_URL"),
    }
    for place, said in sources.items():
        path = folder / f"{place}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(toml(said))
        path.with_name("center.toml").write_text(CENTER)
    return folder


async def measure(stack: Stack, proxy: Proxy) -> None:
    key = stack.key("maria", "acme", "globex")
    well, ill = list[Taken](), list[Taken]()
    async with in_turn(stack, key) as client:
        await both(stack, client, key)
        for _ in range(ROUNDS):
            pause(stack, 0)
            well.append(await beside_others(stack, client, key))
            tokens = await candidates(client, OTHER)
            pause(stack, 60)
            proxy.silence()
            ill.append(await beside_others(stack, client, key, tokens))
            proxy.heal(hang_up=True)
    report("well", well, well)
    report("hung, asleep", ill, well)


def pause(stack: Stack, seconds: float) -> None:
    with psycopg.connect(stack.postgres.url, autocommit=True) as database:
        database.execute("UPDATE pause SET seconds = %s", (seconds,))


async def beside_others(stack: Stack, client: httpx.AsyncClient, key: str, tokens: Sequence[str] = ()) -> Taken:
    others = [asyncio.create_task(search_for_ever(client)) for _ in range(10)]
    exports = [await client.post(f"{OTHER}/exports", json={"candidate": token}) for token in tokens]
    taken = await both(stack, client, key)
    for one in others:
        one.cancel()
    for export in exports:
        await client.delete(export.headers["location"])
    return taken


async def both(stack: Stack, client: httpx.AsyncClient, key: str) -> Taken:
    """Searches of many people at a pace, then exports one after the other; the median seconds of those."""
    load = Load(stack.ports[0], f"{BASE}/visitors/search", key, 4, SECONDS, PEOPLE, PACE)
    answers, times = await asked(load), list[float]()
    for _ in range(EXPORTS):
        token = (await candidates(client, BASE))[0]
        begun = time.perf_counter()
        made = await client.post(f"{BASE}/exports", json={"candidate": token})
        done = await finished(client, made.headers["location"], seconds=120)
        assert done["status"] == "ready", stack.said()[-3000:]
        times.append(time.perf_counter() - begun)
    return Taken(answers.p50, answers.p99, median(times))


async def candidates(client: httpx.AsyncClient, base: str) -> list[str]:
    found = (await client.post(f"{base}/visitors/search", json={"identifier": "cookie-1"})).json()
    visitors = [one for source in found["data_sources"] for one in source["visitors"]]
    return [one["candidate"] for visitor in visitors for one in visitor["combinations"]]


async def search_for_ever(client: httpx.AsyncClient) -> None:
    with suppress(asyncio.CancelledError):
        while True:
            turn = asyncio.create_task(asyncio.sleep(SEARCH_SECONDS))
            await client.post(f"{OTHER}/visitors/search", json={"identifier": "cookie-1"})
            await turn


def report(when: str, found: list[Taken], rest: list[Taken]) -> None:
    said = []
    for part, name in (("p50", "p50 ms"), ("p99", "p99 ms"), ("export", f"export of {EVENTS // 2:,} rows s")):
        taken, before = (median(getattr(one, part) for one in runs) for runs in (found, rest))
        said.append(f"{name} {taken:6.2f} ({taken / before:4.2f})")
    print(f"{when:12} searches at {PACE:.0f}/s  {'   '.join(said)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
