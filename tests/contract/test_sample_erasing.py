"""The sample's Maria, erased by the whole service on each engine; what is left is read by other means."""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.sample.generate import MAPPINGS, ddl, shop_tables, website_tables, write_sample
from tests.builders import BASE, candidates, running
from tests.engines import EACH
from tests.erasures import ask, eraser
from tests.fill import fill_postgres
from tests.servers import new_database

HEAVY, MARIA_EMAIL = 300, "maria.keller@example.com"
KEYS = {"website": ("visitor_id", 1001), "shop": ("customer_no", "AO-100001")}
# Beside what is kept whole, of which the mappings say why.
KEPT = {"website": {"cookie_choices"}, "shop": {"orders", "newsletter_consents", "customer_addresses", "customers"}}


@pytest.fixture(params=EACH)
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    if request.param == "sqlite":
        write_sample(tmp_path / "sample", HEAVY)
        return {name: f"sqlite:///{tmp_path / 'sample' / name}.db" for name in KEYS}
    made = {name: new_database(request.getfixturevalue(request.param)) for name in KEYS}
    for name, tables in {"website": website_tables(HEAVY), "shop": shop_tables()}.items():
        fill_postgres(made[name], tables, ddl)
    return made


def read(url: str, query: str) -> list[tuple[Any, ...]]:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            return database.execute(query).fetchall()
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def states(url: str, source: str) -> Iterator[tuple[str, tuple[int, str]]]:
    """Of each table with the visitor's key: how many rows Maria has, and a hash of everybody else's."""
    key, maria = KEYS[source]
    tables = website_tables(HEAVY) if source == "website" else shop_tables()
    for table in tables:
        if key not in [column.name for column in table.columns]:
            continue
        rows = read(url, f"SELECT * FROM {table.name}")
        place = [column.name for column in table.columns].index(key)
        others = sorted(repr(row) for row in rows if row[place] not in (maria, None))
        digest = hashlib.sha256("\n".join(others).encode()).hexdigest()
        yield table.name, (sum(row[place] == maria for row in rows), digest)


async def erased(urls: Mapping[str, str], folder: Path, source: str) -> dict[str, Any]:
    environ = {f"SAMPLE_{name.upper()}_{use}": url for name, url in urls.items() for use in ("URL", "ERASE_URL")}
    key = KEYS[source][0]
    async with (
        running(folder, mappings=MAPPINGS, environ=environ, work=False) as service,
        await eraser(service) as client,
    ):
        chosen = max(await candidates(client, MARIA_EMAIL, source), key=lambda one: one["interactions"])
        planned = (await client.post(f"{BASE}/erasures/preview", json={"candidate": chosen["candidate"]})).json()
        address = (await ask(client, planned)).headers["location"]
        assert await service.services.run_job()
        item = (await client.get(address)).json()
        assert item["status"] == "done", (item["problem"], key)
        receipt: dict[str, Any] = (await client.get(item["links"]["receipt"])).json()
        return receipt


@pytest.mark.parametrize("source", KEYS)
async def test_nothing_of_the_visitor_is_left_and_everybody_elses_rows_are_the_same(
    urls: dict[str, str], tmp_path: Path, source: str
) -> None:
    before = dict(states(urls[source], source))
    receipt = await erased(urls, tmp_path, source)
    after = dict(states(urls[source], source))
    assert {name: digest for name, (_, digest) in after.items()} == {
        name: digest for name, (_, digest) in before.items()
    }
    for name, (rows, digest) in after.items():
        print(
            f"{name:22} {before[name][0]:>4} rows of hers, then {rows}; others {before[name][1][:12]}, then {digest[:12]}"
        )
    left = {name for name, (rows, _) in after.items() if rows}
    assert left == KEPT[source]
    assert {name for name, (rows, _) in before.items() if rows} > left
    for step in receipt["steps"]:
        assert step["rows_after"] == (step["rows_before"] if step["action"] == "keep" else 0), step
    told = sum(step["rows_before"] for step in receipt["steps"])
    assert told == sum(rows for rows, _ in before.values())
