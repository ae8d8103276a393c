"""How fast one visitor's interactions leave MariaDB, beside the JSON that its own client has the server make of them."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import pymysql

from bench.engine import Taken, export
from tests.everywhere.mariadb import LACKING, mariadb_root
from tests.servers import Mariadb, running
from tests.small import FIND, mapping, section, toml, write_mappings
from tests.stack import Stack, in_turn, standing

ROWS = 1_000_000
UNPACKED = Path(".pytest_cache/d/mariadb").absolute()
TABLES = """
CREATE TABLE interactions (
    id bigint PRIMARY KEY, visitor_id bigint, device varchar(40), browser varchar(40), at timestamp(6), kind varchar(20),
    url varchar(200), title varchar(200), referrer varchar(200), country char(2), city varchar(40), seconds decimal(8, 3),
    score double, properties json, KEY (visitor_id, id)) CHARACTER SET utf8mb4"""
FILL = """
INSERT INTO interactions SELECT seq, 1, 'iPhone', 'Safari', from_unixtime(1600000000 + seq * 15), 'page_view',
    concat('https://shop.example.com/outdoor/catalogue/', hex(seq * 7919), '?page=', seq % 97),
    concat('Tents, sleeping bags and more — page ', seq % 97), concat('https://search.example/?q=', hex(seq DIV 7)), 'DE',
    'Köln', (seq % 100000) / 7.0, sqrt(seq % 1000),
    concat('{{"viewport": [', seq % 1920, ', ', seq % 1080, '], "ab": "v', seq % 3, '"}}')
FROM seq_1_to_{rows}"""
COLUMNS = ("id", "at", "kind", "url", "title", "referrer", "country", "city", "seconds", "score", "properties")
SQL = "SELECT {} FROM interactions WHERE visitor_id = {} AND device <=> {} AND browser <=> {} ORDER BY id"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=ROWS)
    given = parser.parse_args()
    root = mariadb_root(UNPACKED)
    if root is None:
        print(LACKING)
        return 1
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name, running(Mariadb, root) as server:
        fill(server, given.rows)
        with standing(Path(name) / "stack", environ_of(Path(name), server), apis=1, workers=1) as stack:
            asyncio.run(measure(stack, server, given))
    return 0


def environ_of(folder: Path, server: Mariadb) -> dict[str, str]:
    find = FIND | {
        "tracking_id": "SELECT 1 AS visitor FROM dual WHERE 'cookie-1' = :tracking_id",
        "combinations": "SELECT 'iPhone' AS device, 'Safari' AS browser FROM dual WHERE 1 = :visitor",
    }
    sql = SQL.format(", ".join(COLUMNS), ":visitor", ":device", ":browser")
    source = toml(mapping(section("interactions", sql, time="at", json=["properties"]), find=find, dsn="BENCH_URL"))
    return {
        "DOSSIER_DATA_CENTERS": str(write_mappings(folder, source)), "DOSSIER_MAX_EXPORTS": "1",
        "BENCH_URL": server.url.replace("/mysql", "/site"),
    }  # fmt: skip


def fill(server: Mariadb, rows: int) -> None:
    with closing(pymysql.connect(host="127.0.0.1", port=server.port, user="root", autocommit=True)) as database:
        for order in ("CREATE DATABASE site", "USE site", TABLES, FILL.format(rows=rows), "ANALYZE TABLE interactions"):
            database.query(order)


async def measure(stack: Stack, server: Mariadb, given: argparse.Namespace) -> None:
    floors, ours = list[float](), list[Taken]()
    async with in_turn(stack, stack.key("maria", "acme")) as client:
        for _ in range(given.rounds):
            floors.append(await asyncio.to_thread(client_json, server))
            ours.append(await export(stack, client, 1))
    floor, wall, cpu = median(floors), median(one.wall for one in ours), median(one.client for one in ours)
    print(
        f"{given.rows:>10,} rows  mariadb JSON_OBJECT {floor:6.2f} s   export {wall:6.2f} s  ratio {floor / wall:4.2f}"
        f"  worker's CPU {cpu:6.2f} s  peak {max(one.peak for one in ours) / 1e6:5.1f} MB", flush=True,
    )  # fmt: skip


def client_json(server: Mariadb) -> float:
    row = ", ".join(f"'{name}', {name}" for name in COLUMNS)
    begun = time.monotonic()
    command: list[str | Path] = [
        server.program("mariadb"), "--no-defaults", "--host=127.0.0.1", f"--port={server.port}", "--user=root", "--quick",
        "--batch", "--raw", "--skip-column-names", "--default-character-set=utf8mb4",
        f"--execute={SQL.format(f'JSON_OBJECT({row})', 1, repr('iPhone'), repr('Safari'))}", "site",
    ]  # fmt: skip
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=os.environ | server.environ)
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
