"""The ZIP around everything: streamed, four members with fixed names, hashed on the way."""

import hashlib
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from isal import isal_zlib
from stream_zip import ZIP_32, ZIP_64, ZIP_AUTO, MemberFile, Method, stream_zip

from app.archive.document import Read, write_document
from app.archive.frame import Frame
from app.archive.manifest import write_manifest
from app.archive.report import write_readme, write_report
from app.archive.schema import Member, MemberName
from app.archive.tally import Tally, new_tallies
from app.kit.clock import Clock
from app.sources.port import Section

# Level 1 of isal: about 2 GB/s at a tenth of the size of such JSON, so that the database stays the slowest part.
_FAST = 1
_MODE = stat.S_IFREG | 0o644


@dataclass(frozen=True, slots=True)
class Packed:
    """A finished archive: when its last member was written, its size in bytes and SHA-256 (lower-case hex)."""

    compiled_at: datetime
    expires_at: datetime
    size: int
    sha256: str


class Package:
    """One archive being written. `chunks` may be consumed once, in any thread; `packed` holds afterwards."""

    def __init__(self, frame: Frame, sections: Sequence[Section], lifetime: timedelta, clock: Clock) -> None:
        self.tallies: list[Tally] = new_tallies(sections)
        self.document_bytes = 0
        self._frame, self._sections, self._lifetime, self._clock = frame, sections, lifetime, clock
        self._members: list[Member] = []
        self._size = 0
        self._hash = hashlib.sha256()
        self._compiled_at: datetime | None = None

    def chunks(self, read: Read) -> Iterator[bytes]:
        """The ZIP's bytes. What `read` raises comes through untouched."""
        for chunk in stream_zip(self._files(read), get_compressobj=_compressor):
            self._size += len(chunk)
            self._hash.update(chunk)
            yield chunk

    def packed(self) -> Packed:
        if self._compiled_at is None:
            raise ValueError("the archive is not finished")
        return Packed(self._compiled_at, self._compiled_at + self._lifetime, self._size, self._hash.hexdigest())

    def _files(self, read: Read) -> Iterator[MemberFile]:
        # Safari unpacks only the first member when that one is ZIP64.
        yield self._listed("README.txt", ZIP_32, [write_readme(self._frame)])
        yield self._listed("personal-data.json", ZIP_64, self._document(read))
        report = write_report(self._frame, self._sections, self.tallies)
        yield self._listed("report.html", ZIP_AUTO(len(report)), [report])
        self._compiled_at = self._clock()
        manifest = write_manifest(
            self._frame, self._sections, self.tallies, self._members,
            self._compiled_at, self._compiled_at + self._lifetime,
        )  # fmt: skip
        yield self._member("META/manifest.json", ZIP_AUTO(len(manifest)), [manifest])

    def _document(self, read: Read) -> Iterator[bytes]:
        for chunk in write_document(self._frame, self.tallies, read):
            self.document_bytes += len(chunk)
            yield chunk

    def _listed(self, name: MemberName, method: Method, chunks: Iterable[bytes]) -> MemberFile:
        """One that the manifest, which comes last, lists."""
        return self._member(name, method, self._counted(name, chunks))

    def _member(self, name: str, method: Method, chunks: Iterable[bytes]) -> MemberFile:
        return name, self._frame.as_of, _MODE, method, chunks

    def _counted(self, name: MemberName, chunks: Iterable[bytes]) -> Iterator[bytes]:
        size, digest = 0, hashlib.sha256()
        for chunk in chunks:
            size += len(chunk)
            digest.update(chunk)
            yield chunk
        self._members.append(Member(name=name, size=size, sha256=digest.hexdigest()))


def _compressor() -> Any:
    # isal's object has the methods of zlib's, whose type stream-zip asks for.
    return isal_zlib.compressobj(_FAST, wbits=-15)
