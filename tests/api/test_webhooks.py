"""Other services are told how exports ended: thinly, signed, and again until they take it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from standardwebhooks import Webhook

from app.webhooks.delivery import PLAN, go_on, send_again
from app.webhooks.log import Sent, read_log
from tests.builders import BASE, EMAIL, Running, candidate, finished, request_export, running, write_shop, write_website
from tests.receivers import (
    SECRETS,
    certificate,
    environ_with_secrets,
    hang,
    mappings_with,
    receiving,
    table,
)


async def log_of(service: Running) -> Sequence[Sent]:
    async with service.services.database.reading() as connection:
        return await read_log(connection, None, None, None, 100)


async def sent(service: Running, attempts: int = 1) -> Sent:
    """The one message, once so many attempts were made at it."""
    async with asyncio.timeout(10):
        while True:
            found = await log_of(service)
            if found and len(found[0].attempts) >= attempts:
                return found[0]
            await asyncio.sleep(0.05)


def outcomes(message: Sent) -> list[str]:
    return [one.outcome for one in message.attempts]


def with_webhooks(folder: Path, *tables: str) -> dict[str, Any]:
    return {"mappings": mappings_with(folder, *tables), "environ": environ_with_secrets(folder)}


@asynccontextmanager
async def telling(folder: Path, *tables: str) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    async with running(folder, **with_webhooks(folder, *tables)) as service, await service.client() as client:
        yield service, client


@pytest.fixture
def databases(tmp_path: Path) -> Path:
    write_website(tmp_path / "website.db")
    write_shop(tmp_path / "shop.db")
    return tmp_path


async def test_a_ready_export_is_told_thinly_and_signed_with_every_secret(databases: Path) -> None:
    with receiving(databases) as crm:
        both = table(crm, certificate(databases)).replace('["HOOK_SECRET"]', '["HOOK_SECRET", "HOOK_SECRET_NEXT"]')
        async with telling(databases, both) as (service, client):
            export = await finished(client, await request_export(client))
            message = await sent(service)
    headers, body = crm.came[0]
    for secret in SECRETS.values():
        told = Webhook(secret).verify(body, headers)
        assert told["data"] == {"data_center": "acme", "export": export["id"], "status": "ready"}
    assert (told["type"], headers["webhook-id"]) == ("export.ready", f"msg_{message.id}")
    assert set(told) == {"type", "timestamp", "data"}
    assert headers["host"] == f"localhost:{crm.port}"
    assert outcomes(message) == ["delivered"]
    assert message.due_at is None


async def test_failures_and_expiries_are_told_and_only_to_who_wants_them(databases: Path) -> None:
    with receiving(databases) as crm, receiving(databases) as other:
        tables = (
            table(crm, certificate(databases)),
            table(other, certificate(databases), "other", 'allow = ["127.0.0.1"]\nevents = ["export.expired"]'),
        )
        async with telling(databases, *tables) as (service, client):
            await finished(client, await request_export(client))
            service.clock.ahead = timedelta(days=14, seconds=1)
            await service.services.tick()
            await _until(lambda: len(crm.came) == 2 and len(other.came) == 1)
    assert [json.loads(body)["type"] for _, body in crm.came] == ["export.ready", "export.expired"]
    assert [json.loads(body)["data"]["status"] for _, body in other.came] == ["expired"]


async def test_a_failed_export_is_told(databases: Path) -> None:
    with receiving(databases) as crm:
        async with telling(databases, table(crm, certificate(databases))) as (service, client):
            chosen = await candidate(client, source="shop")
            with closing(sqlite3.connect(databases / "shop.db")) as shop, shop:
                shop.execute("ALTER TABLE orders RENAME TO away")
            address = (await client.post(f"{BASE}/exports", json={"candidate": chosen})).headers["location"]
            assert (await finished(client, address))["status"] == "failed"
            await sent(service)
    (body,) = (json.loads(body) for _, body in crm.came)
    assert (body["type"], body["data"]["status"]) == ("export.failed", "failed")


async def test_what_is_refused_is_sent_again_by_the_plan_under_the_same_id(databases: Path) -> None:
    with receiving(databases) as crm:
        crm.answer = lambda number: (500 if number < 4 else 200, {})
        async with telling(databases, table(crm, certificate(databases))) as (service, client):
            await finished(client, await request_export(client))
            for attempts, pause in enumerate(PLAN[1:4], 1):
                message = await sent(service, attempts)
                assert message.due_at
                wait = message.due_at - message.attempts[-1].at
                assert pause <= wait <= pause * 1.1
                service.clock.ahead += wait
            message = await sent(service, 4)
    assert outcomes(message) == ["answered 500"] * 3 + ["delivered"]
    assert len({headers["webhook-id"] for headers, _ in crm.came}) == 1


async def test_after_the_last_attempt_it_is_given_up_and_can_be_replayed(databases: Path) -> None:
    with receiving(databases) as crm:
        crm.answer = lambda _: (503, {})
        async with telling(databases, table(crm, certificate(databases))) as (service, client):
            await finished(client, await request_export(client))
            for attempts in range(1, len(PLAN)):
                await sent(service, attempts)
                service.clock.ahead += timedelta(hours=30)
            message = await sent(service, len(PLAN))
            assert (message.due_at, message.taken) == (None, False)
            crm.answer = lambda _: (200, {})
            async with service.services.database.writing() as connection:
                assert await send_again(connection, message.id, service.clock())
            assert (await sent(service, len(PLAN) + 1)).taken


async def test_a_receiver_that_is_gone_gets_nothing_more_until_it_is_resumed(databases: Path) -> None:
    with receiving(databases) as crm:
        crm.answer = lambda number: (410 if number == 1 else 200, {})
        async with telling(databases, table(crm, certificate(databases))) as (service, client):
            await finished(client, await request_export(client))
            await sent(service)
            await finished(client, await request_export(client, "iPad"))
            await asyncio.sleep(2.5)
            assert len(crm.came) == 1
            async with service.services.database.writing() as connection:
                assert await go_on(connection, "acme", "crm")
            await _until(lambda: len(crm.came) == 2)
    entries = {json.loads(body)["data"]["export"] for _, body in crm.came}
    assert len(entries) == 2


async def test_a_hanging_receiver_holds_up_no_export_and_no_other_receiver(databases: Path) -> None:
    with receiving(databases) as slow, receiving(databases) as crm:
        slow.answer = hang(6)
        tables = (table(slow, certificate(databases), "slow"), table(crm, certificate(databases)))
        async with telling(databases, *tables) as (_, client):
            async with asyncio.timeout(5):
                for device in ("iPhone", "iPad", None):
                    assert (await finished(client, await request_export(client, device)))["status"] == "ready"
                await _until(lambda: len(crm.came) == 3)
            assert len(slow.came) == 1


@pytest.mark.parametrize(
    ("more", "trusted", "outcome"),
    [
        ("", "our CA", "not sent: 127.0.0.1 is no public address, and `allow` does not name it"),
        ('allow = ["10.0.0.0/8"]', "our CA", "not sent: 127.0.0.1 is no public address, and `allow` does not name it"),
        ('allow = ["127.0.0.0/8"]', "the system's", "no connection: self-signed certificate"),
    ],
    ids=["a private address", "another network is allowed", "a certificate that is not trusted"],
)
async def test_nothing_leaves_for_where_it_must_not_go(databases: Path, more: str, trusted: str, outcome: str) -> None:
    with receiving(databases) as crm:
        told = table(crm, certificate(databases) if trusted == "our CA" else None, more=more)
        async with telling(databases, told) as (service, client):
            await finished(client, await request_export(client))
            message = await sent(service)
    assert outcomes(message) == [outcome]
    assert crm.came == []


async def test_a_redirect_is_not_followed(databases: Path) -> None:
    with receiving(databases) as crm, receiving(databases) as inner:
        crm.answer = lambda _: (307, {"Location": inner.url})
        async with telling(databases, table(crm, certificate(databases))) as (service, client):
            await finished(client, await request_export(client))
            message = await sent(service)
    assert outcomes(message) == ["answered 307: a redirect, which is not followed"]
    assert inner.came == []


async def test_nothing_personal_is_in_messages_or_their_log(databases: Path) -> None:
    with receiving(databases) as crm:
        async with telling(databases, table(crm, certificate(databases))) as (service, client):
            export = await finished(client, await request_export(client))
            message = await sent(service)
    said = repr(crm.came) + repr(message)
    for personal in (EMAIL, export["visitor"]["handle"], export["visitor"]["label"], "iPhone", "maria"):
        assert personal not in said


async def test_a_message_whose_process_died_is_sent_by_another_when_the_lease_is_over(databases: Path) -> None:
    with receiving(databases) as crm:
        crm.answer = hang(30)
        tables = (table(crm, certificate(databases)),)
        arguments = with_webhooks(databases, *tables)
        async with running(databases, **arguments) as service, await service.client() as client:
            await finished(client, await request_export(client))
            await _until(lambda: len(crm.came) == 1)
        crm.answer = lambda _: (200, {})
        async with running(databases, **arguments) as service:
            service.clock.ahead = timedelta(seconds=45)
            assert outcomes(await sent(service)) == ["delivered"]
    first, second = (headers["webhook-id"] for headers, _ in crm.came)
    assert UUID(first.removeprefix("msg_")) == UUID(second.removeprefix("msg_"))


async def _until(true: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)
