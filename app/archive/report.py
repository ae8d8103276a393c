"""README.txt and report.html: the archive in plain words, on pages that need no program and no network."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from app.archive.absent import reason, what_is_absent
from app.archive.cell import Cell, cell, read_row, readable
from app.archive.frame import Frame
from app.archive.tally import First, Tally
from app.archive.timeline import draw_timeline
from app.archive.translator import Translator
from app.kit.text import visible
from app.sources.port import Section

_WIDEST_TABLE, _TOGETHER = 6, 1000
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESS = re.compile(r"(?:https?://|www\.)[\w-]+(?:\.[\w-]+)+(?:/[\w./-]*[\w/])?")


def templates() -> Environment:
    """Reads each template once. Whatever is filled into HTML is escaped, and a name that nobody gave is an error."""
    return Environment(
        loader=PackageLoader("app.archive"), autoescape=select_autoescape(["html.jinja"]), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A section as the report shows it: the rows that are shown, and whether as a table."""

    section: Section
    tally: Tally | None
    translator: Translator

    @property
    def reason(self) -> str:
        return reason(self.section, self.translator)

    @property
    def kind(self) -> str:
        """What the rows shown are, of all: the newest, or the first ones; or none, because the next is too long."""
        if self.tally and not self.tally.sample.rows():
            return "too_long"
        return "beginning" if self.tally and isinstance(self.tally.sample, First) else "newest"

    def rows(self) -> Sequence[Mapping[str, Cell]]:
        time, kept = self.section.time, self.tally.sample.rows() if self.tally else ()
        return [
            {name: cell(raw, self.translator, dated=name == time) for name, raw in read_row(row).items()}
            for row in kept
        ]

    def columns(self, rows: Sequence[Mapping[str, Cell]]) -> Sequence[str]:
        return list(dict.fromkeys(name for row in rows for name in row))

    def is_table(self, columns: Sequence[str]) -> bool:
        return len(columns) <= _WIDEST_TABLE

    def labels(self, columns: Sequence[str]) -> Mapping[str, str]:
        return {column: self.section.labels.get(column) or readable(column) for column in columns}


@dataclass(frozen=True, slots=True)
class Pages:
    """Writes both pages of one archive in its language."""

    templates: Environment
    frame: Frame
    sections: Sequence[Section]
    translator: Translator

    def readme(self) -> bytes:
        return b"".join(self._written("readme.txt.jinja"))

    def report(self, tallies: Sequence[Tally]) -> Iterator[bytes]:
        """In pieces, one HTML page without script or remote resource; every value is escaped."""
        counted = {tally.section.name: tally for tally in tallies}
        parts = [Part(one, counted.get(one.name), self.translator) for one in self.sections]
        months: Counter[tuple[int, int]] = Counter()
        for tally in tallies:
            # What the person did: no registration, and nothing that was worked out, is activity.
            if tally.section.category == "interaction":
                months.update(tally.months)
        # Who one is stands first; the rest keeps its order.
        shown = sorted(parts, key=lambda part: part.section.category != "demographic")
        return self._written(
            "report.html.jinja", parts=shown, timeline=draw_timeline(months),
            first=min((one.first for one in tallies if one.first), default=None),
            last=max((one.last for one in tallies if one.last), default=None),
        )  # fmt: skip

    def _written(self, name: str, **more: object) -> Iterator[bytes]:
        words = {
            "say": self.translator.say,
            "translator": self.translator,
            "frame": self.frame,
            "notice": self.frame.notice,
        }
        absent = list(what_is_absent(self.frame, self.sections, self.translator))
        filters = {"visible": visible, "plain": _plain, "with_email": _with_email, "with_address": _with_address}
        pieces = self.templates.get_template(name).stream(**words, **filters, absent=absent, **more)
        # A template gives a piece for each value, and each piece is packed and hashed by itself.
        pieces.enable_buffering(_TOGETHER)
        return (piece.encode("utf-8", "backslashreplace") for piece in pieces)


def _plain(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _with_email(text: str) -> Markup:
    """The text, with the first email address in it to be clicked on."""
    return _linked(text, _EMAIL, "mailto:{}")


def _with_address(text: str) -> Markup:
    return _linked(text, _ADDRESS, "{}")


def _linked(text: str, pattern: re.Pattern[str], form: str) -> Markup:
    found = pattern.search(text)
    if not found:
        return Markup.escape(text)
    target = form.format(f"https://{found[0]}" if found[0].startswith("www.") else found[0])
    link = Markup('<a href="{}">{}</a>').format(target, found[0])
    return Markup.escape(text[: found.start()]) + link + Markup.escape(text[found.end() :])
