"""The story: search, choose, compile, download, unzip."""

from pathlib import Path

from tests.builders import archive, document, manifest, request_export, running


async def test_a_visitor_is_found_exported_and_unzipped(tmp_path: Path) -> None:
    async with running(tmp_path, events=3) as service, await service.client() as client:
        opened = await archive(client, await request_export(client))
        assert opened.testzip() is None
        assert opened.namelist() == [
            "README.txt",
            "personal-data.json",
            "report.html",
            "viewer.html",
            "META/manifest.json",
            "META/manifest.json.sig",
        ]
        sections = document(opened)["sections"]
        assert [row["what"] for row in sections["events"]] == ["visit 0", "visit 1", "visit 2"]
        assert sections["demographics"] == [{"email": "Jane@example.com", "cookie": "183"}]
        assert manifest(opened)["other_combinations"] == 2
