"""How long one data center's searches and exports take at rest, and beside another whose sources hang or sleep."""

import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import httpx
import psycopg

from bench.load import Answers, Load, asked
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
"""
SLEEPING = "SELECT id AS visitor FROM people WHERE pg_sleep(60) IS NOT NULL AND cookie = :tracking_id"


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
    async with in_turn(stack, key) as client:
        tokens = await candidates(client, OTHER)
        await both(stack, client, key)
        rest = await both(stack, client, key)
        proxy.silence()
        others = [asyncio.create_task(search_for_ever(client)) for _ in range(10)]
        for token in tokens:
            await client.post(f"{OTHER}/exports", json={"candidate": token})
        beside = await both(stack, client, key)
        for one in others:
            one.cancel()
        proxy.heal(hang_up=True)
    report("at rest", rest, rest)
    report("beside both", beside, rest)


async def both(stack: Stack, client: httpx.AsyncClient, key: str) -> tuple[Answers, float]:
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
    return answers, median(times)


async def candidates(client: httpx.AsyncClient, base: str) -> list[str]:
    found = (await client.post(f"{base}/visitors/search", json={"identifier": "cookie-1"})).json()
    visitors = [one for source in found["data_sources"] for one in source["visitors"]]
    return [one["candidate"] for visitor in visitors for one in visitor["combinations"]]


async def search_for_ever(client: httpx.AsyncClient) -> None:
    with suppress(asyncio.CancelledError):
        while True:
            await client.post(f"{OTHER}/visitors/search", json={"identifier": "cookie-1"})


def report(when: str, found: tuple[Answers, float], rest: tuple[Answers, float]) -> None:
    answers, export = found
    print(
        f"{when:12} searches at {PACE:.0f}/s  p50 {answers.p50:6.2f} ms ({answers.p50 / rest[0].p50:4.2f})"
        f"  p99 {answers.p99:6.2f} ms ({answers.p99 / rest[0].p99:4.2f})   export of {EVENTS // 2:,} rows"
        f" {export:5.2f} s ({export / rest[1]:4.2f})", flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
