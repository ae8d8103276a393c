"""A server falls silent: its connections stay open and answer nothing. It hangs nobody, and nothing of it stays."""

import asyncio
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.builders import EMAIL, health
from tests.proxy import Proxy
from tests.silence import (
    SEARCH_TIMEOUT,
    Site,
    answered,
    installed,
    once,
    request,
    search,
    tokens,
    within,
)

SLOT_SECONDS = 2
STOP_SECONDS = 5
HEALED_SECONDS = 5
NOTICED_SECONDS = 25


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with installed(tmp_path_factory.mktemp("silence")) as site:
        yield site


@pytest.fixture
def site(installation: Site) -> Iterator[Site]:
    yield installation
    installation.mend()


def before_the_first_row(site: Site) -> None:
    site.source.silence_when(lambda words: b"row_to_json" in words)


def at_60_per_cent(site: Site) -> None:
    site.source.silence_after(site.export_bytes * 6 // 10)


def when_the_transaction_ends(site: Site) -> None:
    nearly = site.source.from_server + site.export_bytes * 9 // 10
    # Or the farewell of PostgreSQL's protocol.
    ends = (b"COMMIT", b"ROLLBACK", b"DISCARD", b"X\0\0\0\4")
    site.source.silence_when(lambda words: site.source.from_server > nearly and any(one in words for one in ends))


def while_it_is_asked(site: Site) -> None:
    site.source.silence_when(lambda words: EMAIL.encode() in words)


def while_its_connections_idle(site: Site) -> None:
    site.source.silence()


async def is_silent(proxy: Proxy) -> None:
    assert await asyncio.to_thread(proxy.fell_silent, 20), "the moment of the silence never came"


async def names_the_silent_source(client: httpx.AsyncClient) -> None:
    async with within(SEARCH_TIMEOUT + 0.5, "a search beside a silent source"):
        found = await search(client)
    assert (found["website"]["status"], found["website"]["problem"]) == ("unavailable", "source-unavailable")
    assert found["shop"]["status"] == "answered"
    assert found["shop"]["visitors"]


async def finds_the_source(client: httpx.AsyncClient) -> bool:
    return bool((await search(client))["website"]["status"] == "answered")


async def cancelled(client: httpx.AsyncClient, *addresses: str) -> None:
    """Or ready, where all had been read before the silence: then it is revoked."""
    for address in addresses:
        answer = await client.delete(address)
        assert answer.status_code in (202, 204), answer.text
        assert answer.status_code == 204 or answer.json()["status"] == "cancelled"


async def both_slots_are_free(client: httpx.AsyncClient, others: dict[str, str]) -> None:
    """Two exports of globex are at work at the same moment."""
    begun = time.monotonic()
    slow = [await request(client, others[name], "globex") for name in ("slow 1", "slow 2")]
    while {(await client.get(one)).json()["status"] for one in slow} != {"compiling"}:
        assert time.monotonic() - begun < SLOT_SECONDS, f"the worker's slots are not free within {SLOT_SECONDS} s"
        await asyncio.sleep(0.05)
    await cancelled(client, *slow)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(before_the_first_row, marks=pytest.mark.everywhere),
        at_60_per_cent,
        pytest.param(when_the_transaction_ends, marks=pytest.mark.everywhere),
    ],
)
async def test_a_hung_export_holds_nobody_up_and_a_cancel_frees_its_slot(
    site: Site, moment: Callable[[Site], None]
) -> None:
    async with site.client() as client:
        found, others = await tokens(client), await tokens(client, "globex")
        moment(site)
        hung = [await request(client, found["iPhone"])]
        await is_silent(site.source)
        hung.append(await request(client, found["iPad"]))
        # Time to take the second slot as well, where nothing forbids it.
        await asyncio.sleep(0.5)
        healthy = await request(client, others["iPad"], "globex")
        await names_the_silent_source(client)
        await once(client, healthy, "ready", seconds=10)
        await cancelled(client, *hung)
        await both_slots_are_free(client, others)
        site.source.heal(hang_up=False)
        await answered(lambda: finds_the_source(client), HEALED_SECONDS, "a search after the silence")
        again = await request(client, (await tokens(client))["Mac"])
        await once(client, again, "ready", seconds=15)
    await site.nothing_stays()


@pytest.mark.parametrize("hang_up", [pytest.param(True, marks=pytest.mark.everywhere), False])
@pytest.mark.parametrize("moment", [while_it_is_asked, while_its_connections_idle])
async def test_searches_name_a_silent_source_in_time_and_find_it_again(
    site: Site, moment: Callable[[Site], None], *, hang_up: bool
) -> None:
    async with site.client() as client:
        assert await finds_the_source(client)
        moment(site)
        await asyncio.gather(*(names_the_silent_source(client) for _ in range(4)))
        await names_the_silent_source(client)
        assert site.source.is_silent
        site.source.heal(hang_up=hang_up)
        await answered(lambda: finds_the_source(client), HEALED_SECONDS, "a search after the silence")
    await site.nothing_stays()


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(at_60_per_cent, marks=pytest.mark.everywhere),
        pytest.param(before_the_first_row, marks=pytest.mark.heavy),
        pytest.param(when_the_transaction_ends, marks=pytest.mark.heavy),
    ],
)
async def test_a_worker_notices_by_itself_that_a_source_answers_nobody(
    site: Site, moment: Callable[[Site], None]
) -> None:
    async with site.client() as client:
        found, said = await tokens(client), len(site.worker.log.read_text())
        moment(site)
        hung = await request(client, found["iPhone"])
        await is_silent(site.source)
        # Ready only where all had been read before the silence.
        ends = ("queued", "failed") if moment is not when_the_transaction_ends else ("queued", "failed", "ready")
        noticed = await once(client, hung, *ends, seconds=NOTICED_SECONDS)
        assert noticed["problem"] in (None, "source-unavailable")
        assert noticed["status"] == "ready" or "source-unavailable" in site.worker.log.read_text()[said:]
        site.source.heal(hang_up=False)
        await once(client, hung, "ready", seconds=30)
        await answered(lambda: finds_the_source(client), HEALED_SECONDS, "a search after the silence")
    await site.nothing_stays()


async def test_both_processes_stop_when_told_while_an_export_hangs(site: Site) -> None:
    async with site.client() as client:
        found = await tokens(client)
        at_60_per_cent(site)
        hung = await request(client, found["iPhone"])
        await is_silent(site.source)
        await names_the_silent_source(client)
        await site.stop(site.api, site.worker, seconds=STOP_SECONDS)
        site.source.heal(hang_up=False)
        site.api.start()
        site.worker.start()
        site.stack.wait_until_ready()
        await once(client, hung, "ready", seconds=20)
    await site.nothing_stays()


async def test_while_the_own_database_is_silent_requests_say_so_and_exports_outlive_it(site: Site) -> None:
    async with site.client() as client:
        address = await request(client, (await tokens(client, "globex"))["slow 1"], "globex")
        await once(client, address, "compiling", seconds=5)
        site.database.silence()
        await asyncio.gather(*(says_that_its_database_is_away(client) for _ in range(5)), is_not_ready(client))
        site.database.heal(hang_up=False)
        await answered(lambda: lists_its_history(client), HEALED_SECONDS, "a request after the silence")
        async with within(HEALED_SECONDS, "requests on all connections of the pool"):
            assert all(await asyncio.gather(*(lists_its_history(client) for _ in range(20))))
        await once(client, address, "ready", seconds=45)
    await site.nothing_stays()


async def says_that_its_database_is_away(client: httpx.AsyncClient) -> None:
    async with within(12, "a request while the own database is silent"):
        answer = await client.get("/v1/data-centers/acme/history")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/database-unavailable")


async def is_not_ready(client: httpx.AsyncClient) -> None:
    async with within(5, "the health while the own database is silent"):
        await client.get("/health/ready")
    assert (await health(client, database="unreachable")).status_code == 503


async def lists_its_history(client: httpx.AsyncClient) -> bool:
    return (await client.get("/v1/data-centers/acme/history")).status_code == 200


async def test_both_processes_stop_when_told_while_the_own_database_is_silent(site: Site) -> None:
    async with site.client() as client:
        address = await request(client, (await tokens(client, "globex"))["slow 1"], "globex")
        await once(client, address, "compiling", seconds=5)
        site.database.silence()
        await site.stop(site.api, site.worker, seconds=STOP_SECONDS)


async def test_a_silent_store_holds_no_slot_and_exports_go_on_after_it(site: Site) -> None:
    async with site.client() as client:
        found, others = await tokens(client), await tokens(client, "globex")
        hung = await hung_at_the_store(site, client, found["iPad"])
        await cancelled(client, hung)
        await both_slots_are_free(client, others)
        async with within(5, "the health while the store is silent"):
            await client.get("/health/ready")
        said = await health(client, storage="degraded")
        assert (said.status_code, said.json()["status"]) == (200, "degraded")
        site.store.heal(hang_up=False)
        await once(client, await request(client, found["iPad"]), "ready", seconds=20)
    await site.nothing_stays()


async def test_a_worker_stops_when_told_while_an_upload_hangs(site: Site) -> None:
    async with site.client() as client:
        hung = await hung_at_the_store(site, client, (await tokens(client))["iPad"])
        await site.stop(site.worker, seconds=STOP_SECONDS)
        site.store.heal(hang_up=False)
        site.worker.start()
        await once(client, hung, "ready", seconds=20)


async def hung_at_the_store(site: Site, client: httpx.AsyncClient, token: str) -> str:
    """An export whose archive is on its way into the store."""
    site.store.silence_when(lambda words: words.startswith((b"PUT ", b"POST ")))
    address = await request(client, token)
    await is_silent(site.store)
    return address
