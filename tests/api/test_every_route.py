"""Who gets what: every route of the OpenAPI document, by every kind of key, in every data center."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from app.access.keys import KeyOrder
from app.access.port import PERMISSIONS, ROLES, Permission
from tests.builders import Running, candidates, request_export, running
from tests.erasures import eraser, erasing, request_erasure

# What each operation asks for: a permission in the data center of its path, a key alone, or nothing. One that is not
# here has no rule, and fails.
KEY, NOTHING = "any key", "nothing"
RULES = {
    "me": KEY, "list_data_sources": "history:read", "search_visitors": "visitors:search",
    "create_export": "exports:create", "get_export": "history:read", "end_export": "exports:revoke",
    "download_archive": "exports:download", "create_link": "exports:download", "follow_link": NOTHING,
    "retry_export": "exports:create", "list_history": "history:read", "search_history": "history:read",
    "download_history": "history:read", "list_audit_events": "audit:read",
    "preview_erasure": "erasures:create", "create_erasure": "erasures:create", "get_erasure": "history:read",
    "approve_erasure": "erasures:approve", "retry_erasure": "erasures:create", "cancel_erasure": "erasures:create",
    "get_receipt": "history:read", "get_audit_head": "audit:read", "live": NOTHING, "ready": NOTHING,
    "list_public_keys": NOTHING, "describe_problem": NOTHING,
}  # fmt: skip
# As the clients below are named: each of acme, but for the last.
HOLDERS: Mapping[str, tuple[Permission, ...]] = {
    "nobody": (), **dict(ROLES.items()), **{one: (one,) for one in PERMISSIONS}, "of another center": PERMISSIONS,
}  # fmt: skip
# The data center of the path, and whose export the id in it is.
PLACES = {
    "its own": ("acme", "acme"), "another's": ("globex", "globex"), "another's id": ("acme", "globex"),
    "none": ("nowhere", "acme"),
}  # fmt: skip
UNREADABLE = {"content": b"no JSON", "headers": {"Content-Type": "application/json"}}


def operations(app: FastAPI) -> list[tuple[str, str, str]]:
    """Id, method and path of each."""
    paths = app.openapi()["paths"].items()
    return [(one["operationId"], method.upper(), path) for path, found in paths for method, one in found.items()]


def places_of(path: str) -> list[str]:
    if "{data_center}" not in path:
        return ["its own"]
    return [place for place in PLACES if "{id}" in path or place != "another's id"]


def expected(operation: str, path: str, holder: str, place: str) -> str:
    """What the answer must be to a request whose body nobody can read."""
    rule = RULES.get(operation, "a rule that nobody wrote")
    if rule == NOTHING:
        return "answered"
    if holder == "nobody":
        return "401"
    if rule == KEY:
        return "answered"
    own = "globex" if holder == "of another center" else "acme"
    if PLACES[place][0] != own:
        return "404"
    if rule not in HOLDERS[holder]:
        return "403"
    return "404" if "{id}" in path and PLACES[place][1] != own else "answered"


async def walked(service: Running) -> tuple[list[str], list[str]]:
    """A line for each operation and place, and what was otherwise than expected."""
    lines, wrong = [], []
    async with AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(await client_of(service, name)) for name in HOLDERS}
        ids = await _entries(service, clients)
        for operation, method, path in operations(service.app):
            for place in places_of(path):
                center, owner = PLACES[place]
                entry = ids["erasures" if "/erasures/" in path else "exports"][owner]
                filled = path.format(data_center=center, id=entry, token="x" * 43, slug="not-found")
                told = {name: await _told(client, method, filled) for name, client in clients.items()}
                lines.append(f"{operation:18}{place:14}" + "".join(f"{one:>9}" for one in told.values()))
                for name, found in told.items():
                    if found != (right := expected(operation, path, name, place)):
                        wrong.append(f"{method} {path} ({place}) by {name}: {found}, and not {right}")
    return lines, wrong


async def client_of(service: Running, name: str) -> httpx.AsyncClient:
    if name == "nobody":
        return service.bare_client()
    center = "globex" if name == "of another center" else "acme"
    return service.bare_client(await service.services.keys.create(KeyOrder(name, (center,), None, None, HOLDERS[name])))


async def _entries(service: Running, clients: Mapping[str, httpx.AsyncClient]) -> dict[str, dict[str, str]]:
    """The id of an export, and of an erasure of somebody else, of each data center."""
    other, shop = clients["of another center"], "/v1/data-centers/globex"
    (found, *_) = await candidates(other, source="shop", center="globex")
    planned = (await other.post(f"{shop}/erasures/preview", json={"candidate": found["candidate"]})).json()
    made = await other.post(f"{shop}/exports", json={"candidate": found["candidate"]})
    await service.services.run_job()
    sent = {"plan": planned["plan"], "confirm": planned["visitor"]["handle"]}
    erased = await other.post(f"{shop}/erasures", json=sent)
    export = (await request_export(clients["administrator"], "Windows computer")).rpartition("/")[2]
    async with await eraser(service, "erika") as client:
        erasure = (await request_erasure(client)).rpartition("/")[2]
    return {
        "exports": {"acme": export, "globex": str(made.json()["id"])},
        "erasures": {"acme": erasure, "globex": str(erased.json()["id"])},
    }


async def _told(client: httpx.AsyncClient, method: str, path: str) -> str:
    """That it was answered says only that the guards let it through: a link that nobody made is not found either, and
    there may be no head of the audit trail yet."""
    body: dict[str, Any] = UNREADABLE if method == "POST" else {}
    answer = await client.request(method, path, **body)
    missing = "/v1/data-centers/" in path and "/problems/not-found" in answer.text
    return str(answer.status_code) if answer.status_code in (401, 403) or missing else "answered"


async def test_nobody_gets_what_is_not_theirs_on_any_route(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service:
        lines, wrong = await walked(service)
        print("\n" + " " * 32 + "".join(f"{name[:8]:>9}" for name in HOLDERS), *lines, sep="\n")
        assert wrong == []
        assert {operation for operation, *_ in operations(service.app)} == set(RULES)


async def test_a_route_without_a_guard_is_noticed(tmp_path: Path) -> None:
    async with erasing(tmp_path) as service:

        async def leak(data_center: str) -> str:
            return data_center

        service.app.get("/v1/data-centers/{data_center}/leak")(leak)
        service.app.openapi_schema = None
        _, wrong = await walked(service)
        about = [one for one in wrong if "/leak" in one]
        assert len(about) == len(wrong) == 3 * len(HOLDERS)
        assert "GET /v1/data-centers/{data_center}/leak (its own) by nobody: answered, and not 401" in about


async def test_nothing_of_a_request_waits_for_a_thread_of_the_framework(tmp_path: Path) -> None:
    """FastAPI runs what is no coroutine in one of forty threads, each of which stays for a while."""
    async with running(tmp_path, work=False, settings={"metrics": "on"}) as service:
        called = list(calls_of(service.app.routes))
        assert len(called) > len(RULES)
        assert [
            one for one in called if not (iscoroutinefunction(one) or iscoroutinefunction(type(one).__call__))
        ] == []


def calls_of(routes: Sequence[Any]) -> Iterator[Any]:
    for route in routes:
        # A router that was included stands there as a whole.
        yield from calls_of(getattr(getattr(route, "original_router", None), "routes", []))
        dependants = [route.dependant] if hasattr(route, "dependant") else []
        while dependants:
            one = dependants.pop()
            yield one.call
            dependants += one.dependencies
