"""Archives in a directory: written under another name, renamed when complete."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from app.kit.disk import takes_more
from app.kit.threads import Threads
from app.storage.port import ArchiveMissing, StoreUnavailable
from app.storage.stream import Stoppable

_CHUNK = 1 << 17


class LocalStore:
    """Implements ArchiveStore. The directory must exist: one that vanished is an outage, not a new beginning."""

    def __init__(self, folder: Path, threads: Threads) -> None:
        self._folder, self._threads = folder, threads

    async def put(self, key: str, chunks: Iterator[bytes], stop: Callable[[], None] | None = None) -> int:
        stream = Stoppable(chunks, stop)
        return await self._threads.run(lambda: self._write(key, stream), "writing an archive", stream.stop)

    async def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes]:
        with _named_errors():
            file = await asyncio.to_thread((self._folder / key).open, "rb")
        with file:
            while start < end:
                size = min(_CHUNK, end - start)
                with _named_errors():
                    chunk = _at_hand(file, start, size) or await asyncio.to_thread(_read, file, start, size)
                if not chunk:
                    raise ArchiveMissing
                start += len(chunk)
                yield chunk

    async def presigned(self, key: str, filename: str, seconds: int) -> None:  # noqa: ARG002  a directory has no address
        return None

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._remove, key)

    async def prepare(self) -> None:
        """The directory was made before the store was; see above."""

    async def check(self) -> None:
        if not await asyncio.to_thread(takes_more, self._folder):
            raise StoreUnavailable

    async def close(self) -> None:
        """Nothing is open between two calls."""

    def _write(self, key: str, chunks: Stoppable) -> int:
        path = self._folder / key
        part = _part(path)
        with _named_errors():
            path.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            with _named_errors(), open(part, "xb", opener=_private) as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            with _named_errors():
                part.rename(path)
                _sync(path.parent)
                return path.stat().st_size
        finally:
            part.unlink(missing_ok=True)

    def _remove(self, key: str) -> None:
        path = self._folder / key
        with _named_errors():
            if not self._folder.is_dir():
                raise StoreUnavailable
            path.unlink(missing_ok=True)
            _part(path).unlink(missing_ok=True)


def _at_hand(file: BinaryIO, start: int, size: int) -> bytes | None:
    """What the system has in memory. Reading that takes less than handing the work to a thread."""
    data = bytearray(size)
    try:
        count = os.preadv(file.fileno(), [data], start, os.RWF_NOWAIT)
    except (OSError, AttributeError):
        # It would have to wait, or knows no such reading.
        return None
    return bytes(data if count == size else data[:count])


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ArchiveMissing from error
    except OSError as error:
        raise StoreUnavailable from error
