"""The committed OpenAPI document is the one that the service serves."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.builders import running

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "openapi" / "openapi.json"


def operations() -> list[dict[str, Any]]:
    document = json.loads(COMMITTED.read_text())
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_the_command_prints_what_is_committed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "openapi"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == COMMITTED.read_text(), "run `make openapi` and commit"


async def test_the_service_serves_what_is_committed(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        assert (await client.get("/openapi.json")).json() == json.loads(COMMITTED.read_text())


def test_every_operation_has_an_id_of_its_own_a_summary_and_problems() -> None:
    ids = [one["operationId"] for one in operations()]
    assert len(ids) == len(set(ids))
    for one in operations():
        assert one["summary"]
        if one["tags"] != ["service"] and one["operationId"] != "follow_link":
            assert "401" in one["responses"]
            assert one["security"] == [{"key": []}]


def test_every_error_is_documented_as_a_problem() -> None:
    for one in operations():
        for status, answer in one["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], one["operationId"]
