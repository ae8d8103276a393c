"""JSON nested deeper than parsers recur: the document carries it, the report shows its top, and verify accepts it."""

from pathlib import Path

import pytest

from app.verify.archive import verify
from tests.builders import Running, archive, request_export, running
from tests.small import EVENTS, Small, mapping, section, toml, write_mappings

TABLES = """
CREATE TABLE people (id bigint PRIMARY KEY, email text, cookie text);
CREATE TABLE events (id bigint PRIMARY KEY, visitor_id bigint, device text, browser text, os text, at text, what {json},
                     people bigint);
INSERT INTO people VALUES (1, 'jane@example.com', '183');
INSERT INTO events VALUES (1, 1, 'iPhone', 'Safari', 'iOS', '2026-01-02T03:04:05Z', '{value}', 1)
"""


def deep(levels: int) -> str:
    return '{"a":[' * (levels // 2) + '"📱]"' + "]}" * (levels // 2)


@pytest.mark.parametrize("levels", [990, 3_000])
async def test_json_of_any_depth_is_exported(small: Small, levels: int, tmp_path: Path) -> None:
    small.run(TABLES.format(json="text" if small.on_sqlite else "json", value=deep(levels)))
    opened, problems = await exported(small, tmp_path)
    assert f'"what":{deep(levels)}'.encode() in opened
    assert problems == []


async def test_text_that_holds_json_of_any_depth_is_exported(sqlite: Small, tmp_path: Path) -> None:
    sqlite.run(TABLES.format(json="text", value=deep(200_000)))
    opened, problems = await exported(sqlite, tmp_path)
    assert f'"what":{deep(200_000)}'.encode() in opened
    assert problems == []


async def exported(small: Small, folder: Path) -> tuple[bytes, list[str]]:
    """The document, and what verify finds wrong."""
    mappings = write_mappings(folder, toml(mapping(section(sql=EVENTS, json=["what"]))))
    async with running(folder, mappings=mappings, environ={"WEBSITE_URL": small.url}) as service:
        return await checked(service)


async def checked(service: Running) -> tuple[bytes, list[str]]:
    async with await service.client() as client:
        opened = await archive(client, await request_export(client))
        file = service.folder / "archive.zip"
        file.write_bytes(
            (
                await client.get(
                    (await client.get("/v1/data-centers/acme/history")).json()["items"][0]["links"]["archive"]
                )
            ).content
        )
        assert "<td" in opened.read("report.html").decode()
        return opened.read("personal-data.json"), [check.what for check in verify(file) if not check.holds]
