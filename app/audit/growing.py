"""The edges of trees in memory, kept up with what this process and others have sealed."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.audit.merkle import Edge
from app.audit.seals import AUDIT_HEADS, AUDIT_LEAVES, HEAD_COLUMNS, SignedHead
from app.kit.logs import log
from app.kit.sign import PublicKey

_MOST_AT_ONCE = 5000


class SealsBroken(Exception):
    """Leaves are missing; `python -m app audit verify` says which."""


class Growing:
    def __init__(self, trusted: Sequence[PublicKey]) -> None:
        self._trusted = {one.id: one for one in trusted}
        self._edges: dict[str, Edge] = {}

    def keep(self, grown: Mapping[str, Edge]) -> None:
        """What was committed."""
        self._edges.update(grown)

    async def up_to_now(self, connection: AsyncConnection, tree: str) -> Edge:
        """The edge of what the table holds. What was followed before is remembered, not read again: who changes old
        leaves there does not change what this process signs."""
        edge = self._edges.get(tree)
        if edge is None or (edge.size and not await _has(connection, tree, edge.size - 1)):
            if edge is not None:
                log.error("leaves of the audit tree %r are gone; see `python -m app audit verify`", tree)
            edge = self._edges[tree] = await self._resumed(connection, tree)
        while await _read_on(connection, tree, edge):
            pass
        return edge

    async def _resumed(self, connection: AsyncConnection, tree: str) -> Edge:
        """From the newest head that holds, so that a restart is quick; else from the first leaf."""
        size = select(func.coalesce(func.max(AUDIT_LEAVES.c.position), -1) + 1).where(AUDIT_LEAVES.c.tree == tree)
        there = (await connection.execute(size)).scalar_one()
        conditions = (AUDIT_HEADS.c.tree == tree, AUDIT_HEADS.c.size <= there, AUDIT_HEADS.c.key_id.in_(self._trusted))
        newest = (
            select(AUDIT_HEADS.c.edge, *HEAD_COLUMNS).where(*conditions).order_by(AUDIT_HEADS.c.size.desc()).limit(1)
        )
        row = (await connection.execute(newest)).one_or_none()
        if row is not None and (edge := self._held(row.edge, SignedHead(*row[1:]))):
            return edge
        return Edge()

    def _held(self, text: str, head: SignedHead) -> Edge | None:
        try:
            edge = Edge.read(head.size, text)
        except ValueError:
            return None
        return edge if edge.root == head.root and head.holds(self._trusted[head.key_id]) else None


async def _has(connection: AsyncConnection, tree: str, position: int) -> bool:
    asked = select(AUDIT_LEAVES.c.position).where(AUDIT_LEAVES.c.tree == tree, AUDIT_LEAVES.c.position == position)
    return (await connection.execute(asked)).one_or_none() is not None


async def _read_on(connection: AsyncConnection, tree: str, edge: Edge) -> bool:
    """Appends the leaves that follow, and says whether there may be more. Raises SealsBroken."""
    column = AUDIT_LEAVES.c
    following = (
        select(column.position, column.hash)
        .where(column.tree == tree, column.position >= edge.size)
        .order_by(column.position)
        .limit(_MOST_AT_ONCE)
    )
    rows = (await connection.execute(following)).all()
    for position, text in rows:
        if position != edge.size:
            raise SealsBroken(tree)
        edge.append(bytes.fromhex(text))
    return len(rows) == _MOST_AT_ONCE
