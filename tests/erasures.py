"""A data center whose visitors can be erased, and the way there over HTTP."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx

from app.access.keys import KeyOrder
from app.access.port import Permission
from tests.builders import BASE, MAPPINGS, Running, candidate, environ_of, running, write_shop, write_website

STEPS = """
[[erase]]
table = "events"
title = "What you did"
action = "delete"
sql = "DELETE FROM events WHERE visitor_id = :visitor"
count = "SELECT count(*) FROM events WHERE visitor_id = :visitor"

[[erase]]
table = "people"
title = "Who you are"
action = "delete"
sql = "DELETE FROM people WHERE id = :visitor"
count = "SELECT count(*) FROM people WHERE id = :visitor"
"""
ORDERS = """
[[erase]]
table = "orders"
title = "What you ordered"
action = "delete"
sql = "DELETE FROM orders WHERE customer = :visitor"
count = "SELECT count(*) FROM orders WHERE customer = :visitor"
"""
# Jane's on all devices, and the record of her.
JANES = [5, 1]


def write_erasable(folder: Path, center: str = 'erasure = "one"', steps: str = STEPS, top: str = "") -> Path:
    """The tests' data centers, of which Acme erases from its website, and Globex from its shop."""
    _write_center(folder, "globex", 'erasure = "one"', "shop", 'erase_dsn = "SHOP_ERASE_URL"', ORDERS)
    return _write_center(folder, "acme", center, "website", f'erase_dsn = "WEBSITE_ERASE_URL"\n{top}', steps)


def _write_center(folder: Path, id: str, center: str, source: str, top: str, steps: str) -> Path:  # noqa: A002
    copied = folder / "erasable"
    shutil.copytree(MAPPINGS / id, copied / id, dirs_exist_ok=True)
    about, file = copied / id / "center.toml", copied / id / f"{source}.toml"
    about.write_text(f"{center}\n{(MAPPINGS / id / 'center.toml').read_text()}")
    file.write_text(f"{top}\n{(MAPPINGS / id / f'{source}.toml').read_text()}\n{steps}")
    return copied


def erasing_environ(folder: Path) -> dict[str, str]:
    given = environ_of(folder)
    return given | {name.replace("_URL", "_ERASE_URL"): url for name, url in given.items()}


@asynccontextmanager
async def erasing(
    folder: Path, center: str = 'erasure = "one"', steps: str = STEPS, top: str = "", **more: Any
) -> AsyncIterator[Running]:
    """As `running`, nobody works unless that is asked for."""
    if not (folder / "website.db").exists():
        write_website(folder / "website.db")
        write_shop(folder / "shop.db")
    mappings = write_erasable(folder, center, steps, top)
    given = {"work": False, "mappings": mappings, "environ": erasing_environ(folder), **more}
    async with running(folder, **given) as service:
        yield service


async def eraser(
    service: Running, name: str = "maria", may: tuple[Permission, ...] = ("erasures:create",), center: str = "acme"
) -> httpx.AsyncClient:
    """An administrator whose key was made with these, too."""
    return service.bare_client(
        await service.services.keys.create(KeyOrder(name, (center,), "administrator", None, may))
    )


async def preview(client: httpx.AsyncClient, device: str = "iPhone") -> dict[str, Any]:
    answer = await client.post(f"{BASE}/erasures/preview", json={"candidate": await candidate(client, device)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ask(client: httpx.AsyncClient, found: Mapping[str, Any], **more: Any) -> httpx.Response:
    sent = {"plan": found["plan"], "confirm": found["visitor"]["handle"], **more}
    return await client.post(f"{BASE}/erasures", json=sent)


async def request_erasure(client: httpx.AsyncClient, device: str = "iPhone", **more: Any) -> str:
    """The address of a new erasure."""
    answer = await ask(client, await preview(client, device), **more)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


async def erased(client: httpx.AsyncClient, service: Running, **more: Any) -> dict[str, Any]:
    """One that is done."""
    address = await request_erasure(client, **more)
    assert await service.services.run_job()
    item: dict[str, Any] = (await client.get(address)).json()
    assert item["status"] == "done", item
    return item


def rows(folder: Path, table: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "website.db")) as database:
        return database.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "website.db")) as database, database:
        database.execute(statement)
