"""Plants defects in the rooms that change or delete, by a fixed seed, and runs the tests nearest to each."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.plant import Defect, defects

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
BUDGET_SECONDS, MOST_SECONDS = 20 * 60, 150
_API = "tests/api/test_{}.py"
_CONTRACT = "tests/contract/test_{}.py"
_EXPORTS = [_API.format("exports"), _API.format("links"), "tests/broken/test_faults.py", _CONTRACT.format("cancelling")]
_ERASURES = [_API.format("erasures"), _CONTRACT.format("erasing")]
# The rooms, and the tests nearest to each: the quickest to notice something first.
NEAREST: Mapping[str, Sequence[str]] = {
    "app/erasures": _ERASURES,
    "app/sources/steps.py": [_CONTRACT.format("erasing"), _API.format("erasures")],
    "app/visitors/memory.py": _ERASURES,
    "app/exports": [
        *_EXPORTS, _API.format("idempotency"), _API.format("limits"), _CONTRACT.format("expiry"), _API.format("waiting"),
        "tests/unit/test_ranges.py", "tests/broken/test_broken_downloads.py",
    ],
    "app/history": [
        *_EXPORTS, _API.format("history"), _API.format("erasures"), _CONTRACT.format("expiry"), _API.format("waiting"),
        _CONTRACT.format("unfinished"), _CONTRACT.format("turn"),
    ],
    "app/jobs": [
        *_EXPORTS, _CONTRACT.format("turn"), _CONTRACT.format("bell"), _CONTRACT.format("expiry"), _CONTRACT.format("unfinished"),
        "tests/broken/test_dead_parts.py", _API.format("metrics"),
    ],
    "app/storage": ["tests/unit/test_stream.py", _CONTRACT.format("storage"), _CONTRACT.format("directory"), _CONTRACT.format("s3"), *_EXPORTS],
    "app/access/keys.py": [_API.format("access"), _API.format("exports"), _API.format("oidc")],
    "app/sources/candidate.py": ["tests/unit/test_handles.py", _API.format("exports"), _API.format("search"), "tests/unit/test_kit.py"],
    "app/sources/handles.py": ["tests/unit/test_handles.py", _API.format("index_key"), _API.format("history"), _API.format("erasures")],
}  # fmt: skip
# Nothing but what an address is called and how it is described.
_LEFT_OUT = ("endpoints.py", "schemas.py", "tables.py", "__init__.py")


@dataclass(frozen=True, slots=True)
class Planted:
    file: str
    defect: Defect
    source: str

    @property
    def name(self) -> str:
        return f"{self.file}: {self.source} [{self.defect.what}]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--most", type=int, default=160, help="how many defects are planted")
    parser.add_argument("--only", default="", help="in files whose path has this in it")
    given = parser.parse_args()
    chosen = _chosen(given.seed, given.most, given.only)
    until = time.monotonic() + BUDGET_SECONDS
    found, survivors, left = 0, list[Planted](), 0
    with tempfile.TemporaryDirectory(prefix="dossier-mutants-") as folder, ThreadPoolExecutor(2) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(2):
            copies.put(_copied(Path(folder) / str(number)))
        for one, noticed in pool.map(lambda each: (each, _noticed(each, copies, until)), chosen):
            if noticed is None:
                left += 1
                continue
            found += noticed
            survivors += [] if noticed else [one]
            print(f"{'found   ' if noticed else 'SURVIVES'}  {one.name}", flush=True)
    tried = found + len(survivors)
    print(f"\n{found} of {tried} found ({found / max(tried, 1):.1%}); {left} were left out for want of time")
    for one in survivors:
        print(f"  {one.name}")
    return 0


def _chosen(seed: int, most: int, only: str) -> list[Planted]:
    """Spread over the files by their numbers of places, without those that change nothing."""
    equivalent = {one["name"] for one in tomllib.loads(EQUIVALENT.read_text()).get("equivalent", [])}
    every = [one for room in NEAREST for file in _files(room) for one in _planted(file) if only in one.file]
    every = [one for one in every if one.name not in equivalent]
    return random.Random(seed).sample(every, min(most, len(every)))


def _files(room: str) -> list[Path]:
    path = ROOT / room
    return [path] if path.is_file() else [one for one in sorted(path.glob("*.py")) if one.name not in _LEFT_OUT]


def _planted(file: Path) -> list[Planted]:
    text = file.read_text()
    lines = text.splitlines()
    name = str(file.relative_to(ROOT))
    return [Planted(name, one, lines[one.line - 1].strip()) for one in defects(text)]


def _copied(folder: Path) -> Path:
    left_out = shutil.ignore_patterns(".git", ".venv", "var", "node_modules", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=left_out, symlinks=True)
    return folder


def _noticed(one: Planted, copies: "SimpleQueue[Path]", until: float) -> bool | None:
    """None where there is no time left."""
    if time.monotonic() > until:
        return None
    copy = copies.get()
    file = copy / one.file
    right = file.read_text()
    try:
        file.write_text(one.defect.in_(right))
        # The embedded adapters first, because a server takes seconds to start.
        return any(_fails(copy, one, words) for words in ("not postgres", "postgres"))
    finally:
        file.write_text(right)
        copies.put(copy)


def _fails(copy: Path, one: Planted, which: str) -> bool:
    room = next(room for room in NEAREST if one.file.startswith(room))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-k", which, *NEAREST[room]]
    environ = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, check=False, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    # 5: nothing was selected.
    return done.returncode not in (0, 5)


if __name__ == "__main__":
    raise SystemExit(main())
