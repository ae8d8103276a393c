"""What failed, of either kind: how that is written, and how it is queued again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.audit.event import SERVICE, Action, Details
from app.audit.ledger import Ledger
from app.history.entry import Entry, StoredStatus, get_entry, move
from app.history.event import event_of
from app.history.visitor import Whom, hold, refuse_while_erasing
from app.jobs.job import queue_again
from app.kit.errors import Failure
from app.sources.port import NotConnected, SourceUnavailable


async def write_failure(
    ledger: Ledger, connection: AsyncConnection, found: tuple[str, UUID, datetime], failure: Failure,
    before: StoredStatus, action: Action,
) -> None:  # fmt: skip
    """`found`: data center and id of the entry, and the moment; `before`: what it was until then."""
    data_center, entry_id, now = found
    await move(connection, entry_id, (before,), "failed", problem=failure.slug)
    if entry := await get_entry(connection, data_center, entry_id, now):
        # Auditors read it, and need not know hosts and users.
        detail = SourceUnavailable.help() if isinstance(failure, NotConnected) else failure.detail
        details: Details = {"problem": failure.slug, "detail": detail}
        await ledger.append(connection, event_of(entry, action, SERVICE, "failed", details))


async def hold_for_retry(connection: AsyncConnection, entry: Entry, now: datetime) -> Whom:
    """Raises ErasureUnfinished."""
    whom = Whom(entry.data_center, (entry.handle,))
    await hold(connection, whom)
    await refuse_while_erasing(connection, whom, now)
    return whom


async def queue_failed(connection: AsyncConnection, entry: Entry, now: datetime) -> bool:
    """False where it did not fail, or its choice is not kept any more. Raises SubjectBusy."""
    kept = await queue_again(connection, entry.id, now)
    return kept and await move(connection, entry.id, ("failed",), "queued", problem=None)
