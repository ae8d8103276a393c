"""How fast one visitor's interactions leave a SQLite file, beside the JSON that SQLite's own shell makes of them."""

import argparse
import asyncio
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from bench.engine import export
from tests.small import FIND, mapping, section, toml, write_mappings
from tests.stack import Stack, in_turn, standing

ROWS = 1_000_000
TABLES = """
CREATE TABLE interactions (
    id INTEGER PRIMARY KEY, visitor_id INTEGER, device TEXT, browser TEXT, at TEXT, kind TEXT, url TEXT, title TEXT,
    referrer TEXT, country TEXT, city TEXT, seconds REAL, score REAL, properties TEXT);
"""
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
INSERT INTO interactions SELECT i, 1, 'iPhone', 'Safari', strftime('%Y-%m-%dT%H:%M:%SZ', 1600000000 + i * 15, 'unixepoch'),
    'page_view', 'https://shop.example.com/outdoor/catalogue/' || hex(i * 7919) || '?page=' || i % 97,
    'Tents, sleeping bags and more — page ' || i % 97, 'https://search.example/?q=' || hex(i / 7), 'DE', 'Köln',
    (i % 100000) / 7.0, i % 1000, '{"viewport": [' || i % 1920 || ', ' || i % 1080 || '], "ab": "v' || i % 3 || '"}'
FROM n
"""
SQL = """SELECT id, at, kind, url, title, referrer, country, city, seconds, score, properties FROM interactions
WHERE visitor_id = {} AND device IS {} AND browser IS {} ORDER BY id"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=ROWS)
    given = parser.parse_args()
    shell = shutil.which("sqlite3")
    if shell is None:
        print("SQLite's shell is not installed; on Debian and Ubuntu: apt-get install sqlite3")
        return 1
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
        folder = Path(name)
        file = filled(folder / "site.db", given.rows)
        with standing(folder / "stack", environ_of(folder, file), apis=1, workers=1) as stack:
            asyncio.run(measure(stack, shell, file, given))
    return 0


def environ_of(folder: Path, file: Path) -> dict[str, str]:
    find = FIND | {
        "tracking_id": "SELECT 1 AS visitor WHERE 'cookie-1' = :tracking_id",
        "combinations": "SELECT 'iPhone' AS device, 'Safari' AS browser WHERE 1 = :visitor",
    }
    sql = SQL.format(":visitor", ":device", ":browser")
    source = toml(mapping(section("interactions", sql, time="at", json=["properties"]), find=find, dsn="BENCH_URL"))
    return {
        "DOSSIER_DATA_CENTERS": str(write_mappings(folder, source)), "DOSSIER_MAX_EXPORTS": "1",
        "BENCH_URL": f"sqlite:///{file}",
    }  # fmt: skip


def filled(file: Path, rows: int) -> Path:
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript(TABLES)
        database.execute(FILL, {"rows": rows})
    return file


async def measure(stack: Stack, shell: str, file: Path, given: argparse.Namespace) -> None:
    floors, ours, peaks = list[float](), list[float](), list[int]()
    async with in_turn(stack, stack.key("maria", "acme")) as client:
        for _ in range(given.rounds):
            floors.append(await asyncio.to_thread(shell_json, shell, file))
            taken = await export(stack, client, 1)
            ours.append(taken.wall)
            peaks.append(taken.peak)
    floor, wall = median(floors), median(ours)
    print(
        f"{given.rows:>10,} rows  sqlite3 -json {floor:6.2f} s   export {wall:6.2f} s  ratio {floor / wall:4.2f}"
        f"  peak {max(peaks) / 1e6:5.1f} MB", flush=True,
    )  # fmt: skip


def shell_json(shell: str, file: Path) -> float:
    begun = time.monotonic()
    command = [shell, "-readonly", "-json", str(file), SQL.format(1, "'iPhone'", "'Safari'")]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
