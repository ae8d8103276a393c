"""The receipt of an erasure: what was erased and what was kept, counted and signed, without anything of the person."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from jinja2 import Environment

from app.archive.receipt import Receipt, ReceiptStep, receipt_page, sealed
from app.audit.ledger import Ledger
from app.history.browse import Browse
from app.history.entry import Entry
from app.history.erasure import Erasure, get_erasure
from app.kit.clock import rfc3339
from app.kit.errors import Conflict
from app.kit.sign import Signer
from app.sources.registry import DataCenter


class ErasureNotDone(Conflict):
    """There is a receipt once the erasure is `done`, which is when everything was counted again and nothing was left.
    Its `status` says how far it is."""

    slug = "erasure-not-done"
    title = "There is no receipt yet"


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    browse: Browse
    ledger: Ledger
    templates: Environment

    async def __call__(self, data_center: str, entry_id: str) -> str:
        """As it was signed. Raises NotFound, ErasureNotDone."""
        entry = await self.browse.one(data_center, entry_id, "erasure")
        async with self.ledger.reading() as connection:
            receipt = (await get_erasure(connection, entry.id)).receipt
        if entry.status != "done" or receipt is None:
            raise ErasureNotDone
        return receipt

    def page(self, receipt: str) -> bytes:
        return b"".join(receipt_page(receipt, self.templates))


def signed_receipt(
    entry: Entry, erasure: Erasure, center: DataCenter, revoked: Sequence[UUID], signer: Signer
) -> str:  # fmt: skip
    """JSON. The erasure is done, so that its moments and counts are there."""
    approved, erased, backups = erasure.approved_at, erasure.erased_at, erasure.backups_until
    steps = [
        ReceiptStep(one.table, one.title, one.action, one.because, one.before or 0, one.after or 0)
        for one in erasure.steps
    ]
    receipt = Receipt(
        id=str(entry.id), data_center=center.id, data_center_title=center.title,
        data_source=entry.source_id, data_source_title=entry.source_title, language=center.language,
        visitor=entry.label, scope=erasure.scope, device=entry.device, browser=entry.browser,
        case_reference=entry.case_reference, requested_by=entry.requested_by,
        requested_at=rfc3339(entry.requested_at), approved_by=erasure.approved_by,
        approved_at=rfc3339(approved) if approved else None,
        erased_at=rfc3339(erased) if erased else "", backups_until=rfc3339(backups) if backups else None,
        steps=steps, revoked_exports=[str(one) for one in revoked], mapping_sha256=erasure.mapping_sha256,
    )  # fmt: skip
    return sealed(receipt, signer)
