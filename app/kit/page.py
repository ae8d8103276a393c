"""Pages of a list: an opaque token that remembers where the last one ended and what it was asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import msgspec
from pydantic import Field

from app.kit.clock import Clock
from app.kit.errors import Invalid
from app.kit.seal import Keyring, SealBroken

Item = TypeVar("Item")
_PURPOSE = "page"
LONGEST_TOKEN = 1024
# How many items a page may have.
Size = Annotated[int, Field(ge=1, le=200, description="Items of a page, at most.")]


class PageTokenInvalid(Invalid):
    """The page token was not made by this service for this list and these filters. Begin again without
    `page_token`, and keep the filters the same from page to page."""

    slug = "page-token-invalid"
    title = "The page token does not belong here"
    is_refusal = True


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    items: Sequence[Item]
    next_token: str | None


class PageTokens:
    """Makes and reads tokens of a position (a list of texts), bound to a scope: the list and its filters."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock

    def make(self, scope: Sequence[str | None], position: Sequence[str]) -> str:
        return self._keyring.seal(_PURPOSE, msgspec.json.encode((scope, position)), self._clock())

    def read(self, scope: Sequence[str | None], token: str) -> list[str]:
        try:
            content = self._keyring.open(_PURPOSE, token, self._clock())
        except SealBroken as error:
            raise PageTokenInvalid from error
        made_for, position = msgspec.json.decode(content, type=tuple[list[str | None], list[str]])
        if made_for != list(scope):
            raise PageTokenInvalid
        return position

    def page(
        self, scope: Sequence[str | None], found: Sequence[Item], size: int, position: Callable[[Item], Sequence[str]]
    ) -> Page[Item]:
        """The first `size` of what was found; one more was asked for, to see whether there is a next page."""
        if len(found) <= size:
            return Page(found, None)
        return Page(found[:size], self.make(scope, position(found[size - 1])))
