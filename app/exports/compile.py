"""Compiles one archive: rows stream from the source through JSON, deflate and ZIP into the store."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.archive.assets import Assets
from app.archive.frame import Frame
from app.archive.package import Package, Packed
from app.archive.schema_1_0 import Titled
from app.history.entry import Entry
from app.jobs.job import Progress
from app.kit.clock import LIFETIME, Clock
from app.kit.errors import Conflict
from app.kit.sign import Signer
from app.kit.traces import Traces
from app.sources.candidate import Choice, as_text
from app.sources.port import Batch, DataSource, Reading
from app.sources.registry import DataCenter
from app.storage.port import ArchiveStore, StoreUnavailable


class CombinationEmpty(Conflict):
    """The data source counted interactions of this device and browser, but every section that is bound to them
    came out empty. The sections' SELECTs do not fit the `combinations` query: see `sources check`."""

    slug = "combination-empty"
    title = "Nothing was found for this device and browser"


class ExportTooLarge(Conflict):
    """The archive would hold more rows or bytes than this service compiles. DOSSIER_MAX_ROWS and
    DOSSIER_MAX_ARCHIVE_BYTES say how many; raise them, then retry the export."""

    slug = "export-too-large"
    title = "The export is larger than is allowed"


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Of one export: rows of all sections, and bytes of the ZIP."""

    rows: int
    archive_bytes: int

    def check(self, package: Package) -> None:
        if package.size > self.archive_bytes or sum(tally.rows for tally in package.tallies) > self.rows:
            raise ExportTooLarge


class Counter:
    """The progress of one compilation, read by the heartbeat."""

    def __init__(self) -> None:
        self._reading: Reading | None = None
        self._package: Package | None = None

    def begin(self, reading: Reading, package: Package) -> None:
        self._reading, self._package = reading, package

    def progress(self) -> Progress:
        if self._reading is None or self._package is None:
            return Progress()
        tallies, estimated = self._package.tallies, self._reading.rows_estimated
        rows = sum(tally.rows for tally in tallies)
        return Progress(
            sum(tally.done for tally in tallies), len(tallies), rows,
            None if estimated is None else max(estimated, rows), self._package.document_bytes,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compile:
    store: ArchiveStore
    clock: Clock
    traces: Traces
    assets: Assets
    signer: Signer
    ceilings: Ceilings

    async def __call__(
        self, entry: Entry, center: DataCenter, source: DataSource, choice: Choice, key: str, counter: Counter
    ) -> Packed:
        """Writes the archive under the key, complete or not at all. Raises the sources' and the store's failures."""
        with self.traces.span("read"):
            chosen = (choice.visitor, choice.device, choice.browser, center.language)
            async with source.read(*chosen) as reading:
                frame = _frame(entry, center, reading)
                package = Package(frame, reading.sections, self.assets, self.signer, self.clock)
                counter.begin(reading, package)
                stored = await self._put(key, reading, package)
            self.traces.note(rows=counter.progress().rows)
        packed = package.packed()
        if stored != packed.size:
            raise StoreUnavailable("The store holds another number of bytes than were written.")
        return packed

    async def _put(self, key: str, reading: Reading, package: Package) -> int:
        rows = self.traces.each("section", reading.rows)
        with self.traces.span("put"):
            stored = await self.store.put(key, self._chunks(reading, package, rows), reading.stop)
            self.traces.note(bytes=stored)
        return stored

    def _chunks(self, reading: Reading, package: Package, rows: Callable[[str], Iterator[Batch]]) -> Iterator[bytes]:
        """The archive's bytes. What is raised after the last of them still keeps the store from keeping them."""
        for chunk in package.chunks(rows):
            self.ceilings.check(package)
            yield chunk
        bound = [tally for tally in package.tallies if tally.section.scope == "combination"]
        if bound and not any(tally.rows for tally in bound) and (reading.combination.interactions or 0) > 0:
            raise CombinationEmpty


def _frame(entry: Entry, center: DataCenter, reading: Reading) -> Frame:
    facts = reading.source
    return Frame(
        id=str(entry.id),
        data_center=Titled(id=center.id, title=center.title),
        data_source=Titled(id=facts.id, title=facts.title),
        label=entry.label,
        device=as_text(reading.combination.device),
        browser=as_text(reading.combination.browser),
        as_of=reading.as_of,
        lifetime=LIFETIME,
        language=center.language,
        time_zone=facts.time_zone,
        notice=center.notice,
        mapping_sha256=facts.mapping_sha256,
        row_security=facts.row_security,
        omitted=facts.omitted,
        other_combinations=reading.other_combinations,
    )
