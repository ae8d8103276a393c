"""GET …/audit/head: the newest signed head of a data center's trail, for whoever wants to keep it elsewhere."""

import base64
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.builders import BASE, EMAIL, running

HEAD = f"{BASE}/audit/head"


async def test_others_can_check_it_with_what_is_published(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        assert (await client.get(HEAD)).json()["type"] == "/problems/no-audit-head"
        # That there is none yet is no refusal.
        assert (await client.get(f"{BASE}/audit")).json()["items"] == []
        await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})
        await service.services.sealer()
        head = (await client.get(HEAD)).json()
        assert (list(head), head["size"]) == (["tree", "size", "root", "at", "key_id", "signature"], 1)
        (key,) = (await client.get("/v1/keys")).json()["keys"]
        assert key["id"] == head["key_id"]
        lines = ["dossier-audit-head/1", *(str(head[name]) for name in ("tree", "size", "root", "at", "key_id")), ""]
        public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["key"] + "="))
        public.verify(base64.urlsafe_b64decode(head["signature"] + "=="), "\n".join(lines).encode())
        whole, only = await client.get(HEAD), await client.head(HEAD)
        assert (only.status_code, only.content, only.headers["content-length"]) == (200, b"", str(len(whole.content)))


async def test_asking_signs_nothing_and_a_minute_later_there_is_another(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        heads = list[object]()
        for seconds in (0, 1, 60):
            service.clock.ahead += timedelta(seconds=seconds)
            await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})
            await service.services.sealer()
            heads.append((await client.get(HEAD)).json()["size"])
        assert heads == [1, 1, 3]


async def test_only_who_may_read_the_trail_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})
        await service.services.sealer()
        async with service.bare_client() as nobody, await service.client("otto", "auditor", "globex") as other:
            assert (await nobody.get(HEAD)).status_code == 401
            assert (await other.get(HEAD)).json()["type"] == "/problems/not-found"
        async with await service.client("paula", "auditor") as auditor:
            assert (await auditor.get(HEAD)).status_code == 200
