"""What every answer says to browsers, and to pages of other origins."""

from pathlib import Path

import pytest

from tests.builders import BASE, running

ORIGIN, OTHER = "https://dash.example", "https://evil.example"
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/v1/me", "default-src 'none'; base-uri"), (f"{BASE}/history.csv", "default-src 'none'; base-uri"),
        (f"{BASE}/exports/x", "default-src 'none'; base-uri"), ("/nowhere", "default-src 'none'; base-uri"),
        ("/problems/not-found", "default-src 'none'; base-uri"), ("/health/live", "default-src 'none'; base-uri"),
        ("/docs", "script-src 'self'"), ("/console", "script-src"),
    ],
)  # fmt: skip
async def test_every_answer_is_for_its_reader_alone_and_no_page_in_somebody_elses(
    tmp_path: Path, path: str, policy: str
) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        told = (await client.get(path)).headers
        assert policy in told["content-security-policy"]
        assert "frame-ancestors 'none'" in told["content-security-policy"]
        assert (told["x-content-type-options"], told["referrer-policy"]) == ("nosniff", "no-referrer")
        assert told["cross-origin-resource-policy"] == "same-origin"
        assert told["strict-transport-security"] == "max-age=31536000"
        assert told["cache-control"] == ("no-cache" if path == "/console" else "no-store")
        assert "server" not in told
        assert len(told.get_list("content-security-policy")) == 1


async def test_pages_of_other_origins_are_told_nothing_unless_they_are_named(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        plain = await client.get("/v1/me", headers={"Origin": ORIGIN})
        asked = await client.options(f"{BASE}/visitors/search", headers={"Origin": ORIGIN} | ASKED)
        assert asked.status_code == 405
        assert not [name for one in (plain, asked) for name in one.headers if name.startswith("access-control")]


@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3000", OTHER])
async def test_pages_of_origins_that_are_named_may_call_with_a_key_and_never_with_the_cookie(
    tmp_path: Path, origin: str
) -> None:
    named = {"cors_origins": f"{ORIGIN} http://localhost:3000"}
    async with running(tmp_path, work=False, settings=named) as service, await service.client() as client:
        asked = await client.options(f"{BASE}/visitors/search", headers={"Origin": origin} | ASKED)
        plain = await client.get("/v1/me", headers={"Origin": origin})
        assert (asked.status_code, plain.status_code) == (400 if origin == OTHER else 200, 200)
        for one in (plain, asked):
            assert one.headers.get("access-control-allow-origin") == (None if origin == OTHER else origin)
            assert "access-control-allow-credentials" not in one.headers
        assert "ETag" in plain.headers["access-control-expose-headers"]
