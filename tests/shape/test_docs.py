"""What exists is written down: settings, problems, commands."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from app.__main__ import COMMANDS
from app.kit.errors import known_problems
from app.settings import Settings, variable
from app.sources.mapping import CenterMapping, Find, Notice, SectionMapping, SourceMapping
from app.sources.preset import preset_names
from tests.builders import running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_stands_in_the_readme_and_is_described(name: str) -> None:
    assert f"`{variable(name)}`" in README
    assert Settings.model_fields[name].description


def test_every_command_stands_in_the_readme() -> None:
    assert all(f"`{name}" in README or f"app {name}" in README for name in COMMANDS)


async def test_every_problem_explains_itself(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, service.bare_client() as client:
        for slug, kind in known_problems().items():
            page = await client.get(f"/problems/{slug}")
            assert page.status_code == 200
            assert slug in page.text
            assert len(kind.help()) > 40, slug
        assert (await client.get("/problems/nothing-of-the-kind")).status_code == 404


SOURCES = (ROOT / "docs" / "sources.md").read_text()


@pytest.mark.parametrize("form", [SourceMapping, Find, SectionMapping, CenterMapping, Notice])
def test_every_key_of_a_mapping_is_on_the_page_on_data_sources(form: type[BaseModel]) -> None:
    keys = [field.alias or name for name, field in form.model_fields.items()]
    assert [key for key in keys if f"`{key}`" not in SOURCES] == []


def test_every_key_of_a_source_has_a_line_and_an_example() -> None:
    for form in (SourceMapping, Find, SectionMapping):
        for name, field in form.model_fields.items():
            line = next(line for line in SOURCES.splitlines() if line.startswith(f"| `{field.alias or name}` |"))
            assert len(line.split(" | ")) == 3, line


def test_every_preset_is_named_on_the_page_on_data_sources() -> None:
    assert [name for name in preset_names() if f"presets/{name}.md" not in SOURCES] == []


def test_every_test_that_the_page_on_security_names_is_there() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", (ROOT / "docs" / "security.md").read_text()))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 60
    assert named - there == set()
