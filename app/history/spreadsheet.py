"""The history as CSV (RFC 4180), for a spreadsheet: streamed, and with nothing in it that a spreadsheet would run."""

import csv
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from io import StringIO

from app.history.entry import Entry
from app.history.schemas import Export, export_view

COLUMNS = (
    "id", "kind", "status", "data_source", "visitor", "handle", "device", "browser", "case_reference", "requested_by",
    "requested_at", "compiled_at", "expires_at", "size", "sha256", "downloads", "last_downloaded_at", "problem",
    "scope", "erased_at", "backups_until",
)  # fmt: skip
# What a spreadsheet takes for the beginning of a formula. After a quote it shows the text and runs nothing:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def as_csv(pages: AsyncIterator[Sequence[Entry]]) -> AsyncGenerator[bytes]:
    """A line of names, then one for each entry, in UTF-8."""
    yield _lines([COLUMNS])
    async for page in pages:
        yield _lines([_cells(export_view(entry)) for entry in page])


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([list(map(_defused, row)) for row in rows])
    return text.getvalue().encode()


def _cells(export: Export) -> Sequence[object]:
    shown = export.model_dump(mode="json")
    shown |= {"data_source": export.data_source.id, "visitor": export.visitor.label, "handle": export.visitor.handle}
    return [shown[name] for name in COLUMNS]


def _defused(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
