"""Prints the examples of the OpenAPI document: what the service answers to one export, from search to revoke."""

import asyncio
import json
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from app.jobs.run import MOST_ATTEMPTS
from app.kit.clock import now
from app.kit.identity import uuid7
from app.sources.receiver import EVENTS
from app.webhooks.delivery import Delivery
from app.webhooks.send import message
from tests.builders import BASE, EMAIL, candidate, finished, request_export, running
from tests.erasures import eraser, erasing

Examples = dict[str, dict[str, Any]]
_CASE = "DSAR-2026-117"
_CENTER = {"data_center": "acme"}


@dataclass(slots=True)
class Taking:
    """A client whose requests and answers are kept as examples."""

    client: httpx.AsyncClient
    taken: Examples = field(default_factory=dict)

    async def ask(self, operation: str, method: str, path: str, sent: Any = None, **parameters: str) -> httpx.Response:
        answer = await self.client.request(method, path, json=sent)
        assert answer.is_success, answer.text
        kept = self.taken.setdefault(operation, {"parameters": parameters, "responses": {}})
        if sent is not None:
            kept["request"] = sent
        if answer.content:
            kept["responses"][str(answer.status_code)] = _body(answer)
        return answer


def _body(answer: httpx.Response) -> Any:
    return answer.json() if answer.headers["content-type"] == "application/json" else answer.text


async def take() -> Examples:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as idle:
        async with running(Path(folder), events=400) as service, await service.client() as client:
            taking = Taking(client)
            await _take_export(taking)
            await _take_retry(taking, Path(folder) / "shop.db")
            await service.services.sealer()
            await _take_lists(taking)
        async with running(Path(idle), work=False) as service, await service.client() as client:
            await _take_cancel(Taking(client, taking.taken))
        await _take_erasures(taking.taken)
        return dict(sorted(taking.taken.items()))


async def _take_export(taking: Taking) -> None:
    await taking.ask("search_visitors", "POST", f"{BASE}/visitors/search", {"identifier": EMAIL}, **_CENTER)
    chosen = {"candidate": await candidate(taking.client), "case_reference": _CASE, "language": "en"}
    requested = await taking.ask("create_export", "POST", f"{BASE}/exports", chosen, **_CENTER)
    path, one = requested.headers["location"], _CENTER | {"id": requested.json()["id"]}
    await finished(taking.client, path)
    _take_messages(taking, UUID(one["id"]))
    await taking.ask("get_export", "GET", path, **one)
    await taking.ask("create_link", "POST", f"{path}/links", **one)
    taking.taken["download_archive"] = {"parameters": one}


def _take_messages(taking: Taking, export: UUID) -> None:
    for event in EVENTS:
        sent = Delivery(uuid7(now()), "acme", "crm", event, export, now(), uuid7(now()), 0)
        taking.taken[event.replace(".", "_")] = {"request": json.loads(message(sent))}


async def _take_retry(taking: Taking, shop: Path) -> None:
    path = await _failed(taking.client, shop)
    await taking.ask("retry_export", "POST", f"{path}/retry", **_CENTER, id=path.rpartition("/")[2])


async def _failed(client: httpx.AsyncClient, shop: Path) -> str:
    """The address of an export whose data source was as its mapping says before it ran, and is again."""
    chosen = await candidate(client, source="shop")
    for before, after in (("orders", "away"), ("away", "orders")):
        with closing(sqlite3.connect(shop)) as database, database:
            database.execute(f"ALTER TABLE {before} RENAME TO {after}")
        if after == "away":
            path = str((await client.post(f"{BASE}/exports", json={"candidate": chosen})).headers["location"])
            assert (await finished(client, path))["status"] == "failed"
    return path


async def _take_cancel(taking: Taking) -> None:
    path = await request_export(taking.client)
    await taking.ask("end_export", "DELETE", path, **_CENTER, id=path.rpartition("/")[2])


async def _take_erasures(taken: Examples) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            erasing(Path(folder), 'erasure = "two"', top='backups_until = "35 d"') as service,
            await eraser(service) as maria,
            await eraser(service, "otto", ("erasures:approve",)) as otto,
        ):
            taking = Taking(maria, taken)
            path = await _take_request(taking)
            await taking.ask("cancel_erasure", "DELETE", path, **_CENTER, id=path.rpartition("/")[2])
            path = await _take_request(taking)
            one = _CENTER | {"id": path.rpartition("/")[2]}
            await Taking(otto, taken).ask("approve_erasure", "POST", f"{path}/approve", **one)
            (website := Path(folder) / "website.db").rename(away := Path(folder) / "away.db")
            for _ in range(MOST_ATTEMPTS):
                service.clock.ahead += timedelta(minutes=5)
                await service.services.run_job()
            away.rename(website)
            await taking.ask("retry_erasure", "POST", f"{path}/retry", **one)
            await service.services.run_job()
            await taking.ask("get_erasure", "GET", path, **one)
            await taking.ask("get_receipt", "GET", f"{path}/receipt", **one)


async def _take_request(taking: Taking) -> str:
    chosen = {"candidate": await candidate(taking.client)}
    found = await taking.ask("preview_erasure", "POST", f"{BASE}/erasures/preview", chosen, **_CENTER)
    plan = found.json()
    sent = {"plan": plan["plan"], "confirm": plan["visitor"]["handle"], "revoke_exports": True, "case_reference": _CASE}
    made = await taking.ask("create_erasure", "POST", f"{BASE}/erasures", sent, **_CENTER)
    return str(made.headers["location"])


async def _take_lists(taking: Taking) -> None:
    search = {"identifier": EMAIL, "page_size": 50}
    await taking.ask("me", "GET", "/v1/me")
    await taking.ask("list_data_sources", "GET", f"{BASE}/data-sources", **_CENTER)
    await taking.ask("list_history", "GET", f"{BASE}/history", **_CENTER)
    await taking.ask("search_history", "POST", f"{BASE}/history/search", search, **_CENTER)
    await taking.ask("download_history", "GET", f"{BASE}/history.csv", **_CENTER)
    await taking.ask("list_audit_events", "GET", f"{BASE}/audit?page_size=5", **_CENTER)
    await taking.ask("get_audit_head", "GET", f"{BASE}/audit/head", **_CENTER)
    await taking.ask("list_public_keys", "GET", "/v1/keys")
    await taking.ask("live", "GET", "/health/live")
    await taking.ask("ready", "GET", "/health/ready")
    taking.taken["describe_problem"] = {"parameters": {"slug": "export-expired"}}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(take()), indent=2, ensure_ascii=False))
