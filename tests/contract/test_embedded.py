"""What is true of the own database in a file alone: others' locks, whose files they are, and disks that are full."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.builders import BASE, candidate, request_export, running

# More requests than the pool has connections.
WRITERS = 20


async def test_who_only_reads_does_not_wait_for_a_lock_that_somebody_else_holds(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address, token = await request_export(client), await candidate(client)
        with closing(sqlite3.connect(tmp_path / "var" / "dossier.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = [
                asyncio.create_task(client.post(f"{BASE}/exports", json={"candidate": token})) for _ in range(WRITERS)
            ]
            # The key that was read before counts for a second.
            await asyncio.sleep(1.5)
            begun = time.monotonic()
            for path in ("/v1/me", f"{BASE}/data-sources", address, f"{BASE}/history", "/health/ready"):
                assert (await client.get(path)).status_code == 200
                assert time.monotonic() - begun < 1, path
            answers = await asyncio.gather(*writing)
            assert time.monotonic() - begun < 12
        refused = {(one.status_code, one.json()["type"]) for one in answers}
        assert refused == {(503, "/problems/database-unavailable")}
        assert (await client.post(f"{BASE}/exports", json={"candidate": token})).status_code == 202
