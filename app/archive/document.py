"""personal-data.json: every row of every section, written as a stream without ever holding the whole."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from app.archive.frame import Frame
from app.archive.schema import SCHEMA_VERSION, NotIncluded
from app.archive.tally import Tally
from app.sources.port import Batch

Read = Callable[[str], Iterable[Batch]]


def write_document(
    frame: Frame, absent: Sequence[NotIncluded], tallies: Sequence[Tally], read: Read
) -> Iterator[bytes]:
    """The document in pieces, with what is absent before any row. `read` gives the batches of a section by its name,
    or raises what makes the document incomplete."""
    head = {
        "schema_version": SCHEMA_VERSION,
        "export": frame.export().model_dump(),
        "notice": dict(frame.notice),
        "not_included": [one.model_dump() for one in absent],
    }
    yield compact(head)[:-1] + b',"sections":{'
    for number, tally in enumerate(tallies):
        yield (b"," if number else b"") + compact(tally.section.name) + b":"
        yield from _write_rows(tally, read)
        tally.done = True
    yield b"}}"


def _write_rows(tally: Tally, read: Read) -> Iterator[bytes]:
    before = b"["
    for batch in read(tally.section.name):
        # Apart, because joined to a row of megabytes they would cost a copy of it.
        yield tally.count(before)
        yield tally.add(batch, b",".join(batch.rows))
        before = b","
    yield tally.count(b"[]" if before == b"[" else b"]")


def compact(value: object) -> bytes:
    """JSON in UTF-8 without whitespace between its tokens."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
