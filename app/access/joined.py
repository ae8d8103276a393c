"""Keys and identity providers as one access: which of them is asked, the form of what is presented tells."""

from collections.abc import Mapping
from typing import Protocol

from app.access.grants import PREFIX, Grants
from app.access.port import Access, Administrator


class Tokens(Protocol):
    """An identity provider: whoever signs in there has a token, and its tokens are checked here."""

    async def authenticate(self, token: str) -> Administrator | None:
        """Whose token this is, or None. Raises IssuerAway."""

    async def begin(self, secret: str, back: str) -> str:
        """Where a browser signs in that keeps the secret; it is led back there. Raises IssuerAway."""

    async def finish(self, secret: str, back: str, told: Mapping[str, str]) -> Administrator | None:
        """Who signed in, by what it was led back with; None where that is no proof. Raises IssuerAway."""

    async def close(self) -> None: ...


class JoinedAccess:
    """Implements Access. A worker has no `tokens`: what was granted is all that it asks for."""

    def __init__(self, keys: Access, grants: Grants, tokens: Tokens | None) -> None:
        self._keys, self._grants, self._tokens = keys, grants, tokens

    async def authenticate(self, token: str) -> Administrator | None:
        if self._tokens and token.count(".") == 2:  # noqa: PLR2004  the form of a JWT (RFC 7515, 3.1)
            return await self._tokens.authenticate(token)
        return await self._keys.authenticate(token)

    async def owner(self, key_id: str) -> Administrator | None:
        return await (self._grants if key_id.startswith(PREFIX) else self._keys).owner(key_id)

    def existed(self, key_id: str) -> bool:
        return self._keys.existed(key_id)

    async def known(self, name: str) -> Administrator | None:
        return await (self._grants if name.startswith(PREFIX) else self._keys).known(name)
