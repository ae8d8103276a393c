"""How many unfinished exports one administrator may have: counted in the own database, to the one."""

import asyncio
from pathlib import Path

import httpx

from tests.api.test_limits import is_exceeded
from tests.builders import BASE, candidate, running
from tests.small import Small

OWN = {"unfinished_exports": 2}
DEVICES = ("iPhone", "iPad", None)


async def test_of_three_at_the_same_instant_two_find_room_and_one_that_ends_makes_some(
    small: Small, tmp_path: Path
) -> None:
    url = None if small.engine == "sqlite" else small.url
    async with (
        running(tmp_path, work=False, database_url=url, settings=OWN) as service,
        await service.client() as client,
        await service.client("otto") as other,
    ):
        wishes = [{"candidate": await candidate(client, device)} for device in DEVICES]
        answers = await asyncio.gather(*(client.post(f"{BASE}/exports", json=wish) for wish in wishes))
        assert sorted(one.status_code for one in answers) == [202, 202, 429]
        (refused,) = [number for number, one in enumerate(answers) if one.status_code == httpx.codes.TOO_MANY_REQUESTS]
        assert is_exceeded(answers[refused], "More than 2 exports that are not finished.")
        assert answers[refused].headers["retry-after"] == "10"
        again = wishes[1 if refused == 0 else 0]
        assert (await client.post(f"{BASE}/exports", json=again)).status_code == 202
        # What was refused is not there, and somebody else is counted alone.
        device = DEVICES[refused]
        theirs = await other.post(f"{BASE}/exports", json={"candidate": await candidate(other, device)})
        assert theirs.status_code == 202
        for one in (theirs, next(one for one in answers if one.is_success)):
            assert (await other.delete(one.headers["location"])).status_code == 202
        assert (await client.post(f"{BASE}/exports", json=wishes[refused])).status_code == 202
