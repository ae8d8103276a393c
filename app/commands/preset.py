"""What `sources init` writes: a data source that takes its SELECTs from a preset, and a data center to fill in."""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.bootstrap import build_source
from app.kit.errors import Misconfigured
from app.sources.port import DataSource
from app.sources.preset import first_section, preset_names, preset_variables

_ASKED = {
    "preset": "Which preset", "data_center": "Id of the data center", "source": "Id of the data source",
    "title": "Its title, as people read it", "dsn": "Name of the variable that holds the database's URL",
}  # fmt: skip
_CENTER = """\
# Fill in what GDPR Art. 15 asks to be said; until then the service does not start.
title = {title}
language = "en"                # en, de, fr, es or it

[notice]
controller = ""                # who is responsible, with the address
contact    = ""                # whom to ask, an email address at best
rights     = ""                # correction, erasure, objection, and how to ask for them
authority  = ""                # where to complain
"""
_OWN_WORDS = """\

# What this file says of a section wins over the preset, for example how long you keep it (docs/sources.md):
# [[section]]
# name      = "{section}"
# retention = {{en = "13 months", de = "13 Monate"}}
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    preset: str
    data_center: str
    source: str
    title: str
    dsn: str
    variables: Mapping[str, str]

    @classmethod
    def asked(cls, arguments: argparse.Namespace) -> "Wanted":
        """From the options; what is missing is asked for on a terminal. Raises Misconfigured elsewhere."""
        given = {name: getattr(arguments, name) or _ask(name, question) for name, question in _ASKED.items()}
        if given["preset"] not in preset_names():
            raise Misconfigured(f"--preset: there are {', '.join(preset_names())}.")
        variables = dict(arguments.set)
        for name in preset_variables(given["preset"]):
            if name not in variables and sys.stdin.isatty():
                variables[name] = input(f"{name} (empty if there is none): ").strip()
        return cls(**given, variables=variables)


def add_wanted(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", metavar="P", help=", ".join(preset_names()))
    parser.add_argument("--data-center", metavar="D")
    parser.add_argument("--source", metavar="S")
    parser.add_argument("--title", metavar="T")
    parser.add_argument("--dsn", metavar="VARIABLE", help="the environment variable that holds the database's URL")
    parser.add_argument("--set", action="append", default=[], type=_pair, metavar="NAME=VALUE", help="of the preset's")


def write_source(folder: Path, wanted: Wanted, environ: Mapping[str, str]) -> DataSource:
    """Writes the file, and the center's where there is none; the source is ready to be checked. Raises Misconfigured,
    and then leaves nothing behind."""
    center = folder / wanted.data_center
    file = center / f"{wanted.source}.toml"
    if file.exists():
        raise Misconfigured(f"{file} is there already; remove it first, or choose another --source.")
    center.mkdir(parents=True, exist_ok=True)
    file.write_text(_source_text(wanted), "utf-8")
    try:
        source = build_source(file, environ)
    except Misconfigured:
        file.unlink()
        raise
    print(f"Wrote {file}.")
    about = center / "center.toml"
    if not about.exists():
        about.write_text(_CENTER.format(title=json.dumps(wanted.data_center)), "utf-8")
        print(f"Wrote {about}: fill in its notice before you start the service.")
    return source


def _source_text(wanted: Wanted) -> str:
    lines = [f"{key} = {json.dumps(getattr(wanted, key), ensure_ascii=False)}" for key in ("preset", "title", "dsn")]
    if wanted.variables:
        values = (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in wanted.variables.items())
        lines += ["", "[variables]", *values]
    return "\n".join(lines) + "\n" + _OWN_WORDS.format(section=first_section(wanted.preset))


def _ask(name: str, question: str) -> str:
    if not sys.stdin.isatty():
        raise Misconfigured(f"--{name.replace('_', '-')} is missing; without a terminal nobody can be asked for it.")
    return input(f"{question}: ").strip() or _ask(name, question)


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
