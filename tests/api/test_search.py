"""POST …/visitors/search: candidates grouped by data source, masked and sealed."""

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from app.access.endpoints import Gatekeeper
from app.audit.event import By
from app.kit.direct import DirectRoute
from app.kit.http import CheckedRoute
from app.kit.metrics import Metrics
from app.kit.traces import Traces
from app.sources.identifier import Identifier
from app.sources.port import DataSource, Found
from app.sources.registry import Registry
from app.visitors.endpoints import routes
from app.visitors.schemas import SearchResult
from app.visitors.search import Search
from tests.builders import BASE, COOKIE, EMAIL, Running, candidates, running

SEARCH = f"{BASE}/visitors/search"


async def search(client: httpx.AsyncClient, identifier: str, **more: str) -> dict[str, Any]:
    answer = await client.post(SEARCH, json={"identifier": identifier, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_answer_has_the_contracts_shape(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        found = await search(client, f"  {EMAIL.upper()} ")
        assert set(found) == {"identifier", "searched_at", "data_sources"}
        assert found["identifier"] == {"kind": "email", "masked": "j•••@example.com"}
        assert found["searched_at"].endswith("Z")
        shop, website = found["data_sources"]
        assert set(website) == {"id", "title", "status", "problem", "visitors", "unbound_sections", "more"}
        assert (website["id"], website["title"], website["status"], website["problem"]) == (
            "website",
            "Website",
            "answered",
            None,
        )
        assert (website["more"], shop["more"]) == (False, False)
        because = "the account is the same on every device"
        assert website["unbound_sections"] == [{"name": "demographics", "title": "Who you are", "because": because}]
        jane, stranger = website["visitors"]
        assert set(jane) == {"label", "handle", "matched_by", "erased_at", "combinations"}
        assert (jane["label"], jane["matched_by"]) == ("J•••@example.com", "email")
        assert jane["handle"] != stranger["handle"]
        iphone = next(one for one in jane["combinations"] if one["device"] == "iPhone")
        assert iphone.pop("candidate")
        assert iphone == {
            "device": "iPhone", "browser": "Safari", "os": "iOS", "warnings": [], "interactions": 3,
            "first_seen": "2026-01-02T03:04:00Z", "last_seen": "2026-01-02T03:04:02.000002Z",
        }  # fmt: skip
        assert [one["device"] for one in stranger["combinations"]] == ["Windows computer"]


async def test_null_and_empty_are_two_values_and_a_shared_browser_is_warned_of(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        offered = {(one["device"], one["browser"]): one for one in await candidates(client)}
        assert (None, "") in offered
        assert offered["iPad", "Safari"]["warnings"] == ["shared-browser"]
        assert offered[None, ""]["os"] is None


async def test_the_same_visitor_has_the_same_handle_by_whatever_it_was_found(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        by_email = (await candidates(client, EMAIL))[0]["handle"]
        by_cookie = (await candidates(client, COOKIE))[0]["handle"]
        in_the_shop = (await candidates(client, EMAIL, "shop"))[0]["handle"]
        assert by_email == by_cookie != in_the_shop


async def test_a_source_without_a_query_for_the_kind_is_unsupported(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        shop, website = (await search(client, COOKIE))["data_sources"]
        assert (shop["status"], shop["visitors"], website["status"]) == ("unsupported", [], "answered")
        assert website["visitors"][0]["label"] == "J•••@example.com"
        as_email = await search(client, COOKIE, kind="email")
        assert as_email["identifier"] == {"kind": "email", "masked": "•••"}


async def test_a_visitor_without_a_label_bears_the_masked_identifier(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        website = (await search(client, "cookie-only"))["data_sources"][1]
        assert [(one["label"], one["combinations"]) for one in website["visitors"]] == [("co•••ly", [])]


async def test_nobody_is_an_answer_too(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        found = await search(client, "nobody@example.com")
        assert [(one["status"], one["visitors"]) for one in found["data_sources"]] == [
            ("answered", []),
            ("answered", []),
        ]


async def test_an_identifier_is_compared_exactly_and_never_as_a_pattern(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        for text in ("jane@example%", "%", "_83", "18", "1830", "' OR 1=1 --", "jane@example.co"):
            assert [one["visitors"] for one in (await search(client, text))["data_sources"]] == [[], []]


async def test_a_source_that_does_not_answer_is_named_and_the_others_still_do(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        (tmp_path / "shop.db").unlink()
        with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
            database.execute("ALTER TABLE people RENAME TO persons")
        shop, website = (await search(client, EMAIL))["data_sources"]
        assert (shop["status"], shop["problem"], shop["visitors"]) == ("unavailable", "source-unavailable", [])
        assert (website["status"], website["problem"]) == ("unavailable", "source-misconfigured")
        assert (await client.get("/health/ready")).json()["checks"]["sources"] == "degraded"
        assert not (tmp_path / "shop.db").exists()


class Stumbling:
    """A data source with a mistake in it, whose error quotes what it was asked for."""

    def __init__(self, source: DataSource) -> None:
        self.facts = source.facts
        self.read, self.erase, self.check = source.read, source.erase, source.check
        self.reach, self.close = source.reach, source.close

    async def find(self, identifier: Identifier) -> Found | None:
        raise ZeroDivisionError(identifier.text)


async def test_whatever_one_source_stumbles_over_withholds_no_others_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, work=False) as service:
        center = service.services.registry.centers["acme"]
        sources = {**center.sources, "website": Stumbling(center.sources["website"])}
        registry = Registry({"acme": replace(center, sources=sources)})
        made, services = service.services.search, service.services
        one = Search(
            registry, made._candidates, made._handles, services.grouped, made._limits, made._misses,
            made._memory, service.clock,
            Metrics(), Traces(),
        )  # fmt: skip
        shop, website = (await one(By("maria"), "acme", Identifier.typed(EMAIL))).data_sources
    assert (website.status, website.problem, website.visitors) == ("unavailable", "source-unavailable", [])
    assert (shop.status, len(shop.visitors)) == ("answered", 1)
    assert "search in data source website stumbled: ZeroDivisionError at test_search.py:" in caplog.text
    assert EMAIL not in caplog.text


async def test_the_answer_is_what_the_document_promises(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        found = await search(client, EMAIL)
        schemas = (await client.get("/openapi.json")).json()["components"]
        promised = {"$ref": "#/components/schemas/SearchResult", "components": schemas}
        Draft202012Validator(promised, format_checker=FormatChecker()).validate(found)
        SearchResult.model_validate(found)


JSON_TYPE = {"content-type": "application/json"}
SENT: list[dict[str, Any]] = [
    {"json": {"identifier": EMAIL}},
    {"json": {"identifier": COOKIE, "kind": "tracking_id"}},
    {"json": {"identifier": 5}},
    {"json": {"identifier": "x", "sesame": 1}},
    {"json": {"identifier": "x", "kind": "sesame"}},
    {"json": []},
    {"content": "{", "headers": JSON_TYPE},
    {"content": "[" * 50_000, "headers": JSON_TYPE},
    {"content": "", "headers": JSON_TYPE},
    {"content": "null", "headers": JSON_TYPE},
    {"content": b'{"identifier": "\xff"}', "headers": JSON_TYPE},
    {"content": '{"identifier": "\\ud800"}', "headers": JSON_TYPE},
    {"content": "{}"},
    {"json": {"identifier": "x" * 70_000}},
    {"json": {"identifier": "x"}, "params": {"sesame": "1"}},
    {"json": {"identifier": "x"}, "headers": {"accept": "text/html"}},
    {"json": {"identifier": "x"}, "headers": {"authorization": "Bearer sesame"}},
]


async def test_the_cheaper_call_answers_as_the_frameworks_own_does(tmp_path: Path) -> None:
    unlimited = {"searches_per_minute": 0, "searches_per_day": 0}
    async with running(tmp_path, work=False, settings=unlimited) as service, await service.client() as client:
        service.clock.frozen = service.clock()
        add_called_by_the_framework(service)
        for sent in SENT:
            cheap, dear = await client.post(SEARCH, **sent), await client.post(f"/dear{SEARCH}", **sent)
            assert (cheap.status_code, told(cheap)) == (dear.status_code, told(dear)), sent


def add_called_by_the_framework(service: Running) -> None:
    """The same function once more, as every other route is called."""
    services = service.services
    keeper = Gatekeeper(services.keys, services.sessions, {"acme": "Acme"}, services.refusals)
    (direct,) = [one for one in routes(services.search, keeper).routes if isinstance(one, DirectRoute)]
    service.app.router.add_api_route(
        f"/dear{direct.path}", direct.endpoint, methods=["POST"], dependencies=direct.dependencies,
        route_class_override=CheckedRoute,
    )  # fmt: skip


def told(answer: httpx.Response) -> str:
    """An answer without what is new in each: the reference, the tokens."""
    same = re.sub(r'"(candidate|instance)": ?"[^"]+"', "", answer.text)
    return f"{[one for one in answer.headers.items() if one[0] != 'content-length']} {same}"
