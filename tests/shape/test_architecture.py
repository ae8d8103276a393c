"""The house stands: imports go one way, libraries stay at home, files and functions stay small."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APP = ROOT / "app"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
# From the front door to the cellar; each may import itself and what lies after it. Siblings share a line.
FLOORS = [
    {"__main__"},
    {"commands"},
    {"client"},
    {"main", "worker"},
    {"bootstrap"},
    {"adapters"},
    {"startup"},
    {"settings"},
    {"visitors", "exports", "erasures", "contract", "console", "health", "webhooks"},
    {"verify"},
    {"history", "archive"},
    {"jobs", "sources", "storage"},
    {"access"},
    {"audit"},
    {"kit"},
]
HOMES = {
    "fastapi": [
        "app/main.py",
        "app/*/endpoints.py",
        "app/console/*",
        "app/exports/answers.py",
        "app/history/answers.py",
        "app/contract/document.py",
        "app/kit/http.py",
        "app/kit/direct.py",
        "app/kit/problem.py",
    ],
    "sqlalchemy": [
        "app/history/*",
        "app/jobs/*",
        "app/exports/once.py",
        "app/exports/request.py",
        "app/exports/work.py",
        "app/erasures/work.py",
        "app/audit/*",
        "app/webhooks/*",
        "app/access/grants.py",
        "app/access/keys.py",
        "app/access/sessions.py",
        "app/access/public_keys.py",
        "app/access/index_key.py",
        "app/access/uses.py",
        "app/sources/engines/*",
        "app/kit/address.py",
        "app/kit/db.py",
        "app/adapters.py",
    ],
    "opentelemetry": ["app/kit/traces_sent.py"],
    "prometheus_client": ["app/kit/metrics.py", "app/worker.py"],
    "alembic": ["app/kit/db.py"],
    "psycopg": ["app/sources/engines/postgres*.py", "app/kit/driver.py"],
    "pymysql": ["app/sources/engines/mariadb*.py"],
    "sqlite3": ["app/kit/ending.py", "app/sources/engines/sqlite.py", "app/commands/sample/*"],
    "sqlglot": ["app/sources/parser/*"],
    "ua_parser": ["app/sources/agents.py"],
    "stream_zip": ["app/archive/package.py"],
    "jinja2": ["app/archive/report.py", "app/archive/receipt.py", "app/archive/assets.py", "app/erasures/receipt.py"],
    "markupsafe": ["app/archive/report.py"],
    "babel": ["app/archive/translator.py"],
    "isal": ["app/archive/package.py"],
    "cryptography": ["app/kit/seal.py", "app/kit/sign.py"],
    "httpx": ["app/client/*", "app/webhooks/send.py", "app/access/oidc_keys.py", "app/access/oidc_sign_in.py"],
    "jwt": ["app/access/oidc*.py"],
    "standardwebhooks": ["app/webhooks/send.py"],
    "rich": ["app/client/*"],
    "uvicorn": ["app/commands/api.py", "app/kit/wire.py"],
    "uvloop": ["app/commands/api.py"],
    "minio": ["app/storage/s3*.py"],
    "urllib3": ["app/storage/s3*.py"],
    "redis": ["app/jobs/redis.py", "app/access/redis.py"],
    "pyrate_limiter": ["app/access/counter.py", "app/access/redis.py"],
    "arq": ["app/jobs/redis.py"],
}
ADAPTERS = {"postgres", "mariadb", "sqlite", "s3", "local", "redis", "keys", "oidc"}


def modules() -> list[Path]:
    return sorted(APP.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    return path.relative_to(APP).parts[0].removesuffix(".py")


def floor(name: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if name in names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_its_own_room_and_those_further_along_the_path(path: Path) -> None:
    if path == APP / "__init__.py":
        return
    here = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "app":
            assert parts[1] == here or floor(parts[1]) > floor(here), f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_adapters_are_named_by_the_composition_root_alone(path: Path) -> None:
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "app" and len(parts) > 3 and parts[1] != "commands" and parts[-2] in ADAPTERS:
            known = path.name in ("bootstrap.py", "adapters.py") or (
                parts[1:3] == ["access", "keys"] and room(path) == "commands"
            )
            assert known, f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_library_is_imported_only_where_it_is_at_home(path: Path) -> None:
    inside = path.relative_to(ROOT)
    for name in imports(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or any(inside.match(home) for home in homes), f"{inside} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_stays_small(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{path} has no docstring"
    assert len(text.splitlines()) <= 250
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_happens_at_import(path: Path) -> None:
    """Statements of a module declare, or build constants; they call nothing for its effect."""
    for node in ast.parse(path.read_text()).body:
        effect = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
        declares_index = effect and ast.unparse(node).startswith("Index(")
        assert not effect or declares_index, f"{path}:{node.lineno}"


def test_the_page_on_the_house_shows_its_tree() -> None:
    drawn = [line.split()[1] for line in PAGE.splitlines() if line.startswith(("├── ", "└── "))]
    there = [f"{path.name}/" if path.is_dir() else path.name for path in APP.iterdir()]
    assert sorted(drawn) == sorted(set(there) - {"__init__.py", "__pycache__/"})


def test_the_page_on_the_house_says_which_way_imports_go() -> None:
    (said,) = re.findall(r"`(__main__ → [^`]*)`", PAGE)
    assert [set(re.split(r", | \| ", floor)) for floor in " ".join(said.split()).split(" → ")] == FLOORS


def test_the_page_on_the_house_names_only_files_that_are_there() -> None:
    named = re.findall(r"`([a-z_/]+(?:\.py|/))`", PAGE)
    missing = [one for one in named if not ((APP / one).exists() or (ROOT / one).exists() or list(APP.rglob(one)))]
    assert len(named) > 30
    assert missing == []


def test_a_broad_except_is_somebodys_last_line() -> None:
    broad = [
        f"{path.relative_to(APP)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and ast.unparse(node.body[-1]) != "raise"
    ]
    assert {one.split(":")[0] for one in broad} == {
        "audit/group.py", "audit/sealer.py", "history/watch.py", "jobs/run.py", "jobs/takers.py", "jobs/tick.py", "kit/http.py", "visitors/search.py",
        # These two hand whatever was raised in one thread to whoever waits in another.
        "kit/threads.py", "sources/engines/session.py",
    }  # fmt: skip


def test_direct_dependencies_stay_few_and_each_has_its_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text().split("dependencies = [")[1].split("]\n")[0].strip().splitlines()
    assert len(lines) <= 29
    assert all("#" in line for line in lines)
    assert sys.version_info >= (3, 11)


def test_a_worker_holds_neither_a_web_framework_nor_a_parser() -> None:
    """Each would cost every worker a tenth of its memory."""
    loaded = "import sys, app.commands.worker; print(*(one for one in ('fastapi', 'starlette', 'uvicorn', 'sqlglot') if one in sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
