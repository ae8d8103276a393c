"""What `sources init` writes: a data source that takes its SELECTs from a preset, and a data center to fill in."""

import json
from collections.abc import Mapping
from pathlib import Path

from app.adapters import build_source
from app.commands.wanted import Wanted
from app.kit.errors import Misconfigured
from app.sources.port import DataSource
from app.sources.preset import first_section

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
