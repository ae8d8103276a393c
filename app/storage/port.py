"""What the rest of the house knows of the archive store: all of an archive lies there, or nothing."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Protocol

from app.kit.errors import Unavailable

_PREPARE_SECONDS, _DELETE_SECONDS = 5.0, 5.0


class StoreUnavailable(Unavailable):
    """The place where archives lie does not answer, is full, or is gone. Exports are tried again several times
    before they fail; nothing half-written stays behind."""

    slug = "storage-unavailable"
    title = "The archive store does not answer"


class ArchiveMissing(StoreUnavailable):
    """The archive of an export that should be there is not in the store."""


class ArchiveStore(Protocol):
    """Keys are made by the service: a data center's id, a slash, random characters. Raises StoreUnavailable."""

    async def put(self, key: str, chunks: Iterator[bytes], stop: Callable[[], None] | None = None) -> int:
        """Stores the stream under the key, all or nothing, and returns its size as the store confirms it.

        The iterator is consumed in a thread; what it raises comes out of `put`, and nothing is stored then. Cancelled,
        `put` calls `stop`, which makes an iterator that waits raise, and leaves soon even where the store hangs.
        """

    def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """The bytes from `start` up to, not including, `end`. Raises ArchiveMissing before the first of them."""

    async def presigned(self, key: str, filename: str, seconds: int) -> str | None:
        """A URL that hands the archive under that file name to whoever has it, for so many seconds; None where the
        store is not for browsers, and the bytes go through the service."""

    async def delete(self, key: str) -> None:
        """Removes the archive and whatever a killed attempt left of it; fine where there is nothing."""

    async def prepare(self) -> None:
        """Makes what archives lie in where there is none. Once that is done it does nothing more: a place that vanished
        is an outage, not a new beginning."""

    async def check(self) -> None:
        """Returns if the store could take an archive now. Only looks, and makes nothing."""

    async def close(self) -> None: ...


async def prepare_soon(store: ArchiveStore) -> None:
    """Prepares, or raises StoreUnavailable within seconds: a store that says nothing keeps nobody from starting."""
    try:
        async with asyncio.timeout(_PREPARE_SECONDS):
            await store.prepare()
    except TimeoutError as error:
        raise StoreUnavailable("The store does not answer.") from error


async def delete_soon(store: ArchiveStore, key: str) -> None:
    """Deletes, or raises StoreUnavailable within seconds where the store says nothing: somebody tries again later."""
    try:
        async with asyncio.timeout(_DELETE_SECONDS):
            await store.delete(key)
    except TimeoutError as error:
        raise StoreUnavailable("The store does not answer.") from error
