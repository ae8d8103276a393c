"""A mapping that a test can change key by key, and the data source that it makes on a small database."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pymysql
from pymysql.constants import CLIENT
from sqlalchemy import make_url

from app.adapters import build_registry
from app.kit.threads import Threads
from app.settings import Settings
from app.sources.identifier import Identifier
from app.sources.port import Batch, DataSource, Found, Value

HERE = "visitor_id = :visitor AND device IS NOT DISTINCT FROM :device AND browser IS NOT DISTINCT FROM :browser"
EVENTS = f"SELECT id, what FROM events WHERE {HERE} ORDER BY id"
FIND = {
    "tracking_id": "SELECT id AS visitor, email AS label FROM people WHERE cookie = :tracking_id ORDER BY id",
    "email": "SELECT id AS visitor, email AS label FROM people WHERE lower(email) = :email ORDER BY id",
    "combinations": "SELECT device, browser, os, at AS first_seen, at AS last_seen, 1 AS interactions, people"
    " FROM events WHERE visitor_id = :visitor ORDER BY id",
}
CENTER = """
title = "Acme"
notice = {controller = "Acme", contact = "privacy@acme.example", rights = "All of them", authority = "The authority"}
"""
TABLES = """
CREATE TABLE people (id bigint PRIMARY KEY, email text, cookie text);
CREATE TABLE events (id bigint PRIMARY KEY, visitor_id bigint, device text, browser text, os text, at text, what text,
                     people bigint);
INSERT INTO people VALUES (1, 'Jane@example.com', '183'), (2, 'jane@example.com', '9f3'), (3, NULL, 'nobody');
INSERT INTO events VALUES
    (1, 1, 'iPhone', 'Safari', 'iOS', '2026-01-02T03:04:05Z', 'first', 1),
    (2, 1, 'iPhone', 'Safari', 'iOS', '2026-01-03T03:04:05Z', 'second', 1),
    (3, 1, 'iPad', 'Safari', 'iPadOS', '2026-01-04T03:04:05Z', 'shared', 2),
    (4, 1, NULL, '', NULL, NULL, 'unknown and empty', NULL),
    (5, 1, '', NULL, NULL, NULL, 'empty and unknown', NULL),
    (6, 2, 'iPhone', 'Safari', 'iOS', '2026-01-05T03:04:05Z', 'of a stranger', 1);
"""


def section(name: str = "events", sql: str | list[str] = EVENTS, **keys: Any) -> dict[str, Any]:
    said = {"title": name, "category": "interaction", "origin": "observed", "purpose": "Tests", "retention": "1 day"}
    return {"name": name, **said, "sql": sql, **keys}


def personal(
    name: str = "person", sql: str | list[str] = "SELECT email FROM people WHERE id = :visitor ORDER BY id", **keys: Any
) -> dict[str, Any]:
    return section(name, sql, scope="visitor", because="it belongs to the account", **keys)


def step(table: str, action: str = "delete", **keys: Any) -> dict[str, Any]:
    """One that deletes a visitor's rows of a table, unless it is told otherwise."""
    said = {"table": table, "title": f"The {table}", "action": action}
    column = "id" if table == "people" else "visitor_id"
    here = f"{table} WHERE {column} = :visitor"
    sql = {} if action == "keep" else {"sql": f"DELETE FROM {here}"}
    return {**said, **sql, "count": f"SELECT count(*) FROM {here}", **keys}


def erasable(*steps: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
    """A mapping whose visitors can be erased: their events first, then themselves."""
    return mapping(erase_dsn="WEBSITE_ERASE_URL", erase=list(steps or (step("events"), step("people"))), **keys)


def mapping(*sections: Mapping[str, Any], find: Mapping[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    top = {"title": "Website", "dsn": "WEBSITE_URL", **keys}
    return {**top, "find": {**FIND, **(find or {})}, "section": list(sections or (section(),))}


def without(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != key}


def toml(data: Mapping[str, Any]) -> str:
    """JSON's strings, numbers and arrays are TOML's."""
    return "\n".join(f"{json.dumps(key)} = {_inline(value)}" for key, value in data.items())


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(one) for one in value) + "]"
    return str(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def write_mappings(folder: Path, source: str, center: str = CENTER) -> Path:
    folder = folder / "data-centers"
    (folder / "acme").mkdir(parents=True, exist_ok=True)
    (folder / "acme" / "center.toml").write_text(center, "utf-8")
    (folder / "acme" / "website.toml").write_text(source, "utf-8")
    return folder


@asynccontextmanager
async def opened(
    folder: Path, url: str, data: Mapping[str, Any], center: str = CENTER, erase_url: str | None = None
) -> AsyncIterator[DataSource]:
    centers = write_mappings(folder, spoken(toml(data), url), center)
    settings, threads = Settings(var_dir=folder / "var", data_centers=centers), Threads()
    registry = build_registry(settings, {"WEBSITE_URL": url, "WEBSITE_ERASE_URL": erase_url or url}, shared=threads)
    try:
        yield registry.sources("acme")["website"]
    finally:
        await registry.close()
        threads.close()


def spoken(text: str, url: str) -> str:
    """SQL as the tests write it, in the words of the database's engine."""
    if not url.startswith("mariadb"):
        return text
    return text.replace("IS NOT DISTINCT FROM", "<=>").replace(" AS text)", " AS char)")


@dataclass(frozen=True, slots=True)
class Small:
    """An empty database of one engine."""

    engine: str
    url: str
    folder: Path

    @property
    def on_sqlite(self) -> bool:
        return self.engine == "sqlite"

    @property
    def on_mariadb(self) -> bool:
        return self.engine == "mariadb"

    def run(self, script: str) -> list[tuple[Any, ...]]:
        """Runs statements and returns the rows of the last one."""
        if self.on_mariadb:
            return self._run_on_mariadb(script)
        if not self.on_sqlite:
            with psycopg.connect(self.url, autocommit=True) as server:
                cursor = server.execute(script.encode())
                while cursor.nextset():
                    pass
                return cursor.fetchall() if cursor.description else []
        *first, last = script.strip().removesuffix(";").split(";\n")
        with closing(sqlite3.connect(self.folder / "small.db")) as file, file:
            file.executescript(";\n".join(first))
            return file.execute(last).fetchall()

    def reader(self, name: str = "dossier_reader") -> "Small":
        """The same database, for a role that is no owner and may only read what is there now."""
        if self.on_sqlite:
            return self
        if self.on_mariadb:
            self.run(f"CREATE USER IF NOT EXISTS {name};\nGRANT SELECT, SHOW VIEW ON small.* TO {name}")
            return Small(self.engine, self.url.replace("root@", f"{name}@"), self.folder)
        self.run(f"DO $$ BEGIN CREATE ROLE {name} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        self.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
        return Small(self.engine, self.url.replace("postgres@", f"{name}@"), self.folder)

    def _run_on_mariadb(self, script: str) -> list[tuple[Any, ...]]:
        url = make_url(self.url)
        with pymysql.connect(
            host=url.host, port=url.port or 0, user=url.username, database=url.database, autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
        ) as server, server.cursor() as cursor:  # fmt: skip
            cursor.execute(script)
            while cursor.nextset():
                pass
            return list(cursor.fetchall())

    def source(self, *sections: Mapping[str, Any], **keys: Any) -> Any:
        return opened(self.folder, self.url, mapping(*sections, **keys))


async def found(source: DataSource, text: str) -> Found:
    answer = await source.find(Identifier.typed(text))
    assert answer is not None
    return answer


async def batches(
    source: DataSource, name: str, visitor: Value, device: Value | None, browser: Value | None
) -> list[Batch]:
    async with source.read(visitor, device, browser) as reading:
        return await asyncio.to_thread(list, reading.rows(name))


async def rows(
    source: DataSource, visitor: Value = 1, device: Value | None = "iPhone", browser: Value | None = "Safari", name: str = "events"
) -> list[dict[str, Any]]:  # fmt: skip
    read = await batches(source, name, visitor, device, browser)
    return [json.loads(row, parse_float=Decimal) for batch in read for row in batch.rows]
