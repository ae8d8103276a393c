"""Tokens of an identity provider: a JWT that it signed for this service becomes an administrator."""

import base64
import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from app.access.grants import PREFIX, Grant, Grants
from app.access.oidc_keys import IssuerKeys
from app.access.oidc_sign_in import code_of, exchange, is_answer, sign_in_address
from app.access.port import PERMISSIONS, ROLES, Administrator, Permission
from app.kit.clock import Clock

# Never `none`, and never one whose key is a secret that both sides have.
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
LEEWAY_SECONDS = 30
_MOST_TOKEN, _MOST_SUBJECT = 16_000, 50
_HASHED = 11
_WRONG = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError, OSError)


@dataclass(frozen=True, slots=True)
class Provider:
    """What is agreed with it: `audience` for bearer tokens, the client's id and secret for the console's sign-in."""

    issuer: str
    audience: str
    client_id: str
    client_secret: str
    claim: str


class Oidc:
    """Implements Tokens."""

    def __init__(self, provider: Provider, grants: Grants, data_centers: Collection[str], clock: Clock) -> None:
        self.provider, self.keys = provider, IssuerKeys(provider.issuer)
        self._grants, self._data_centers, self._clock = grants, data_centers, clock

    async def authenticate(self, token: str) -> Administrator | None:
        """What it grants is kept before anything is done with it."""
        claims = await self.verified(token, self.provider.audience)
        return await self.admit(claims) if claims else None

    async def begin(self, secret: str, back: str) -> str:
        endpoint = await self.keys.endpoint("authorization_endpoint")
        return sign_in_address(endpoint, self.provider.client_id, secret, back)

    async def finish(self, secret: str, back: str, told: Mapping[str, str]) -> Administrator | None:
        given = self.provider
        code = code_of(told, secret, given.issuer)
        if code is None:
            return None
        endpoint = await self.keys.endpoint("token_endpoint")
        token = await exchange(endpoint, (given.client_id, given.client_secret), code, secret, back)
        claims = await self.verified(token, given.client_id) if token else None
        return await self.admit(claims) if claims and is_answer(claims, given.client_id, secret) else None

    async def admit(self, claims: Mapping[str, Any]) -> Administrator | None:
        try:
            grant = self._grant(claims)
        except _WRONG:
            return None
        await self._grants.keep(grant)
        return grant.administrator

    async def verified(self, token: str, audience: str) -> Mapping[str, Any] | None:
        """The claims of a token that this issuer signed for this audience and this time. Raises IssuerAway."""
        try:
            kid, algorithm = _named(token)
        except _WRONG:
            return None
        if algorithm not in ALGORITHMS:
            return None
        claims = self._checked(token, await self.keys.find(kid, algorithm), audience)
        if claims is None and kid is None:
            # Only its signature tells that the key is another one by now.
            claims = self._checked(token, await self.keys.find(kid, algorithm, anew=True), audience)
        return claims

    def _checked(self, token: str, key: jwt.PyJWK | None, audience: str) -> Mapping[str, Any] | None:
        if key is None:
            return None
        try:
            claims = jwt.decode(
                token, key, algorithms=[key.algorithm_name], audience=audience, issuer=self.provider.issuer,
                leeway=LEEWAY_SECONDS, options={"require": ["exp", "iss", "aud", "sub"]},
            )  # fmt: skip
            counts = claims["exp"] > self._clock().timestamp() and _is_name(claims["sub"])
        except _WRONG:
            return None
        return claims if counts else None

    async def close(self) -> None:
        await self.keys.close()

    def _grant(self, claims: Mapping[str, Any]) -> Grant:
        subject, now = claims["sub"], self._clock()
        given = dict(_permissions(_claimed(claims, self.provider.claim), self._data_centers))
        administrator = Administrator(PREFIX + subject, _key_id(self.provider.issuer, subject), given)
        return Grant(administrator, _moment(claims.get("iat", now.timestamp())), _moment(claims["exp"]))


def _named(token: str) -> tuple[str | None, str]:
    """By which key and algorithm the token says that it was signed. Raises ValueError, and what PyJWT does."""
    if len(token) > _MOST_TOKEN:
        raise ValueError
    header = jwt.get_unverified_header(token)
    kid, algorithm = header.get("kid"), header["alg"]
    if not (isinstance(kid, str | None) and isinstance(algorithm, str)):
        raise TypeError
    return kid, algorithm


def _is_name(subject: object) -> bool:
    fits = isinstance(subject, str) and 0 < len(subject) <= _MOST_SUBJECT
    return fits and str(subject).isprintable() and str(subject) == str(subject).strip()


def _claimed(claims: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The claim of that name; else the one that its dots lead to."""
    found: Any = claims
    for part in [path] if path in claims else path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _permissions(
    claimed: Mapping[str, Any], data_centers: Collection[str]
) -> Iterator[tuple[str, tuple[Permission, ...]]]:
    """What is unknown here grants nothing, and is somebody else's."""
    for center, words in claimed.items():
        if center not in data_centers or not isinstance(words, list):
            continue
        said = {one for one in words if isinstance(one, str)}
        may = said.union(*(permissions for role, permissions in ROLES.items() if role in said))
        if held := tuple(one for one in PERMISSIONS if one in may):
            yield center, held


def _key_id(issuer: str, subject: str) -> str:
    """As long as a column of key ids is wide; nobody can be given a subject that meets another's."""
    hashed = hashlib.sha256(f"{issuer}\n{subject}".encode("utf-8", "surrogatepass")).digest()
    return PREFIX + base64.urlsafe_b64encode(hashed).decode()[:_HASHED]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
