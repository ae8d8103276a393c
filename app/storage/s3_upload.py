"""Uploads a stream of unknown length into a bucket, holding one part of it in memory."""

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

# Times 10,000 parts, the most that S3 allows: archives of up to 80 GB.
_PART = 8 << 20
_TYPE = "application/zip"


@dataclass(frozen=True, slots=True)
class Upload:
    """One object on its way. The client's own upload joins and cuts its parts again and again, and holds three of them;
    so its steps are taken one by one here, though it keeps them to itself."""

    client: Minio
    bucket: str
    key: str
    sse: Sse | None

    def write(self, chunks: Iterable[bytes]) -> None:
        """All or nothing: whatever is raised, by the chunks too, comes out once the upload is taken back."""
        parts = _parts(chunks)
        first = next(parts)
        if len(first) < _PART:
            self._write_whole(first)
            return
        upload = self._begun()
        try:
            sent = [self._sent(upload, 1, first)]
            sent += [self._sent(upload, number, part) for number, part in enumerate(parts, 2) if len(part)]
            with named_errors():
                self.client._complete_multipart_upload(self.bucket, self.key, upload, sent)  # noqa: SLF001
        except BaseException:
            with suppress(MinioException, urllib3.exceptions.HTTPError, OSError):
                self.client._abort_multipart_upload(self.bucket, self.key, upload)  # noqa: SLF001
            raise

    def _write_whole(self, content: memoryview) -> None:
        with named_errors():
            self.client.put_object(self.bucket, self.key, BytesIO(content), len(content), _TYPE, sse=self.sse)

    def _begun(self) -> str:
        headers: dict[str, str | list[str] | tuple[str]] = {"Content-Type": _TYPE}
        headers.update(self.sse.headers() if self.sse else {})
        with named_errors():
            return self.client._create_multipart_upload(self.bucket, self.key, headers)  # noqa: SLF001

    def _sent(self, upload: str, number: int, part: memoryview) -> Part:
        """One at a time: in parallel a part's failure would surface only at the end."""
        with named_errors():
            etag = self.client._upload_part(self.bucket, self.key, part, None, upload, number)  # type: ignore[arg-type]  # noqa: SLF001  it needs a buffer
        return Part(number, etag)


@contextmanager
def named_errors() -> Iterator[None]:
    """ValueError is what the client raises where no provider has credentials."""
    try:
        yield
    except S3Error as error:
        if error.code == "NoSuchKey":
            raise ArchiveMissing from error
        raise StoreUnavailable(f"The store refused: {error.code}.") from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise StoreUnavailable from error


def _parts(chunks: Iterable[bytes]) -> Iterator[memoryview]:
    """Parts of one size but the last, which may be empty; each is overwritten by the next."""
    part, filled = memoryview(bytearray(_PART)), 0
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            taken = min(len(rest), _PART - filled)
            part[filled : filled + taken] = rest[:taken]
            filled, rest = filled + taken, rest[taken:]
            if filled == _PART:
                yield part
                filled = 0
    yield part[:filled]
