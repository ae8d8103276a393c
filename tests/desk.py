"""An administrator's desk: the command `dossier` at a terminal and in a script, against a service of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyte

from tests.site import ROOT, Site
from tests.terminal import Terminal, terminal

COMMAND = [sys.executable, "-m", "app.client"]
JANES_IPHONE = ("jane@example.com", "--source", "website", "--device", "iPhone", "--browser", "Safari")


@dataclass(slots=True)
class Desk:
    """`folder` is where archives go; `ended` whatever the last command in a terminal ended with."""

    url: str
    key: str
    folder: Path
    ended: int = -1
    said: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DOSSIER_", "COLUMNS"))}
        own = {"DOSSIER_URL": self.url, "DOSSIER_KEY": self.key, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        return inherited | own | self.said

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=ROOT, env=self.environ | environ, capture_output=True, text=True, check=False,
            timeout=120, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ready(self) -> dict[str, Any]:
        """A new export whose archive nobody has downloaded."""
        export: dict[str, Any] = self.json("export", *JANES_IPHONE, "--no-download")
        return export

    @contextmanager
    def sits(self, *arguments: str, columns: int = 80, **environ: str) -> Iterator[Terminal]:
        """At a terminal; what is shown there when the command has ended can be read by `looks_like`."""
        with terminal([*COMMAND, *arguments], self.environ | environ, columns) as shown:
            yield shown
            self.ended = shown.end()
        assert "Traceback" not in shown.text, shown.text

    def left(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


def looks_like(shown: Terminal, columns: int) -> str:
    screen = pyte.Screen(columns, 200)
    pyte.ByteStream(screen).feed(shown.shown)
    return "\n".join(line.rstrip() for line in screen.display).strip()


def desk(place: Site, folder: Path, key: str = "", url: str = "") -> Desk:
    folder.mkdir(exist_ok=True)
    return Desk(url or f"http://127.0.0.1:{place.environ['DOSSIER_PORT']}", key or place.key(), folder)
