"""Asks a parser about a mapping's statements: how they are bound to the combination, ordered, and what they read."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMBINATION = ("device", "browser")
_ROOT = Path(__file__).parents[3]
_MOST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Bound:
    """How a condition holds a parameter: a verdict of `app.sources.parser.judge`, or `unused`."""

    parameter: str
    verdict: str
    condition: str


@dataclass(frozen=True, slots=True)
class Sought:
    """What an identifier is compared with: a table (its name alone, and as SQL has it), what the statement calls it,
    and an expression of its columns."""

    name: str
    table: str
    alias: str
    expression: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a statement is made of; nothing of it where the parser could not read it. Names in lower case."""

    parsed: bool
    # Whether it is a DELETE or an UPDATE.
    changes: bool = False
    ordered: bool = False
    tables: tuple[str, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    bound: tuple[Bound, ...] = ()
    sought: tuple[Sought, ...] = ()


def inspected(questions: Sequence[tuple[str, str]]) -> list[Seen]:
    """For each engine and statement what was seen. The parser would take 20 MB of every process that held it, so it
    works in one that ends at once. Raises OSError, subprocess.SubprocessError."""
    if not questions:
        return []
    done = subprocess.run(
        [sys.executable, "-m", "app.sources.parser.grammar"],
        input=json.dumps(questions), capture_output=True, check=True, text=True, cwd=_ROOT, timeout=_MOST_SECONDS,
    )  # fmt: skip
    return [_seen(one) for one in json.loads(done.stdout)]


def _seen(said: dict[str, Any]) -> Seen:
    bound, keys = (Bound(**one) for one in said["bound"]), ((table, column) for table, column in said["keys"])
    sought = (Sought(**one | {"columns": tuple(one["columns"])}) for one in said["sought"])
    listed = tuple(said["tables"]), tuple(keys), tuple(bound), tuple(sought)
    return Seen(said["parsed"], said["changes"], said["ordered"], *listed)
