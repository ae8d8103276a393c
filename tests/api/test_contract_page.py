"""The contract as a page: drawn by a viewer that is shipped with the service, and there only where it is switched on."""

import re
from pathlib import Path

import pytest

from tests.builders import running


async def test_the_page_and_all_that_it_loads_come_from_the_service(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        page = await client.get("/docs", headers={"Accept": "text/html"})
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert [one for one in loaded if "//" in one] == []
        for one in (one for one in loaded if not one.startswith("data:")):
            answer = await client.get("/" + one)
            assert answer.status_code == 200
            assert len(answer.content) > 100
        assert "unsafe-inline" not in page.headers["content-security-policy"].split("style-src")[0]


@pytest.mark.parametrize(
    ("settings", "status"),
    [({}, 200), ({"docs": "off"}, 404), ({"database_url": "sqlite:///own.db"}, 404)],
    ids=["embedded", "switched off", "production"],
)
async def test_the_page_is_there_where_it_is_switched_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(tmp_path, work=False, settings=settings) as service, service.bare_client() as client:
        for path in ("/docs", "/docs/swagger-ui.css", "/docs/start.js"):
            assert (await client.get(path)).status_code == status
