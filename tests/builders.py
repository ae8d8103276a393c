"""Small databases for the tests, the same on every call, and the service around them."""

import asyncio
import io
import json
import sqlite3
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.access.keys import KeyOrder
from app.access.port import Role
from app.bootstrap import Services, build_services
from app.main import create_app
from app.settings import Settings, variable
from app.startup import prepare_schema
from tests import migrated

MAPPINGS = Path(__file__).with_name("sources")
EMAIL, COOKIE = "jane@example.com", "183"
BASE = "/v1/data-centers/acme"
# For services of which more is asked than people may ask: as settings, and as variables.
WITHOUT_LIMITS = dict.fromkeys(
    ("searches_per_minute", "searches_per_day", "exports_per_day", "unfinished_exports", "downloads_per_day"), 0
)
UNLIMITED = {variable(name): str(limit) for name, limit in WITHOUT_LIMITS.items()}
_VISITS = """
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers LIMIT ?)
SELECT 1, 'iPhone', 'Safari', 'iOS', printf('2026-01-02T03:04:%02d.%06d+00:00', n % 60, n), 'visit ' || n,
       '{"n": [1, {}]}', 1
FROM numbers
"""


class MovableClock:
    """Runs with the real time, from wherever a test moves it."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.frozen: datetime | None = None

    def __call__(self) -> datetime:
        return self.frozen or datetime.now(UTC) + self.ahead


def write_website(path: Path, events: int = 3) -> None:
    """Jane (183) on iPhone/Safari, on a shared iPad/Safari and on an unknown device; a stranger with her email."""
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, cookie TEXT);"
            "CREATE TABLE events (id INTEGER PRIMARY KEY, visitor_id INTEGER, device TEXT, browser TEXT, os TEXT,"
            " at TEXT, what TEXT, meta TEXT, people INTEGER);"
            "CREATE INDEX by_visitor ON events (visitor_id, device, browser);"
        )
        people = [(1, "Jane@example.com", COOKIE), (2, "jane@example.com", "9f3"), (3, None, "cookie-only")]
        database.executemany("INSERT INTO people VALUES (?, ?, ?)", people)
        columns = "visitor_id, device, browser, os, at, what, meta, people"
        database.execute(f"INSERT INTO events ({columns}) {_VISITS}", (events,))
        others: list[tuple[object, ...]] = [
            (1, "iPad", "Safari", "iOS", "2026-02-01T00:00:00+00:00", "shared", None, 2),
            (1, None, "", None, "2026-02-02T00:00:00+00:00", "unknown", None, None),
            (2, "Windows computer", "Firefox", "Windows", "2026-02-03T00:00:00+00:00", "a stranger's", None, 1),
        ]
        database.executemany(f"INSERT INTO events ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", others)


def write_shop(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(
            "CREATE TABLE customers (id TEXT PRIMARY KEY, email TEXT);"
            "CREATE TABLE orders (number INTEGER PRIMARY KEY, customer TEXT, device TEXT, browser TEXT, total REAL);"
        )
        database.execute("INSERT INTO customers VALUES ('c-1', 'jane@example.com')")
        database.execute("INSERT INTO orders VALUES (7, 'c-1', 'iPhone', 'Safari', 12.5)")


@dataclass(slots=True)
class Running:
    """A service that runs, with its clock, folders, and a client for each administrator."""

    services: Services
    clock: MovableClock
    folder: Path
    app: Any

    async def client(self, name: str = "maria", role: Role = "administrator", *centers: str) -> httpx.AsyncClient:
        key = await self.services.keys.create(KeyOrder(name, centers or ("acme",), role, None))
        return self.bare_client(key)

    def bare_client(self, key: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test", headers=headers)


def environ_of(folder: Path) -> dict[str, str]:
    return {"WEBSITE_URL": f"sqlite:///{folder / 'website.db'}", "SHOP_URL": f"sqlite:///{folder / 'shop.db'}"}


@asynccontextmanager
async def running(
    folder: Path, *, events: int = 3, mappings: Path = MAPPINGS, environ: Mapping[str, str] | None = None,
    work: bool = True, database_url: str | None = None, settings: Mapping[str, Any] | None = None,
    revision: str = "head",
) -> AsyncIterator[Running]:  # fmt: skip
    """A whole service on fresh databases in the folder; with `work=False` nobody compiles and no tick runs."""
    if environ is None and not (folder / "website.db").exists():
        write_website(folder / "website.db", events)
        write_shop(folder / "shop.db")
    clock = MovableClock()
    secret = "a secret of the tests, long enough"
    own = {"var_dir": folder / "var", "data_centers": mappings, "database_url": database_url, "secret_key": secret}
    given = Settings.model_validate(own | dict(settings or {}))
    file = given.var_dir / "dossier.db"
    if given.embedded and revision == "head" and not file.exists():
        await migrated.lay(file)
    services = build_services(given, environ or environ_of(folder), clock)
    await services.database.migrate(revision)
    await prepare_schema(given, services.database)
    app = create_app(services)
    if work:
        async with app.router.lifespan_context(app):
            yield Running(services, clock, folder, app)
    else:
        yield Running(services, clock, folder, app)
        await services.close()


async def health(client: httpx.AsyncClient, **checks: str) -> httpx.Response:
    """What /health/ready answers, once its checks are these: what it found counts for some seconds."""
    async with asyncio.timeout(10):
        while True:
            answer = await client.get("/health/ready")
            if checks.items() <= answer.json()["checks"].items():
                return answer
            await asyncio.sleep(0.2)


async def candidates(
    client: httpx.AsyncClient, identifier: str = EMAIL, source: str = "website", center: str = "acme"
) -> list[dict[str, Any]]:
    """All combinations that a search offers in one data source, each with its visitor's handle."""
    answer = await client.post(f"/v1/data-centers/{center}/visitors/search", json={"identifier": identifier})
    assert answer.status_code == 200, answer.text
    (found,) = [one for one in answer.json()["data_sources"] if one["id"] == source]
    return [one | {"handle": visitor["handle"]} for visitor in found["visitors"] for one in visitor["combinations"]]


async def candidate(client: httpx.AsyncClient, device: str | None = "iPhone", source: str = "website") -> str:
    (found,) = [one for one in await candidates(client, source=source) if one["device"] == device]
    token: str = found["candidate"]
    return token


async def request_export(client: httpx.AsyncClient, device: str | None = "iPhone", source: str = "website") -> str:
    """The address of a new export."""
    answer = await client.post(f"{BASE}/exports", json={"candidate": await candidate(client, device, source)})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


async def finished(client: httpx.AsyncClient, address: str, seconds: float = 30) -> dict[str, Any]:
    """The export, once it is neither queued nor compiling."""
    async with asyncio.timeout(seconds):
        while True:
            export: dict[str, Any] = (await client.get(address)).json()
            if export["status"] not in ("queued", "compiling"):
                return export
            await asyncio.sleep(0.02)


async def archive(client: httpx.AsyncClient, address: str) -> zipfile.ZipFile:
    export = await finished(client, address)
    assert export["status"] == "ready", export
    return zipfile.ZipFile(io.BytesIO((await client.get(export["links"]["archive"])).content))


def document(opened: zipfile.ZipFile) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(opened.read("personal-data.json"))
    return found


def manifest(opened: zipfile.ZipFile) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(opened.read("META/manifest.json"))
    return found
