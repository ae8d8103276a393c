"""The ZIP around everything: streamed, six members with fixed names, hashed on the way, the last a signature."""

import hashlib
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from isal import isal_zlib
from stream_zip import ZIP_32, ZIP_64, ZIP_AUTO, MemberFile, Method, stream_zip

from app.archive.absent import not_included
from app.archive.assets import Assets
from app.archive.document import Read, write_document
from app.archive.frame import Frame
from app.archive.manifest import write_manifest
from app.archive.report import Pages
from app.archive.schema import Member, MemberName
from app.archive.signature import write_signature
from app.archive.tally import Tally, new_tallies
from app.archive.translator import Translator
from app.kit.clock import Clock
from app.kit.sign import Signer
from app.sources.port import Section

# Level 1 of isal: about 2 GB/s at a tenth of the size of such JSON, so that the database stays the slowest part.
_FAST = 1
_STRETCH = 1 << 20
_MODE = stat.S_IFREG | 0o644


@dataclass(frozen=True, slots=True)
class Packed:
    """A finished archive: when its last member was written, its size in bytes and SHA-256 (lower-case hex)."""

    compiled_at: datetime
    expires_at: datetime
    size: int
    sha256: str


class Package:
    """One archive being written. `chunks` may be consumed once, in any thread, and `size` counts their bytes; `packed`
    holds afterwards."""

    def __init__(
        self, frame: Frame, sections: Sequence[Section], assets: Assets, signer: Signer, clock: Clock
    ) -> None:  # fmt: skip
        self._translator = Translator(frame.language, frame.time_zone)
        self.tallies: list[Tally] = new_tallies(sections, self._translator.zone)
        self.document_bytes = 0
        self._frame, self._sections, self._assets, self._clock = frame, sections, assets, clock
        self._signer = signer
        self._members: list[Member] = []
        self.size = 0
        self._hash = hashlib.sha256()
        self._compiled_at: datetime | None = None

    def chunks(self, read: Read) -> Iterator[bytes]:
        """The ZIP's bytes. What `read` raises comes through untouched."""
        for chunk in stream_zip(self._files(read), get_compressobj=_compressor):
            self.size += len(chunk)
            self._hash.update(chunk)
            yield chunk

    def packed(self) -> Packed:
        if self._compiled_at is None:
            raise ValueError("the archive is not finished")
        return Packed(self._compiled_at, self._compiled_at + self._frame.lifetime, self.size, self._hash.hexdigest())

    def _files(self, read: Read) -> Iterator[MemberFile]:
        pages = Pages(self._assets.templates, self._frame, self._sections, self._translator)
        # Safari unpacks only the first member when that one is ZIP64.
        yield self._listed("README.txt", ZIP_32, [pages.readme()])
        yield self._listed("personal-data.json", ZIP_64, self._document(read))
        yield self._listed("report.html", ZIP_32, pages.report(self.tallies))
        yield self._listed("viewer.html", ZIP_32, [self._assets.viewer])
        self._compiled_at = self._clock()
        manifest = write_manifest(
            self._frame, self._sections, self.tallies, self._members, self._compiled_at, self._translator
        )
        yield self._member("META/manifest.json", ZIP_AUTO(len(manifest)), [manifest])
        yield self._member("META/manifest.json.sig", ZIP_32, [write_signature(self._signer, manifest)])

    def _document(self, read: Read) -> Iterator[bytes]:
        for chunk in write_document(self._frame, not_included(self._sections, self._translator), self.tallies, read):
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
    # It has the methods of zlib's object, whose type stream-zip asks for.
    return _Compressor()


class _Compressor:
    """After about each MiB it writes a full flush (RFC 1951, 3.2.4: an empty stored block,
    and nothing behind it refers to what stands before), so that viewer.html can begin to read in many places."""

    def __init__(self) -> None:
        self._deflate, self._since = isal_zlib.compressobj(_FAST, wbits=-15), 0

    def compress(self, chunk: bytes) -> bytes:
        packed: bytes = self._deflate.compress(chunk)
        self._since += len(chunk)
        if self._since >= _STRETCH:
            self._since = 0
            packed += self._deflate.flush(isal_zlib.Z_FULL_FLUSH)
        return packed

    def flush(self) -> bytes:
        last: bytes = self._deflate.flush()
        return last
