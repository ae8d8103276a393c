"""An installation of which every way to a server leads through a proxy, and what tests of a silence ask of it."""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import psycopg

from tests.builders import EMAIL, MAPPINGS, write_shop
from tests.proxy import Proxy
from tests.small import CENTER, HERE, mapping, section, toml
from tests.stack import Process, Stack, standing

ROWS = 200_000
SEARCH_TIMEOUT = 1.0
# Long enough that two exports of globex, begun up to 2 s apart, are seen at work at the same moment.
PAUSE = 2.5
PLACES = 2
# Threads that an event loop's own pool keeps, once it had use for them.
POOLED_THREADS = min(32, (os.cpu_count() or 1) + 4)
TABLES = f"""
CREATE TABLE people (id bigint PRIMARY KEY, email text, cookie text);
CREATE TABLE used (visitor_id bigint, device text, browser text, interactions bigint);
CREATE TABLE events (id bigint, visitor_id bigint, device text, browser text, what text, pause float DEFAULT 0);
INSERT INTO people VALUES (1, '{EMAIL}', '183');
INSERT INTO used SELECT 1, device, 'Safari', 1 FROM unnest(ARRAY['Mac', 'iPad', 'iPhone', 'slow 1', 'slow 2']) AS device;
INSERT INTO events SELECT 0, 1, device, 'Safari', 'x', CASE WHEN device LIKE 'slow%' THEN {PAUSE} ELSE 0 END FROM used;
"""
MANY = f"""
INSERT INTO events SELECT n, 1, 'iPhone', 'Safari', md5(n::text) || md5((-n)::text) FROM generate_series(1, {ROWS}) AS n
"""
COMBINATIONS = "SELECT device, browser, interactions FROM used WHERE visitor_id = :visitor ORDER BY device"
EVENTS = f"SELECT id, what FROM events WHERE {HERE} AND pg_sleep(pause) IS NOT NULL ORDER BY id"
# Exports are read in one transaction, so this is asked when none runs.
TRANSACTIONS = """
SELECT count(*) FROM pg_stat_activity WHERE datname IN ('site_acme', 'postgres') AND backend_type = 'client backend'
AND state IN ('active', 'idle in transaction') AND xact_start < now() - interval '1 second'
"""


@dataclass(slots=True)
class Site:
    """One API and one worker that may compile two exports at a time. Acme has a website behind `source` and a shop
    that is well; globex has a website that is well."""

    stack: Stack
    source: Proxy
    database: Proxy
    store: Proxy
    key: str
    export_bytes: int = 0
    usual: dict[str, int] = field(default_factory=dict)

    @property
    def api(self) -> Process:
        return self.stack.apis[0]

    @property
    def worker(self) -> Process:
        return self.stack.workers[0]

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(base_url=self.stack.address(0), headers=headers, timeout=60) as client:
            yield client

    def held(self) -> dict[str, int]:
        """What a hung session could leave behind in either process, at the proxy and on the server."""
        with psycopg.connect(self.stack.postgres.url) as database:
            begun = database.execute(TRANSACTIONS.encode()).fetchone()
        held = {"dead connections": self.source.dead, "transactions": begun[0] if begun else 0}
        for name, process in (("api", self.api), ("worker", self.worker)):
            assert process.running
            seen = psutil.Process(process.running.pid)
            to_source = [one for one in seen.net_connections("tcp") if one.raddr and one.raddr.port == self.source.port]
            held |= {f"threads of the {name}": seen.num_threads(), f"connections of the {name}": len(to_source)}
        return held

    async def nothing_stays(self, seconds: float = 10) -> None:
        begun = time.monotonic()
        while more := {name: count for name, count in self.held().items() if count > self.usual[name]}:
            assert time.monotonic() - begun < seconds, f"more than usual stays: {more}, usual is {self.usual}"
            await asyncio.sleep(0.2)

    async def stop(self, *processes: Process, seconds: float) -> None:
        """All at once. Whoever has not ended in time is killed, and named."""
        ended = [asyncio.to_thread(process.stop, seconds) for process in processes]
        codes = await asyncio.gather(*ended, return_exceptions=True)
        late = [process.arguments[0] for process, code in zip(processes, codes, strict=True) if code != 0]
        for process in processes:
            process.kill()
        assert not late, f"not ended with 0 within {seconds:g} s: {late}"

    def mend(self) -> None:
        """Whatever a test has left of silences, exports and ended processes."""
        for proxy in (self.source, self.database, self.store):
            proxy.heal(hang_up=True)
        for process in (self.api, self.worker):
            if process.running is None or process.running.poll() is not None:
                process.start()
        self.stack.wait_until_ready()
        headers = {"Authorization": f"Bearer {self.key}"}
        with httpx.Client(base_url=self.stack.address(0), headers=headers, timeout=60) as client:
            for center in ("acme", "globex"):
                for one in client.get(f"/v1/data-centers/{center}/history").json()["items"]:
                    if one["status"] in ("queued", "compiling"):
                        client.delete(one["links"]["self"])


@contextmanager
def installed(folder: Path) -> Iterator[Site]:
    write_shop(folder / "shop.db")
    centers = _mappings(folder / "data-centers")
    with ExitStack() as opened:
        stack = opened.enter_context(standing(folder, {}, apis=0, workers=0))
        source, database, store = _proxies(opened, stack)
        stack.environ |= {
            "DOSSIER_DATA_CENTERS": str(centers), "DOSSIER_MAX_EXPORTS": "2", "SHOP_URL": f"sqlite:///{folder}/shop.db",
            "DOSSIER_DATABASE_URL": database.url_of(stack.postgres.url),
            "DOSSIER_S3_ENDPOINT": store.url_of(stack.seaweedfs.url),
            "WEBSITE_URL": source.url_of(_filled(stack.postgres.url, "site_acme", TABLES + MANY)),
            "GLOBEX_URL": _filled(stack.postgres.url, "site_globex", TABLES),
        }  # fmt: skip
        site = Site(stack, source, database, store, stack.key("maria", "acme", "globex"))
        # Before the proxies end, because nobody stops well without a database.
        opened.callback(_stop, stack)
        stack.add_api()
        stack.add_worker()
        stack.wait_until_ready()
        asyncio.run(_warm_up(site))
        yield site


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Fails, and goes on at once, if the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise AssertionError(f"{what}: not within {seconds:g} s") from None


async def search(client: httpx.AsyncClient, center: str = "acme") -> dict[str, dict[str, Any]]:
    """The answer of each data source."""
    answer = await client.post(f"/v1/data-centers/{center}/visitors/search", json={"identifier": EMAIL})
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["data_sources"]}


async def tokens(client: httpx.AsyncClient, center: str = "acme") -> dict[str, str]:
    """A candidate for each device of the website, to be had before it falls silent."""
    website = (await search(client, center))["website"]
    return {one["device"]: one["candidate"] for visitor in website["visitors"] for one in visitor["combinations"]}


async def request(client: httpx.AsyncClient, token: str, center: str = "acme") -> str:
    answer = await client.post(f"/v1/data-centers/{center}/exports", json={"candidate": token})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


async def once(client: httpx.AsyncClient, address: str, *statuses: str, seconds: float) -> dict[str, Any]:
    begun = time.monotonic()
    while (export := (await client.get(address)).json()).get("status") not in statuses:
        waited = time.monotonic() - begun
        assert waited < seconds, f"{export.get('status')} after {waited:.1f} s, not {statuses}"
        await asyncio.sleep(0.05)
    return dict(export)


async def answered(ask: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    """Asks again until it is so."""
    async with within(seconds, what):
        while not await ask():
            await asyncio.sleep(0.1)


async def piece(client: httpx.AsyncClient, address: str) -> None:
    assert (await client.get(f"{address}/archive", headers={"Range": "bytes=0-9"})).status_code == 206


async def _warm_up(site: Site) -> None:
    """Pools of threads and connections are filled once, so that afterwards only what leaks is more than usual."""
    async with site.client() as client:
        found, others = await tokens(client), await tokens(client, "globex")
        before = site.source.from_server
        address = await request(client, found["iPhone"])
        await once(client, address, "ready", seconds=60)
        site.export_bytes = site.source.from_server - before
        work = [(found["iPad"], "acme"), (others["iPad"], "globex"), (others["Mac"], "globex")]
        addresses = [await request(client, token, center) for token, center in work]
        await asyncio.gather(*(search(client) for _ in range(20)), *(piece(client, address) for _ in range(20)))
        for address in addresses:
            await once(client, address, "ready", seconds=60)
    site.usual = {"dead connections": 0, "transactions": 0}
    for name, count in site.held().items():
        site.usual.setdefault(name, count + POOLED_THREADS if name.startswith("threads") else PLACES)


def _mappings(folder: Path) -> Path:
    keys: dict[str, Any] = {"find": {"combinations": COMBINATIONS}, "search_timeout": SEARCH_TIMEOUT}
    sources = {
        "acme/website": toml(mapping(section("events", EVENTS), connections=PLACES, **keys)),
        "acme/shop": (MAPPINGS / "acme" / "shop.toml").read_text(),
        # One more than exports at a time, so that none of them waits for a place.
        "globex/website": toml(mapping(section("events", EVENTS), connections=3, dsn="GLOBEX_URL", **keys)),
    }
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.toml").write_text(text)
        (folder / name).with_name("center.toml").write_text(CENTER)
    return folder


def _proxies(opened: ExitStack, stack: Stack) -> tuple[Proxy, Proxy, Proxy]:
    """Before the source, the own database, and the store."""
    store = int(stack.seaweedfs.url.rpartition(":")[2])
    source, database, archives = (
        opened.enter_context(Proxy("127.0.0.1", port)) for port in (stack.postgres.port, stack.postgres.port, store)
    )
    return source, database, archives


def _filled(server: str, name: str, script: str) -> str:
    url = f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(script.encode())
        connection.execute("CREATE INDEX by_visitor ON events (visitor_id, device, browser, id)")
        connection.execute("ANALYZE")
    return url


def _stop(stack: Stack) -> None:
    for process in (*stack.apis, *stack.workers):
        try:
            process.stop(15)
        except subprocess.TimeoutExpired:
            process.kill()
