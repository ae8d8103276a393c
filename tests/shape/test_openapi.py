"""The committed OpenAPI document is the one that the service serves."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from tests.builders import running

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "openapi" / "openapi.json"


def operations(*parts: str) -> list[dict[str, Any]]:
    document = json.loads(COMMITTED.read_text())
    return [one for part in parts or ("paths",) for path in document[part].values() for one in path.values()]


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


def test_every_parameter_and_answer_is_described_and_every_body_has_an_example() -> None:
    for one in operations("paths", "webhooks"):
        assert one["description"]
        for parameter in one.get("parameters", []):
            assert parameter["description"], (one["operationId"], parameter["name"])
        for status, answer in one["responses"].items():
            assert answer["description"] not in ("", "Successful Response"), (one["operationId"], status)
            for media, content in answer.get("content", {}).items():
                assert media in ("application/zip", "text/html") or {"example", "examples"} & set(content), status
        if "requestBody" in one:
            assert "example" in one["requestBody"]["content"]["application/json"]


def test_every_example_has_the_form_that_its_schema_says() -> None:
    document = json.loads(COMMITTED.read_text())
    checked = 0
    for one in operations("paths", "webhooks"):
        bodies = [one.get("requestBody", {}), *one["responses"].values()]
        for content in (content for body in bodies for content in body.get("content", {}).values()):
            examples = [each["value"] for each in content.get("examples", {}).values()]
            for example in examples + ([content["example"]] if "example" in content else []):
                schema = content["schema"] | {"components": document["components"]}
                Draft202012Validator(schema, format_checker=FormatChecker()).validate(example)
                checked += 1
    assert checked > 100
