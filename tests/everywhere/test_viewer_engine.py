"""The viewer's engine reads and checks what the service makes; its own tests run in Node."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.everywhere.conftest import Demo
from tests.sample import ROOT

pytestmark = pytest.mark.everywhere
TESTS = Path(__file__).parent / "viewer"


@pytest.mark.parametrize("name", sorted(path.name for path in TESTS.glob("*.test.mjs")))
def test_the_engine_in_node(node: str, demo: Demo, tmp_path: Path, name: str) -> None:
    # Node takes a .js file for a module only where a package.json says so, or where it is new enough to look into it.
    for link in ("app", "tests"):
        (tmp_path / link).symlink_to(ROOT / link)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    environ = os.environ | {"ARCHIVE": str(demo.archive), "NODE_NO_WARNINGS": "1"}
    done = subprocess.run(
        [node, "--preserve-symlinks", "--preserve-symlinks-main", "--test", f"tests/everywhere/viewer/{name}"],
        cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "# fail 0" in done.stdout
    assert "# pass 0" not in done.stdout
