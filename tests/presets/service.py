"""A preset on a filled database: what the whole service finds and exports, and the same tables read by other means."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from app.sources.candidate import HANDLE_DIGITS
from tests.builders import BASE, Running, archive, manifest, running
from tests.small import toml, write_mappings

Row = dict[str, Any]
exact = partial(json.loads, parse_float=Decimal)
_READER = """
DO $$ BEGIN CREATE ROLE dossier_reader LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
"""


@dataclass(frozen=True, slots=True)
class Export:
    """What stands in one archive."""

    sections: dict[str, list[Row]]
    about: dict[str, Any]

    @property
    def statuses(self) -> dict[str, str]:
        return {one["name"]: one["status"] for one in self.about["sections"]}

    @property
    def withheld(self) -> dict[str, int]:
        return {one["name"]: one["withheld_rows"] for one in self.about["sections"] if one.get("withheld_rows")}


@dataclass(frozen=True, slots=True)
class Asked:
    """A service with one data source that follows a preset, and an administrator."""

    service: Running
    client: httpx.AsyncClient

    async def visitors(self, identifier: str) -> list[Row]:
        answer = await self.client.post(f"{BASE}/visitors/search", json={"identifier": identifier})
        assert answer.status_code == 200, answer.text
        (found,) = answer.json()["data_sources"]
        assert found["status"] == "answered", found
        visitors: list[Row] = found["visitors"]
        return visitors

    async def told(self, identifier: str) -> list[tuple[str, str, list[tuple[str | None, str | None]]]]:
        """Why each visitor was found, its label, and its combinations."""
        return [
            (one["matched_by"], one["label"], [(each["device"], each["browser"]) for each in one["combinations"]])
            for one in await self.visitors(identifier)
        ]

    async def export(self, identifier: str, visitor: UUID | str, device: str | None, browser: str | None) -> Export:
        made = await self.service.services.exports.request_once.request.handles()
        handle = made.handle("acme", "website", visitor).digest[:HANDLE_DIGITS]
        (chosen,) = [
            one["candidate"]
            for found in await self.visitors(identifier) if found["handle"] == handle
            for one in found["combinations"] if (one["device"], one["browser"]) == (device, browser)
        ]  # fmt: skip
        answer = await self.client.post(f"{BASE}/exports", json={"candidate": chosen})
        assert answer.status_code == 202, answer.text
        opened = await archive(self.client, str(answer.headers["location"]))
        return Export(exact(opened.read("personal-data.json"))["sections"], manifest(opened))


@asynccontextmanager
async def asked(folder: Path, url: str, preset: str, variables: Mapping[str, str]) -> AsyncIterator[Asked]:
    own = {"preset": preset, "title": "Website", "dsn": "WEBSITE_URL", "variables": dict(variables)}
    centers = write_mappings(folder, toml(own))
    reads = url.replace("postgres@", "dossier_reader@")
    async with (
        running(folder, mappings=centers, environ={"WEBSITE_URL": reads}) as service,
        await service.client() as client,
    ):
        yield Asked(service, client)


async def findings(one: Asked) -> list[str]:
    """What `sources check` says, but for the indexes that it wants: the product's own tables have none either."""
    ((_, source),) = one.service.services.registry.every_source()
    said = [told for told in await source.check() if "reads all of" not in told.text]
    return [f"{'warning' if told.warning else 'FAILURE'}: {told.text}" for told in said]


def filled(url: str, schema: str, ddl: str, rows: Mapping[str, Sequence[Row]]) -> None:
    """Tables in a schema of any name, and rows that name only some of their columns."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        server.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        server.execute(ddl.encode())
        for table, several in rows.items():
            for row in several:
                names = sql.SQL(", ").join(map(sql.Identifier, row))
                places = sql.SQL(", ").join([sql.Placeholder()] * len(row))
                statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, places)
                server.execute(statement, list(row.values()))
        server.execute(_READER.encode())
        for grant in ("USAGE ON SCHEMA {}", "SELECT ON ALL TABLES IN SCHEMA {}"):
            server.execute(sql.SQL("GRANT " + grant + " TO dossier_reader").format(sql.Identifier(schema)))


def read(url: str, schema: str, table: str) -> list[Row]:
    """A whole table, each value in the form that it has in the document; nothing of the product is used."""
    with psycopg.connect(url, row_factory=dict_row) as server:
        set_json_loads(exact, server)
        query = sql.SQL("SELECT * FROM {}.{}").format(sql.Identifier(schema), sql.Identifier(table))
        return [{name: _plain(value) for name, value in row.items()} for row in server.execute(query)]


def picked(rows: Sequence[Row], *order: str, **labels: Callable[[Row], object]) -> list[Row]:
    """Sorted, with labels worked out for each row."""
    ordered = sorted(rows, key=lambda row: tuple(str(row[name]) for name in order))
    return [row | {name: label(row) for name, label in labels.items()} for row in ordered]


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        text, _, fraction = moment.replace(tzinfo=None).isoformat().partition(".")
        return text + ("." + fraction.rstrip("0") if fraction else "") + ("+00:00" if value.tzinfo else "")
    return value
