"""How much memory a worker takes for one row of 30 MB, beside rows of ordinary size."""

import asyncio
import sys
import tempfile
from pathlib import Path

from bench.engine import candidate, peak_of
from tests.builders import BASE, finished
from tests.small import FIND, mapping, section, toml, write_mappings
from tests.stack import Stack, in_turn, standing

ROW_BYTES = 30_000_000
ROWS = f"""SELECT id, repeat(CASE id WHEN 1 THEN 'Grüße, ' ELSE 'x' END, CASE id WHEN 1 THEN {ROW_BYTES // 9} ELSE 300 END) AS text
FROM generate_series(1, 1000) AS id, (SELECT 'iPhone' AS device, 'Safari' AS browser) AS made
WHERE :visitor IS NOT NULL AND device IS NOT DISTINCT FROM :device AND browser IS NOT DISTINCT FROM :browser ORDER BY id"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
        folder = Path(name)
        find = {
            **FIND,
            "tracking_id": "SELECT 1 AS visitor WHERE 'cookie-1' = :tracking_id",
            "combinations": "SELECT 'iPhone' AS device, 'Safari' AS browser WHERE 1 = :visitor",
        }
        source = toml(
            mapping(section("wide", ROWS.replace(":visitor", "CAST(:visitor AS int)")), find=find, dsn="BENCH_URL")
        )
        environ = {"DOSSIER_DATA_CENTERS": str(write_mappings(folder, source)), "DOSSIER_MAX_EXPORTS": "1"}
        with standing(folder / "stack", environ, apis=0, workers=0) as stack:
            stack.environ["BENCH_URL"] = stack.postgres.url
            stack.add_api()
            stack.add_worker()
            stack.wait_until_ready()
            asyncio.run(measure(stack))
    return 0


async def measure(stack: Stack) -> None:
    async with in_turn(stack, stack.key("maria", "acme")) as client:
        for _ in range(3):
            with peak_of(stack) as peak:
                made = await client.post(f"{BASE}/exports", json={"candidate": await candidate(client, 1)})
                done = await finished(client, made.headers["location"], seconds=120)
            assert done["status"] == "ready", stack.said()[-3000:]
            print(f"one row of {ROW_BYTES / 1e6:.0f} MB among 1,000: peak {peak[0] / 1e6:.0f} MB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
