"""Whose word an archive's manifest or a receipt is: its signature, against public keys that come from elsewhere."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.archive.signature import Signature
from app.kit.errors import Misconfigured
from app.kit.sign import PublicKey

RIGHT, UNSIGNED, UNKNOWN_KEY = "right", "unsigned", "signed by a key that you did not give"
_MALFORMED, _WRONG = "no signature of this form", "not of this manifest: one of them was changed"
_KEY_ID = re.compile(r"[0-9a-f]{16}")


class _Listed(msgspec.Struct):
    key: str


class _Keys(msgspec.Struct):
    keys: list[_Listed]


def signature_of(text: bytes | None, manifest: bytes, known: Mapping[str, PublicKey]) -> tuple[str, str]:
    """In words what it is, and the id of the key that it names, if it is one."""
    if text is None:
        return UNSIGNED, ""
    try:
        signature = msgspec.json.decode(text, type=Signature)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _MALFORMED, ""
    return word_of(signature, manifest, known, _WRONG)


def word_of(signature: Signature, content: bytes, known: Mapping[str, PublicKey], wrong: str) -> tuple[str, str]:
    """The same of a signature that was read; `wrong` is said where it does not belong to the content."""
    if signature.raw is None:
        return _MALFORMED, ""
    key = known.get(signature.key)
    if key is None:
        return UNKNOWN_KEY, signature.key
    return RIGHT if key.holds(signature.raw, content) else wrong, key.id


def named(key: str) -> str:
    """The key's id as it is said behind the word; what is none is not printed."""
    return f" ({key})" if _KEY_ID.fullmatch(key) else ""


def may_be(found: str) -> bool:
    """Whether it says nothing against the archive where nobody gave a key to compare it with."""
    return found in (UNSIGNED, UNKNOWN_KEY)


def read_keys(path: Path) -> dict[str, PublicKey]:
    """By their ids; the file is what GET /v1/keys answered, or has a key on each line. Raises Misconfigured."""
    try:
        text = path.read_bytes()
        listed = [one.key for one in _listed(text)] if text.lstrip().startswith(b"{") else text.decode().split()
        keys = [PublicKey.read(one) for one in listed]
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Misconfigured(
            f"{path} holds no public keys; save there what GET /v1/keys answers, or write a key on each line."
        ) from error
    return {key.id: key for key in keys}


def _listed(text: bytes) -> list[_Listed]:
    return msgspec.json.decode(text, type=_Keys).keys
