"""Opaque encrypted tokens with a purpose and an age, and keyed hashes, all from one secret."""

import base64
import hashlib
import hmac
import os
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.kit.sign import Signer

_KEY_ID_BYTES, _NONCE_BYTES, _TIME_BYTES = 4, 12, 8
# What the clocks of two machines may differ by: a token may be opened elsewhere than where it was sealed.
_MOST_AHEAD_MS = -10_000


class SealBroken(Exception):
    """The token was not made here, was changed, is for another purpose, is too old, or is from the future."""


class SealKeyUnknown(SealBroken):
    """The token was sealed under a secret that is no longer configured."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A keyed hash (64 lower-case hex digits) and the id of its key."""

    key_id: str
    digest: str


class Hashes:
    """Keyed hashes under one root for new things, and under others for old ones. Purposes have keys of their own."""

    def __init__(self, roots: Sequence[bytes]) -> None:
        self._roots = list(dict.fromkeys(roots))
        self._derived: dict[tuple[str, bytes], bytes] = {}

    def one(self, purpose: str, content: bytes) -> Fingerprint:
        return self._hashed(purpose, self._roots[0], content)

    def all(self, purpose: str, content: bytes) -> list[Fingerprint]:
        return [self._hashed(purpose, root, content) for root in self._roots]

    def root_of(self, key_id: str) -> bytes | None:
        """By the id that a fingerprint names."""
        return next((root for root in self._roots if _key_id(root).hex() == key_id), None)

    def _hashed(self, purpose: str, root: bytes, content: bytes) -> Fingerprint:
        key = self._derived.get((purpose, root))
        if key is None:
            key = self._derived[purpose, root] = _derived(purpose, root)
        return Fingerprint(_key_id(root).hex(), hmac.digest(key, content, "sha256").hex())


class Keyring:
    """Seals and opens. The first secret is used for new things, all of them for old ones.

    Purposes have keys of their own, derived by HKDF-SHA-256 (RFC 5869). A token is url-safe base64 of
    key id, nonce and AES-256-GCM over the time of sealing and the content.
    """

    def __init__(self, secret: str, previous: str | None = None) -> None:
        self._secrets = {_key_id(text.encode()): text.encode() for text in (secret, previous) if text}
        self._current = _key_id(secret.encode())
        # Purposes are few, and deriving a key anew would cost more than everything that is done with it.
        self._derived: dict[tuple[str, bytes], bytes] = {}
        self._ciphers: dict[tuple[str, bytes], AESGCM] = {}

    def seal(self, purpose: str, content: bytes, at: datetime) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        clear = int(at.timestamp() * 1000).to_bytes(_TIME_BYTES, "big") + content
        sealed = self._cipher(purpose, self._current).encrypt(nonce, clear, purpose.encode())
        return _text(self._current + nonce + sealed)

    def open(self, purpose: str, token: str, at: datetime, max_age: timedelta | None = None) -> bytes:
        """The content of a token; where its age counts, of none from the future. Raises SealBroken, or SealKeyUnknown
        if its key is not here."""
        key_id, nonce, sealed = _parts(token)
        if key_id not in self._secrets:
            raise SealKeyUnknown
        try:
            clear = self._cipher(purpose, key_id).decrypt(nonce, sealed, purpose.encode())
        except InvalidTag as error:
            raise SealBroken from error
        age = at.timestamp() * 1000 - int.from_bytes(clear[:_TIME_BYTES], "big")
        if max_age is not None and not _MOST_AHEAD_MS <= age <= max_age.total_seconds() * 1000:
            raise SealBroken
        return clear[_TIME_BYTES:]

    def roots(self) -> list[bytes]:
        """The secrets themselves, the one for new things first."""
        return [secret for _, secret in sorted(self._secrets.items(), key=lambda one: one[0] != self._current)]

    def is_current(self, token: str) -> bool:
        """Whether it was sealed under the secret that is used for new things."""
        return _parts(token)[0] == self._current

    def signers(self) -> list[Signer]:
        """The one of the secret that is used for new things first, then those that signed before it."""
        return [Signer(_derived("signature", root)) for root in self.roots()]

    def _cipher(self, purpose: str, key_id: bytes) -> AESGCM:
        kept = self._ciphers.get((purpose, key_id))
        if kept is None:
            kept = self._ciphers[purpose, key_id] = AESGCM(self._derive(purpose, key_id))
        return kept

    def _derive(self, purpose: str, key_id: bytes) -> bytes:
        kept = self._derived.get((purpose, key_id))
        if kept is None:
            kept = self._derived[purpose, key_id] = _derived(purpose, self._secrets[key_id])
        return kept


def _derived(purpose: str, root: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(root)


def _key_id(root: bytes) -> bytes:
    return hashlib.sha256(b"dossier key id" + root).digest()[:_KEY_ID_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _parts(token: str) -> tuple[bytes, bytes, bytes]:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (Base64Error, ValueError) as error:
        raise SealBroken from error
    start = _KEY_ID_BYTES + _NONCE_BYTES
    # Base64 ignores the last character's spare bits: only the one true spelling is the token.
    if len(raw) < start + _TIME_BYTES or _text(raw) != token:
        raise SealBroken
    return raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:start], raw[start:]
