"""META/manifest.json.sig: who compiled the archive. The manifest's hashes carry its word over to everything else."""

import base64
from binascii import Error as NotBase64

import msgspec

from app.kit.sign import ALGORITHM, Signer

SIGNATURE_BYTES = 64


class Signature(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`key` is the public key's id, as /v1/keys lists it; `signature` is base64url without padding."""

    algorithm: str
    key: str
    signature: str

    @property
    def raw(self) -> bytes | None:
        """64 bytes, or None where it is no signature of this kind."""
        try:
            raw = base64.b64decode(self.signature + "=" * (-len(self.signature) % 4), altchars=b"-_", validate=True)
        except (NotBase64, ValueError):
            return None
        # The last letter has bits that stand for nothing; another one there would be read as the same.
        is_exact = len(raw) == SIGNATURE_BYTES and _spelled(raw) == self.signature
        return raw if self.algorithm == ALGORITHM and is_exact else None


def write_signature(signer: Signer, manifest: bytes) -> bytes:
    """Over the manifest's bytes, as they stand in the ZIP."""
    text = _spelled(signer.sign(manifest))
    return msgspec.json.format(msgspec.json.encode(Signature(ALGORITHM, signer.public.id, text)), indent=2) + b"\n"


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
