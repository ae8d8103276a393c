"""What seals the trail: a leaf for each event, in the order of its tree, and signed heads of the trees."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import msgspec
from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.audit.merkle import Edge
from app.kit.clock import rfc3339
from app.kit.db import METADATA, Database, UtcDateTime
from app.kit.sign import PublicKey, Signer

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
AUDIT_LEAVES = Table(
    "audit_leaves",
    METADATA,
    # A data center's id; of events without one, nothing.
    Column("tree", String(64), primary_key=True),
    Column("position", _NUMBER, primary_key=True, autoincrement=False),
    Column("event_id", _NUMBER, nullable=False),
    Column("hash", String(64), nullable=False),
)
Index("ix_audit_leaves_event_id", AUDIT_LEAVES.c.event_id, unique=True)
AUDIT_HEADS = Table(
    "audit_heads",
    METADATA,
    Column("tree", String(64), primary_key=True),
    Column("size", _NUMBER, primary_key=True, autoincrement=False),
    Column("root", String(64), nullable=False),
    # From which the tree grows on, so that nobody has to read all of its leaves again.
    Column("edge", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    # After a change of the secret a tree that has not grown gets a head by the new key.
    Column("key_id", String(16), primary_key=True),
    Column("signature", String(86), nullable=False),
)
# As with events: for PostgreSQL's driver each row of an `executemany` is an exchange of its own.
_INSERT_MANY = text(
    "INSERT INTO audit_leaves (tree, position, event_id, hash) SELECT tree, position, event_id, hash"
    " FROM json_to_recordset(CAST(:rows AS json)) AS new (tree text, position bigint, event_id bigint, hash text)"
)
# Skips from tree to tree, however many leaves each has.
TREES = text(
    "WITH RECURSIVE leaves (tree) AS (SELECT min(tree) FROM audit_leaves UNION ALL"
    " SELECT (SELECT min(tree) FROM audit_leaves WHERE tree > leaves.tree) FROM leaves WHERE leaves.tree IS NOT NULL),"
    " heads (tree) AS (SELECT min(tree) FROM audit_heads UNION ALL"
    " SELECT (SELECT min(tree) FROM audit_heads WHERE tree > heads.tree) FROM heads WHERE heads.tree IS NOT NULL)"
    " SELECT tree FROM leaves WHERE tree IS NOT NULL UNION SELECT tree FROM heads WHERE tree IS NOT NULL ORDER BY tree"
)


@dataclass(frozen=True, slots=True)
class SignedHead:
    """What a tree was at a moment, in a form that anybody can check: `text` is what is signed."""

    tree: str
    size: int
    root: str
    at: datetime
    key_id: str
    signature: str

    @property
    def text(self) -> bytes:
        parts = ("dossier-audit-head/1", self.tree, str(self.size), self.root, rfc3339(self.at), self.key_id)
        return "".join(f"{part}\n" for part in parts).encode()

    def holds(self, key: PublicKey) -> bool:
        try:
            raw = base64.b64decode(self.signature + "=" * (-len(self.signature) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return False
        return key.id == self.key_id and key.holds(raw, self.text)

    @classmethod
    def sign(cls, signer: Signer, tree: str, edge: Edge, at: datetime) -> Self:
        unsigned = cls(tree, edge.size, edge.root, at, signer.public.id, "")
        raw = signer.sign(unsigned.text)
        return cls(tree, edge.size, edge.root, at, signer.public.id, base64.urlsafe_b64encode(raw).decode().rstrip("="))


HEAD_COLUMNS = [AUDIT_HEADS.c[name] for name in SignedHead.__slots__]


@dataclass(frozen=True, slots=True)
class Heads:
    database: Database

    async def newest(self, tree: str) -> SignedHead | None:
        column = AUDIT_HEADS.c
        newest = select(*HEAD_COLUMNS).where(column.tree == tree).order_by(column.size.desc(), column.at.desc())
        async with self.database.reading() as connection:
            row = (await connection.execute(newest.limit(1))).one_or_none()
        return SignedHead(*row) if row else None


async def write_leaves(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    if connection.dialect.name == "postgresql":
        await connection.execute(_INSERT_MANY, {"rows": msgspec.json.encode(rows).decode()})
    else:
        await connection.execute(insert(AUDIT_LEAVES).inline(), rows)


async def write_heads(connection: AsyncConnection, heads: Iterable[tuple[SignedHead, Edge]]) -> None:
    rows = [{name: getattr(head, name) for name in SignedHead.__slots__} | {"edge": edge.text} for head, edge in heads]
    await connection.execute(insert(AUDIT_HEADS).inline(), rows)
