"""The identity provider's addresses and public keys: fetched at the first use, kept, and fetched anew when need be."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx
import jwt

from app.kit.errors import IssuerAway
from app.kit.logs import log, whereabouts

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SECONDS = 3.0
_MOST_BYTES = 256 * 1024
# An unknown key makes for one more fetch; whoever invents them makes for no more than that.
_AGAIN_SECONDS, _MOST_AGE_SECONDS = 10.0, 600.0
_WELL_KNOWN = "/.well-known/openid-configuration"
_ENDPOINTS = ("jwks_uri", "authorization_endpoint", "token_endpoint")


class Untrusted(Exception):
    """What the issuer says of itself cannot be relied on."""


class IssuerKeys:
    """One task fetches, however many wait for it; while the issuer is away, what is known goes on counting."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._endpoints: Mapping[str, str] = {}
        self._keys: dict[str, Mapping[str, Any]] = {}
        self._made: dict[tuple[str, str], jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str, *, anew: bool = False) -> jwt.PyJWK | None:
        """None where the issuer has no such key for this; one without a name is the only one (OpenID Connect Core,
        10.1). Raises IssuerAway where it never told its keys."""
        if anew or self._named(kid) is None:
            await self._refresh()
        elif _age(self._fetched_at) > _MOST_AGE_SECONDS:
            await self._refresh(wait=self._fetched_at >= self._tried_at)
        if not self._endpoints:
            raise IssuerAway
        found = self._named(kid)
        return self._key(found, algorithm) if found is not None else None

    def _named(self, kid: str | None) -> str | None:
        if kid is None:
            return next(iter(self._keys)) if len(self._keys) == 1 else None
        return kid if kid in self._keys else None

    async def endpoint(self, name: str) -> str:
        """Raises IssuerAway."""
        if name not in self._endpoints:
            await self._refresh()
        if name not in self._endpoints:
            raise IssuerAway
        return self._endpoints[name]

    async def close(self) -> None:
        if self._fetching:
            self._fetching.cancel()
            await asyncio.wait((self._fetching,), timeout=0.5)

    async def _refresh(self, *, wait: bool = True) -> None:
        if self._fetching is None:
            if _age(self._tried_at) < _AGAIN_SECONDS:
                return
            self._tried_at = time.monotonic()
            self._fetching = asyncio.create_task(self._fetch(), name="fetching the issuer's keys")
        if wait:
            # Not awaited itself: a client that goes away would cancel it for the others.
            await asyncio.wait((self._fetching,))

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(2 * SECONDS), client() as asking:
                told = await answer_of(asking, "GET", self._issuer.rstrip("/") + _WELL_KNOWN)
                endpoints = _endpoints(told, self._issuer)
                keys = _signing_keys(await answer_of(asking, "GET", endpoints["jwks_uri"]))
        except (OSError, TimeoutError, ValueError, RecursionError, httpx.HTTPError, Untrusted) as error:
            log.warning("the identity provider's keys could not be fetched: %s", whereabouts(error))
        else:
            self._endpoints, self._keys, self._made = endpoints, keys, {}
            self._fetched_at = time.monotonic()
        finally:
            self._fetching = None

    def _key(self, kid: str, algorithm: str) -> jwt.PyJWK | None:
        found = self._keys[kid]
        if found.get("alg", algorithm) != algorithm:
            return None
        if (kid, algorithm) not in self._made:
            with suppress(jwt.PyJWTError, ValueError, TypeError):
                self._made[kid, algorithm] = jwt.PyJWK(dict(found), algorithm)
        return self._made.get((kid, algorithm))


def client() -> httpx.AsyncClient:
    """Follows no redirect, and no proxy that the environment names."""
    return httpx.AsyncClient(verify=ssl.create_default_context(), trust_env=False, timeout=SECONDS)


async def answer_of(
    asking: httpx.AsyncClient,
    method: str,
    url: str,
    form: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> Mapping[str, Any]:
    """The object that answers. Raises Untrusted, ValueError, and what httpx does."""
    read = b""
    # What was packed could be any size.
    async with asking.stream(method, url, headers={"Accept-Encoding": "identity"}, data=form, auth=auth) as answer:
        if answer.is_server_error:
            answer.raise_for_status()
        if answer.status_code != httpx.codes.OK:
            raise Untrusted(f"it answered {answer.status_code}")
        async for some in answer.aiter_raw():
            read += some
            if len(read) > _MOST_BYTES:
                raise Untrusted("its answer is too long")
    told = httpx.Response(200, content=read).json()
    if not isinstance(told, dict):
        raise Untrusted("its answer is no object")
    return told


def is_safe(url: str) -> bool:
    """Over TLS, or on this machine."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return bool(parts.host) and (parts.scheme == "https" or (parts.scheme == "http" and parts.host in LOOPBACK))


def _endpoints(told: Mapping[str, Any], issuer: str) -> dict[str, str]:
    if told.get("issuer") != issuer:
        raise Untrusted("it calls itself otherwise")
    found = {name: told.get(name) for name in _ENDPOINTS}
    if not isinstance(found["jwks_uri"], str):
        raise Untrusted("it names no keys")
    named = {name: url for name, url in found.items() if isinstance(url, str)}
    if not all(is_safe(url) for url in named.values()):
        raise Untrusted("one of its addresses is not https")
    return named


def _signing_keys(told: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    listed = told.get("keys")
    if not isinstance(listed, list):
        raise Untrusted("its keys are no list")
    keys = [one for one in listed if isinstance(one, dict) and one.get("use", "sig") == "sig"]
    return {str(one.get("kid", "")): one for one in keys if one.get("kty") != "oct"}


def _age(moment: float) -> float:
    return time.monotonic() - moment
