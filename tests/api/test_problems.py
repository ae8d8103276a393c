"""Every error is a problem document, says what is wrong, and repeats nothing of what was sent."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.builders import BASE, EMAIL, candidate, finished, request_export, running

SEARCH, EXPORTS = f"{BASE}/visitors/search", f"{BASE}/exports"
JSON = {"content-type": "application/json"}
NOBODY = f"{EXPORTS}/01890a5d-ac96-774b-bcce-b302099a8057"
TEXTS = ("data_source", "requested_by", "case_reference")
PROBLEMS: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("POST", SEARCH, {"content": "{", "headers": JSON}, 422, "validation-error"),
    ("POST", SEARCH, {"content": b"\xff\xfe{", "headers": JSON}, 422, "validation-error"),
    ("POST", SEARCH, {"content": "[" * 60_000, "headers": JSON}, 422, "validation-error"),
    ("POST", SEARCH, {"content": "", "headers": JSON}, 422, "validation-error"),
    ("POST", SEARCH, {"content": '{"identifier": "\\ud800"}', "headers": JSON}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {}}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {"identifier": "sesame", "sesame": 1}}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {"identifier": 5}}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {"identifier": ""}}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {"identifier": "   "}}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {"identifier": "sesame" * 86}}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {"identifier": "sesame\x00"}}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {"identifier": "sesame\x85"}}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {"identifier": "x", "kind": "sesame"}}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {"identifier": "sesame" * 12_000}}, 413, "payload-too-large"),
    ("POST", SEARCH, {"content": "sesame", "headers": {"content-type": "text/sesame"}}, 415, "unsupported-media-type"),
    ("POST", SEARCH, {"content": "sesame"}, 415, "unsupported-media-type"),
    ("POST", SEARCH + "?sesame=1", {"json": {"identifier": "x"}}, 400, "unknown-parameter"),
    ("POST", EXPORTS, {"json": {"candidate": "sesame"}}, 409, "candidate-token-invalid"),
    ("POST", EXPORTS, {"json": {"candidate": ""}}, 422, "validation-error"),
    ("POST", EXPORTS, {"json": {"candidate": "x", "case_reference": "sesame" * 11}}, 422, "validation-error"),
    ("POST", EXPORTS, {"json": {"candidate": "sesame" * 5_462}}, 422, "validation-error"),
    ("POST", EXPORTS, {"json": {"candidate": "sesame" * 12_000}}, 413, "payload-too-large"),
    ("POST", f"{BASE}/history/search", {"json": {"identifier": "sesame" * 86}}, 422, "validation-error"),
    (
        "POST",
        f"{BASE}/history/search",
        {"json": {"identifier": "x", "page_token": "sesame" * 171}},
        422,
        "validation-error",
    ),
    ("GET", f"{BASE}/history?page_token={'sesame' * 171}", {}, 422, "validation-error"),
    *(("GET", f"{BASE}/history?{name}={'sesame' * 11}", {}, 422, "validation-error") for name in TEXTS),
    ("GET", f"{BASE}/audit?actor={'sesame' * 11}", {}, 422, "validation-error"),
    ("GET", f"{BASE}/audit?page_token={'sesame' * 171}", {}, 422, "validation-error"),
    ("POST", SEARCH, {"json": {"identifier": "x"}, "headers": {"Idempotency-Key": "sesame"}}, 400, "unknown-parameter"),
    ("GET", f"{BASE}/history?page_size=0", {}, 422, "validation-error"),
    ("GET", f"{BASE}/history?page_size=201", {}, 422, "validation-error"),
    ("GET", f"{BASE}/history?page_size=sesame", {}, 422, "validation-error"),
    ("GET", f"{BASE}/history?status=sesame", {}, 422, "validation-error"),
    ("GET", f"{BASE}/history?data_source=sesame%00", {}, 422, "validation-error"),
    ("GET", "/openapi.json?sesame=1", {}, 400, "unknown-parameter"),
    ("GET", f"{BASE}/history?page_token=sesame", {}, 422, "page-token-invalid"),
    ("GET", f"{BASE}/history?order=sesame", {}, 400, "unknown-parameter"),
    ("GET", f"{EXPORTS}/sesame", {}, 404, "not-found"),
    ("GET", NOBODY, {}, 404, "not-found"),
    ("GET", NOBODY + "?waits=20", {}, 400, "unknown-parameter"),
    ("GET", f"{NOBODY}/archive", {}, 404, "not-found"),
    ("POST", f"{NOBODY}/retry", {}, 404, "not-found"),
    ("DELETE", NOBODY, {}, 404, "not-found"),
    ("GET", "/v1/data-centers/sesame/history", {}, 404, "not-found"),
    ("GET", "/v1/data-centers/globex/history", {}, 404, "not-found"),
    ("GET", "/sesame", {}, 404, "not-found"),
    ("GET", "/v1/me/", {}, 404, "not-found"),
    ("GET", "/problems/sesame", {}, 404, "not-found"),
    ("PUT", "/v1/me", {}, 405, "method-not-allowed"),
    ("GET", SEARCH, {}, 405, "method-not-allowed"),
    ("GET", "/v1/me", {"headers": {"Accept": "text/sesame"}}, 406, "not-acceptable"),
    ("GET", "/v1/me", {"headers": {"Accept": "application/json;q=0"}}, 406, "not-acceptable"),
    ("GET", "/v1/me", {"headers": {"Authorization": "Bearer sesame"}}, 401, "unauthenticated"),
    ("GET", "/v1/me", {"headers": {"Authorization": "Basic sesame"}}, 401, "unauthenticated"),
    ("POST", SEARCH, {"content": "{", "headers": {"Authorization": "sesame"}}, 401, "unauthenticated"),
]


async def test_each_mistake_has_its_problem_without_a_word_of_the_request(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        for method, path, sent, status, slug in PROBLEMS:
            answer = await client.request(method, path, **sent)
            told = answer.json()
            assert (answer.status_code, told["type"]) == (status, f"/problems/{slug}"), (method, path, told)
            assert answer.headers["content-type"] == "application/problem+json"
            fields = {"type", "title", "status", "detail", "instance"}
            assert set(told) == (fields | {"errors"} if slug == "validation-error" else fields)
            assert told["status"] == status
            assert "sesame" not in answer.text


async def test_a_validation_error_points_at_each_mistake(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        told = (await client.post(SEARCH, json={"identifier": "", "kind": "phone"})).json()
        assert [one["pointer"] for one in told["errors"]] == ["/identifier", "/kind"]
        assert all(set(one) == {"pointer", "detail"} for one in told["errors"])


async def test_the_allow_header_names_every_method_of_the_path(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        assert (await client.put(NOBODY)).headers["allow"] == "DELETE, GET, HEAD"
        assert (await client.put(EXPORTS)).headers["allow"] == "POST"


async def test_a_body_without_end_is_refused_while_it_still_comes(tmp_path: Path) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 8192
            yield b"x" * 8192

    async with running(tmp_path, work=False) as service, await service.client() as client:
        answer = await client.post(SEARCH, content=endless(), headers=JSON)
        assert (answer.status_code, answer.json()["type"]) == (413, "/problems/payload-too-large")
        assert sent < 200_000


async def test_a_tampered_candidate_is_refused_wherever_it_was_touched(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        token = await candidate(client)
        for place, letter in enumerate(token):
            changed = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
            answer = await client.post(EXPORTS, json={"candidate": changed})
            assert answer.json()["type"] == "/problems/candidate-token-invalid", place
        for changed in (token[:-1], token + "A", token + "=", " " + token):
            answer = await client.post(EXPORTS, json={"candidate": changed})
            assert answer.json()["type"] == "/problems/candidate-token-invalid"


async def test_a_candidate_lives_15_minutes_and_for_one_administrator_and_data_center(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        token = await candidate(client)
        async with await service.client("otto", "administrator", "acme", "globex") as other:
            for base in (BASE, "/v1/data-centers/globex"):
                answer = await other.post(f"{base}/exports", json={"candidate": token})
                assert answer.json()["type"] == "/problems/candidate-token-invalid"
        service.clock.ahead = timedelta(minutes=15, seconds=1)
        answer = await client.post(EXPORTS, json={"candidate": token})
        assert answer.json()["type"] == "/problems/candidate-token-invalid"
        service.clock.ahead = timedelta(minutes=14, seconds=50)
        assert (await client.post(EXPORTS, json={"candidate": token})).status_code == 202


async def test_a_page_token_holds_for_its_own_list_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        for device in ("iPhone", "iPad"):
            await finished(client, await request_export(client, device))
        token = (await client.get(f"{BASE}/history?page_size=1")).json()["next_page_token"]
        assert (await client.get(f"{BASE}/history?page_size=1&page_token={token}")).status_code == 200
        for path in (f"{BASE}/history?status=ready&page_token={token}", f"{BASE}/history?page_token={token}x"):
            assert (await client.get(path)).json()["type"] == "/problems/page-token-invalid"
        async with await service.client("otto", "administrator", "globex") as other:
            answer = await other.get(f"/v1/data-centers/globex/history?page_token={token}")
            assert answer.json()["type"] == "/problems/page-token-invalid"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html, application/*;q=0.5", ""])
async def test_what_a_client_accepts_is_answered(tmp_path: Path, accept: str) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        assert (await client.get("/v1/me", headers={"Accept": accept})).status_code == 200


async def test_an_error_of_our_own_is_a_reference_and_nothing_else(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database:
            refusing = f"BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, '{EMAIL}'); END"
            database.execute(f"CREATE TRIGGER broken {refusing}")
        answer = await client.post(SEARCH, json={"identifier": EMAIL})
        assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
        assert EMAIL not in answer.text


async def test_a_database_that_is_not_migrated_is_told_as_such(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        await service.services.database.migrate("0002")
        answer = await client.post(SEARCH, json={"identifier": EMAIL})
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/database-unavailable")
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "not migrated")
        assert ready.headers["content-type"] == "application/problem+json"
