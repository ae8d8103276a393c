"""The authorization code flow with PKCE (OpenID Connect Core 3.1, RFC 7636): whither, and what comes back.

All three values that have to be random are made of the one secret that the browser keeps in a cookie meanwhile: whoever
sees one of them learns neither the others nor the secret, and the service has nothing to store.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import httpx

from app.access.oidc_keys import Untrusted, answer_of, client
from app.kit.errors import IssuerAway
from app.kit.logs import log, whereabouts


def sign_in_address(endpoint: str, client_id: str, secret: str, back: str) -> str:
    query = {
        "response_type": "code", "client_id": client_id, "redirect_uri": back, "scope": "openid",
        "state": _made("state", secret), "nonce": _made("nonce", secret),
        "code_challenge": _hashed(_made("verifier", secret)), "code_challenge_method": "S256",
    }  # fmt: skip
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def code_of(told: Mapping[str, str], secret: str, issuer: str) -> str | None:
    """None where this is no answer to what was begun with the secret, or one of another issuer (RFC 9207)."""
    is_ours = _same(told.get("state", ""), _made("state", secret)) and told.get("iss", issuer) == issuer
    return told.get("code") if is_ours else None


async def exchange(endpoint: str, credentials: tuple[str, str], code: str, secret: str, back: str) -> str | None:
    """The ID token; None where the code counts for nothing. Raises IssuerAway."""
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": back,
        "code_verifier": _made("verifier", secret),
    }  # fmt: skip
    # Both are encoded before they are joined (RFC 6749, 2.3.1).
    client_id, client_secret = (quote(one, safe="") for one in credentials)
    try:
        async with client() as asking:
            token = (await answer_of(asking, "POST", endpoint, form, (client_id, client_secret))).get("id_token")
    except Untrusted as error:
        log.warning("the identity provider gave no token for a sign-in: %s", error)
        return None
    except (OSError, ValueError, RecursionError, httpx.HTTPError) as error:
        log.warning("the identity provider did not answer a sign-in: %s", whereabouts(error))
        raise IssuerAway from error
    return token if isinstance(token, str) else None


def is_answer(claims: Mapping[str, object], client_id: str, secret: str) -> bool:
    """Whether a token that the issuer signed was made for this sign-in and this client (Core 3.1.3.7)."""
    nonce = claims.get("nonce")
    return isinstance(nonce, str) and _same(nonce, _made("nonce", secret)) and claims.get("azp", client_id) == client_id


def _made(what: str, secret: str) -> str:
    return _hashed(f"{what} {secret}")


def _hashed(text: str) -> str:
    """43 characters, as PKCE writes a SHA-256 (RFC 7636, 4.2)."""
    hashed = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return base64.urlsafe_b64encode(hashed).decode().rstrip("=")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())
