"""A service as a process of its own on databases of its own, and what is asked of it first."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app.access.keys import KeyOrder
from app.access.port import Permission, Role
from app.bootstrap import build_keys
from app.settings import read_settings
from app.startup import prepare_schema
from tests.builders import BASE, EMAIL, MAPPINGS, UNLIMITED, environ_of, write_shop, write_website
from tests.sample import wait_until_it_answers
from tests.servers import free_port

ROOT = Path(__file__).parents[1]
_MANY = 40_000


@dataclass(slots=True)
class Site:
    """The environment of a service on databases of its own."""

    folder: Path
    environ: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False, timeout=60
        )

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "app", "api"], cwd=ROOT, env=self.environ, stderr=log)
            try:
                wait_until_it_answers(f"http://127.0.0.1:{self.environ['DOSSIER_PORT']}")
                yield process
            finally:
                process.kill()
                process.wait()

    def client(self, key: str) -> httpx.Client:
        base = f"http://127.0.0.1:{self.environ['DOSSIER_PORT']}"
        return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def key(
        self, name: str = "maria", *centers: str, role: Role = "administrator", may: tuple[Permission, ...] = ()
    ) -> str:
        """As `keys create` makes it, without the second that a process takes to start."""
        with ThreadPoolExecutor(1) as beside:
            order = KeyOrder(name, centers or ("acme",), role, None, may)
            return beside.submit(asyncio.run, self._made_key(order)).result()

    async def _made_key(self, order: KeyOrder) -> str:
        settings = read_settings(self.environ)
        database, keys = build_keys(settings)
        try:
            await prepare_schema(settings, database)
            return await keys.create(order)
        finally:
            await database.close()


def site(folder: Path, events: int = 3, mappings: Path = MAPPINGS) -> Site:
    write_website(folder / "website.db", events)
    write_shop(folder / "shop.db")
    own = {
        "DOSSIER_VAR_DIR": str(folder / "var"), "DOSSIER_DATA_CENTERS": str(mappings), "DOSSIER_PORT": str(free_port()),
    }  # fmt: skip
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DOSSIER_")}
    return Site(folder, inherited | UNLIMITED | environ_of(folder) | own)


def requested(client: httpx.Client) -> str:
    found = client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL}).json()
    (website,) = [one for one in found["data_sources"] if one["id"] == "website"]
    (token,) = [
        one["candidate"]
        for visitor in website["visitors"]
        for one in visitor["combinations"]
        if one["device"] == "iPhone"
    ]
    return str(client.post(f"{BASE}/exports", json={"candidate": token}).headers["location"])


def once(client: httpx.Client, address: str, *statuses: str) -> dict[str, Any]:
    for _ in range(1200):
        export: dict[str, Any] = client.get(address).json()
        if export["status"] in statuses:
            return export
        time.sleep(0.05)
    raise AssertionError(export)


def large_site(folder: Path) -> Site:
    """An archive of more megabytes than the buffers between two sockets hold."""
    place = site(folder, _MANY)
    with closing(sqlite3.connect(folder / "website.db")) as database, database:
        database.execute("UPDATE events SET what = hex(randomblob(400))")
    return place


def events_of(folder: Path, action: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "var" / "dossier.db")) as database:
        told = database.execute("SELECT details FROM audit_events WHERE action = ? ORDER BY id", (action,)).fetchall()
    return [json.loads(one) for (one,) in told]
