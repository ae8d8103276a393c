"""What exists is written down: settings, problems, commands."""

from pathlib import Path

import pytest

from app.__main__ import COMMANDS
from app.kit.errors import known_problems
from app.settings import Settings, variable
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
