"""Keyed hashes of visitors and identifiers: the same for the same, and nobody can turn one back."""

from collections.abc import Awaitable, Callable

import msgspec

from app.kit.seal import Fingerprint, Hashes
from app.sources.candidate import Choice, packed, tagged
from app.sources.identifier import Identifier
from app.sources.port import Value


class Handles:
    def __init__(self, hashes: Hashes) -> None:
        self._hashes = hashes

    def handle(self, data_center: str, source: str, visitor: Value) -> Fingerprint:
        """The same for the same visitor everywhere."""
        return self._hashes.one("handle", _visitor(data_center, source, visitor))

    def all(self, data_center: str, source: str, visitor: Value) -> tuple[str, ...]:
        """All that its handle may have been stored as, the newest key's first."""
        return tuple(one.digest for one in self._hashes.all("handle", _visitor(data_center, source, visitor)))

    def subject(self, data_center: str, source: str, choice: Choice) -> Fingerprint:
        """The same for the same visitor on the same combination."""
        return self._hashes.one("subject", _chosen(data_center, source, choice))

    def subjects(self, data_center: str, source: str, choice: Choice) -> tuple[str, ...]:
        """All that it may have been stored as, the newest key's first."""
        return tuple(one.digest for one in self._hashes.all("subject", _chosen(data_center, source, choice)))

    def identifier(self, data_center: str, identifier: Identifier) -> Fingerprint:
        return self._hashes.one("identifier", _identified(data_center, identifier))

    def identifier_hashes(self, data_center: str, identifier: Identifier) -> tuple[str, ...]:
        """All that it may have been stored as."""
        return tuple(one.digest for one in self._hashes.all("identifier", _identified(data_center, identifier)))


class GetHandles:
    """Asked at each use, because the key comes from the database."""

    def __init__(self, hashes: Callable[[], Awaitable[Hashes]]) -> None:
        self._hashes = hashes

    async def __call__(self) -> Handles:
        return Handles(await self._hashes())


def _visitor(data_center: str, source: str, visitor: Value) -> bytes:
    return msgspec.json.encode((data_center, source, tagged(visitor)))


def _chosen(data_center: str, source: str, choice: Choice) -> bytes:
    return msgspec.json.encode((data_center, source, packed(choice)))


def _identified(data_center: str, identifier: Identifier) -> bytes:
    return msgspec.json.encode((data_center, identifier.kind, identifier.text))
