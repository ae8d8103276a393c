"""Compiles one archive: rows stream from the source through JSON, deflate and ZIP into the store."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from app.archive.document import Part, SectionEnd
from app.archive.frame import Frame, Titled
from app.archive.package import Package, Packed
from app.history.entry import Entry, Progress
from app.kit.clock import Clock
from app.kit.errors import Conflict
from app.kit.pipe import Pipe
from app.sources.candidate import Choice
from app.sources.port import DataSource, Reading, Section
from app.sources.registry import DataCenter
from app.storage.port import LIFETIME, ArchiveStore, StoreUnavailable

_BATCHES_BETWEEN = 8


class CombinationEmpty(Conflict):
    """The data source counted interactions of this device and browser, but every section that is bound to them
    came out empty. The sections' SELECTs do not fit the `combinations` query: see `sources check`."""

    slug = "combination-empty"
    title = "Nothing was found for this device and browser"


class _Stopped(Exception):
    """Ends the thread that writes, because its reader has ended."""


class Counter:
    """The progress of one compilation, written by it and read by the heartbeat."""

    def __init__(self) -> None:
        self._reading: Reading | None = None
        self._package: Package | None = None
        self._done = self._rows = 0

    def begin(self, reading: Reading, package: Package) -> None:
        self._reading, self._package = reading, package

    def add(self, rows: int) -> None:
        self._rows += rows

    def section_done(self) -> None:
        self._done += 1

    def progress(self) -> Progress:
        if self._reading is None or self._package is None:
            return Progress()
        estimated = self._reading.rows_estimated
        return Progress(
            self._done, len(self._package.tallies), self._rows,
            None if estimated is None else max(estimated, self._rows), self._package.document_bytes,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compile:
    store: ArchiveStore
    clock: Clock

    async def __call__(
        self, entry: Entry, center: DataCenter, source: DataSource, choice: Choice, key: str, counter: Counter
    ) -> Packed:
        """Writes the archive under the key, complete or not at all. Raises the sources' and the store's failures."""
        async with source.read(choice.visitor, choice.device, choice.browser) as reading:
            frame = _frame(entry, center, source, reading)
            package = Package(frame, reading.sections, LIFETIME, self.clock)
            counter.begin(reading, package)
            stored = await self._stream(reading, package, key, counter)
        packed = package.packed()
        if stored != packed.size:
            raise StoreUnavailable("The store holds another number of bytes than were written.")
        return packed

    async def _stream(self, reading: Reading, package: Package, key: str, counter: Counter) -> int:
        pipe = Pipe[Part](_BATCHES_BETWEEN)
        storing = asyncio.create_task(self.store.put(key, package.chunks(pipe.items())))
        feeding = asyncio.create_task(_feed(reading, pipe, counter))
        try:
            await asyncio.wait({feeding, storing}, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            feeding.cancel()
            # After a regular end this is never read; otherwise it lets the thread go.
            pipe.end(_Stopped())
            ended = await asyncio.gather(feeding, storing, return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError | _Stopped):
                raise error
        return storing.result()


async def _feed(reading: Reading, pipe: Pipe[Part], counter: Counter) -> None:
    bound_rows, bound = 0, False
    for section in reading.sections:
        if section.status != "included":
            continue
        rows = await _feed_section(reading, section, pipe, counter)
        if section.scope == "combination":
            bound, bound_rows = True, bound_rows + rows
    if bound and not bound_rows and (reading.combination.interactions or 0) > 0:
        raise CombinationEmpty
    pipe.end()


async def _feed_section(reading: Reading, section: Section, pipe: Pipe[Part], counter: Counter) -> int:
    rows = 0
    async with aclosing(reading.rows(section.name)) as batches:
        async for batch in batches:
            await pipe.put(batch)
            rows += len(batch.rows)
            counter.add(len(batch.rows))
    await pipe.put(SectionEnd)
    counter.section_done()
    return rows


def _frame(entry: Entry, center: DataCenter, source: DataSource, reading: Reading) -> Frame:
    facts = source.facts
    return Frame(
        id=str(entry.id),
        data_center=Titled(center.id, center.title),
        data_source=Titled(facts.id, facts.title),
        device=entry.device,
        browser=entry.browser,
        as_of=reading.as_of,
        language=center.language,
        notice=center.notice.model_dump(exclude_none=True),
        mapping_sha256=facts.mapping_sha256,
        omitted=facts.omitted,
        other_combinations=reading.other_combinations,
    )
