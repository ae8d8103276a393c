"""The public keys of signatures stay known after their secret is gone."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.kit.seal import Keyring
from app.kit.sign import PublicKey
from tests.builders import running

OLD, NEW = "the first secret of the tests, long enough", "the second secret of the tests, long enough"


async def listed(folder: Path, **settings: Any) -> list[dict[str, Any]]:
    async with running(folder, work=False, settings=settings) as service, service.bare_client() as anybody:
        answer = await anybody.get("/v1/keys")
        assert answer.status_code == 200
        keys: list[dict[str, Any]] = answer.json()["keys"]
        return keys


async def test_former_keys_stay_listed_after_the_one_that_signs_now(tmp_path: Path) -> None:
    (old,) = await listed(tmp_path, secret_key=OLD)
    assert (old["algorithm"], set(old)) == ("Ed25519", {"id", "algorithm", "key", "first_used_at"})
    rotated = await listed(tmp_path, secret_key=NEW, secret_key_previous=OLD)
    assert [one["id"] for one in rotated][1:] == [old["id"]]
    assert await listed(tmp_path, secret_key=NEW) == rotated
    assert [one["id"] for one in await listed(tmp_path, secret_key=OLD)] == [old["id"], rotated[0]["id"]]


async def test_others_can_check_a_signature_with_what_is_listed(tmp_path: Path) -> None:
    (key,) = await listed(tmp_path, secret_key=OLD)
    raw = base64.urlsafe_b64decode(key["key"] + "=")
    assert key["id"] == hashlib.sha256(raw).hexdigest()[:16]
    signature = Keyring(OLD).signers()[0].sign(b"content")
    Ed25519PublicKey.from_public_bytes(raw).verify(signature, b"content")
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, b"another")
    assert PublicKey.read(key["key"]).holds(signature, b"content")
    assert not PublicKey.read(key["key"]).holds(signature, b"another")


@pytest.mark.parametrize("text", ["", "AAAA", "ä", "A" * 44])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        PublicKey.read(text)
