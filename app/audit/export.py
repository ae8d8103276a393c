"""A tree with the events behind it and its newest head, line by line, so that others can check it by themselves."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from app.audit.entry import as_json
from app.audit.seals import Heads
from app.audit.verify import sealed_events
from app.kit.clock import rfc3339
from app.kit.db import Database


async def exported(database: Database, tree: str) -> AsyncIterator[dict[str, Any]]:
    """The head, if there is one, comes last."""
    head = await Heads(database).newest(tree)
    async for row in sealed_events(database, tree):
        yield {"position": row.position, "leaf": row.hash, "event": _event(row)}
    if head is not None:
        yield {"head": asdict(head) | {"at": rfc3339(head.at)}}


def _event(row: Row[Any]) -> dict[str, Any] | None:
    """Nothing where it was removed, or is none any more: its leaf tells."""
    try:
        return as_json(row) if row.id is not None else None
    except ValueError:
        return None
