"""Writes the sample: two SQLite databases and the mappings that read them, the same content every time."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from .shop import shop_tables
from .tables import Column, Table, ddl
from .website import website_tables

__all__ = ["Column", "Table", "ddl", "sample_is_current", "shop_tables", "website_tables", "write_sample"]

MAPPINGS = Path(__file__).with_name("data-centers")


def write_sample(folder: Path, heavy: int = 200_000) -> None:
    """Makes `website.db`, `shop.db` and `data-centers` in a folder; each file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_database(folder / "website.db", website_tables(heavy))
    _write_database(folder / "shop.db", shop_tables())
    for source in sorted(MAPPINGS.glob("*/*.toml")):
        target = folder / "data-centers" / source.relative_to(MAPPINGS)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _appearing_whole(target) as unfinished:
            unfinished.write_bytes(source.read_bytes())


def sample_is_current(folder: Path) -> bool:
    """Whether the sample lies there whole, with the mappings of this version."""
    databases = all((folder / name).exists() for name in ("website.db", "shop.db"))
    copies = [(one, folder / "data-centers" / one.relative_to(MAPPINGS)) for one in MAPPINGS.glob("*/*.toml")]
    return databases and all(copy.exists() and copy.read_bytes() == one.read_bytes() for one, copy in copies)


@contextmanager
def _appearing_whole(target: Path) -> Iterator[Path]:
    """A name to write under; what is written gets its real name at the end."""
    for leftover in target.parent.glob(f".{target.name}.*.part"):
        leftover.unlink(missing_ok=True)
    # The process's number keeps two runs apart: neither renames what the other still writes.
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_database(target: Path, tables: tuple[Table, ...]) -> None:
    with (
        _appearing_whole(target) as unfinished,
        closing(sqlite3.connect(unfinished, isolation_level=None)) as database,
    ):
        # No journal and no waiting for the disk: what breaks off is thrown away and made again.
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        database.executescript("PRAGMA page_size = 16384; PRAGMA cache_size = -64000")
        database.execute("BEGIN")
        for table in tables:
            _write_table(database, table)
        database.execute("COMMIT")


def _write_table(database: sqlite3.Connection, table: Table) -> None:
    create, *indexes = ddl(table, "sqlite")
    database.execute(create)
    insert = f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"  # noqa: S608 - our own names
    rows = table.rows()
    # In batches, which is a third faster than to switch between making and inserting at every row.
    while batch := list(islice(rows, 500)):
        database.executemany(insert, batch)
    # Afterwards, because sorting once is faster than keeping order row by row.
    for index in indexes:
        database.execute(index)
