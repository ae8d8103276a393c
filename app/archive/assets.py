"""What every archive of a process is written on: the templates of its pages, and the viewer, the same bytes in each."""

from dataclasses import dataclass, field
from importlib.resources import files

from jinja2 import Environment

from app.archive.report import templates


def _viewer() -> bytes:
    """As `make viewer` wrote it: packed anew, another build of zlib might give other bytes."""
    return (files("app.archive") / "viewer.html").read_bytes()


@dataclass(frozen=True, slots=True)
class Assets:
    """Read once, when the process starts."""

    templates: Environment = field(default_factory=templates)
    viewer: bytes = field(default_factory=_viewer)
