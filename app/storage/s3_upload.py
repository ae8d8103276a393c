"""Uploads a stream of unknown length into a bucket, holding one part of it in memory.

S3 takes an object in parts and shows it only once the upload is completed. So an archive is there whole or not at all:
what fails or is stopped before its last byte is aborted, and what a killed process left is aborted by its key later.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO

import urllib3
from minio import Minio
from minio.datatypes import Part
from minio.error import MinioException, S3Error
from minio.sse import Sse

from app.storage.port import ArchiveMissing, StoreUnavailable

# S3 allows 10,000 parts of an object, so with parts of 8 MiB an archive may have 80 GB.
_PART_BYTES = 8 << 20
_TYPE = "application/zip"


@dataclass(frozen=True, slots=True)
class Upload:
    """One object on its way.

    The client's own upload of a stream copies every byte several times and holds three parts at once. The steps that it
    is made of need one part, so they are called one by one here, though the client does not offer them to others.
    """

    client: Minio
    bucket: str
    key: str
    sse: Sse | None

    def write(self, chunks: Iterable[bytes]) -> None:
        """All or nothing: what is raised on the way, by the chunks too, is raised here after the upload was aborted."""
        parts = _parts(chunks)
        first = next(parts)
        if len(first) < _PART_BYTES:
            self._send_whole(first)
            return
        upload = self._begin()
        try:
            sent = [self._send(upload, 1, first)]
            sent += [self._send(upload, number, part) for number, part in enumerate(parts, 2) if len(part)]
            with named_errors():
                self.client._complete_multipart_upload(self.bucket, self.key, upload, sent)  # noqa: SLF001
        except BaseException:
            # Also where the process is told to stop. If the store does not even answer this, the tick aborts it later.
            with suppress(MinioException, urllib3.exceptions.HTTPError, OSError):
                self.client._abort_multipart_upload(self.bucket, self.key, upload)  # noqa: SLF001
            raise

    def _send_whole(self, content: memoryview) -> None:
        with named_errors():
            self.client.put_object(self.bucket, self.key, BytesIO(content), len(content), _TYPE, sse=self.sse)

    def _begin(self) -> str:
        headers: dict[str, str | list[str] | tuple[str]] = {"Content-Type": _TYPE}
        headers.update(self.sse.headers() if self.sse else {})
        with named_errors():
            return self.client._create_multipart_upload(self.bucket, self.key, headers)  # noqa: SLF001

    def _send(self, upload: str, number: int, part: memoryview) -> Part:
        """One after the other: several at a time would each need a part in memory, and the one that fails would be
        noticed only when the others have been read."""
        with named_errors():
            etag = self.client._upload_part(self.bucket, self.key, part, None, upload, number)  # type: ignore[arg-type]  # noqa: SLF001  it needs a buffer
        return Part(number, etag)


@contextmanager
def named_errors() -> Iterator[None]:
    """The client's errors as ours. A ValueError is what it raises where nothing gives it credentials."""
    try:
        yield
    except S3Error as error:
        if error.code == "NoSuchKey":
            raise ArchiveMissing from error
        raise StoreUnavailable(f"The store refused: {error.code}.") from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise StoreUnavailable from error


def _parts(chunks: Iterable[bytes]) -> Iterator[memoryview]:
    """The chunks, cut and joined into parts of one size; the last may be shorter, or empty. All of them are the same
    piece of memory, so each must have been sent before the next is asked for."""
    part, filled = memoryview(bytearray(_PART_BYTES)), 0
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            taken = min(len(rest), _PART_BYTES - filled)
            part[filled : filled + taken] = rest[:taken]
            filled, rest = filled + taken, rest[taken:]
            if filled == _PART_BYTES:
                yield part
                filled = 0
    yield part[:filled]
