"""Ed25519 signatures (RFC 8032) of what leaves this service, by a key that comes from its secret."""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "Ed25519"
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class PublicKey:
    """32 bytes. Its id is the start of their SHA-256, in hex: nobody has to tell it."""

    raw: bytes

    @property
    def id(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()[:_ID_DIGITS]

    @property
    def text(self) -> str:
        """In base64url without padding, as JSON Web Keys have it (RFC 8037)."""
        return base64.urlsafe_b64encode(self.raw).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "PublicKey":
        """Raises ValueError where it is none."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            Ed25519PublicKey.from_public_bytes(raw)
        except ValueError as error:
            raise ValueError("is no Ed25519 public key: 32 bytes, in base64url") from error
        return cls(raw)

    def holds(self, signature: bytes, content: bytes) -> bool:
        """Whether exactly this content was signed with the key that belongs to this one."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, content)
        except InvalidSignature:
            return False
        return True


class Signer:
    def __init__(self, seed: bytes) -> None:
        """The seed is the private key: 32 bytes."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, content: bytes) -> bytes:
        """64 bytes, the same for the same content."""
        return self._key.sign(content)
