"""What every archive of a process is written on: the templates of its pages, and the viewer, the same bytes in each."""

from dataclasses import dataclass, field

from jinja2 import Environment

from app.archive.bundle import viewer
from app.archive.report import templates


@dataclass(frozen=True, slots=True)
class Stationery:
    """Read once, when the process starts."""

    templates: Environment = field(default_factory=templates)
    viewer: bytes = field(default_factory=viewer)
