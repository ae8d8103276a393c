"""README.txt and report.html: the archive in plain words, on one page that needs no program and no network."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files

import msgspec

from app.archive.frame import Frame
from app.archive.tally import First, Tally
from app.kit.json_text import members
from app.kit.text import visible
from app.sources.port import Section

Words = Mapping[str, str]
_HERE = files("app.archive")
_CELL = 400
_BAR, _HEIGHT = 12, 80


def write_readme(frame: Frame) -> bytes:
    words = _words(frame.language)
    said = {key: _plain(frame.notice[key]) for key in ("controller", "contact", "rights", "authority")}
    text = words["readme"].format(
        title=words["title"], rule="=" * len(words["title"]), center=frame.data_center.title,
        source=frame.data_source.title, device=visible(frame.device or words["unknown"]),
        browser=visible(frame.browser or words["unknown"]), as_of=_moment(frame.as_of), id=frame.id, **said,
    )  # fmt: skip
    return text.encode("utf-8", "backslashreplace")


def write_report(frame: Frame, sections: Sequence[Section], tallies: Sequence[Tally]) -> bytes:
    """One HTML page without script or remote resource; every value is escaped."""
    page = _Page(frame, _words(frame.language), {tally.section.name: tally for tally in tallies})
    return "\n".join(page.lines(sections)).encode("utf-8", "backslashreplace")


class _Page:
    def __init__(self, frame: Frame, words: Words, tallies: Mapping[str, Tally]) -> None:
        self._frame, self._words, self._tallies = frame, words, tallies

    def lines(self, sections: Sequence[Section]) -> Iterator[str]:
        yield from self._head()
        yield from self._notice()
        yield from self._glance(sections)
        yield from self._timeline()
        for section in sorted(sections, key=lambda one: one.category != "demographic"):
            yield from self._section(section)
        yield from self._rest()
        yield "</main></body></html>"

    def _head(self) -> Iterator[str]:
        frame, words = self._frame, self._words
        lead = words["lead"].format(
            center=frame.data_center.title, source=frame.data_source.title, as_of=_moment(frame.as_of)
        )
        device, browser = (escape(visible(one or words["unknown"])) for one in (frame.device, frame.browser))
        yield f'<!doctype html><html lang="{frame.language}"><head><meta charset="utf-8">'
        style = (_HERE / "report.css").read_text("utf-8")
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
        yield f"<title>{escape(words['title'])}</title><style>{style}</style></head><body><main>"
        yield f"<header><h1>{escape(words['title'])}</h1><p>{escape(lead)} {escape(words['for_you'])}</p>"
        yield f"<dl><dt>{escape(words['combination'])}</dt><dd>{device} · {browser}</dd>"
        yield f"<dt>{escape(words['export'])}</dt><dd>{escape(frame.id)}</dd></dl></header>"

    def _notice(self) -> Iterator[str]:
        yield f"<section><h2>{escape(self._words['notice'])}</h2><dl>"
        for key, value in self._frame.notice.items():
            yield f"<dt>{escape(self._words[key])}</dt><dd>{escape(_plain(value))}</dd>"
        yield "</dl></section>"

    def _glance(self, sections: Sequence[Section]) -> Iterator[str]:
        words = self._words
        yield f'<section><h2>{escape(words["glance"])}</h2><div class="wide"><table><thead><tr>'
        for key in ("section", "rows", "first", "last", "purpose", "kept", "origin"):
            yield f'<th scope="col">{escape(words[key])}</th>'
        yield "</tr></thead><tbody>"
        for section in sections:
            tally = self._tallies.get(section.name)
            cells = [escape(one) for one in (section.purpose, section.retention, words[section.origin])]
            dates = [_day(one) for one in ((tally.first, tally.last) if tally else (None, None))]
            rows = f"{tally.rows:,}" if tally else escape(words[section.status].format(reason=section.reason))
            yield f'<tr><th scope="row">{escape(section.title)}</th><td class="number">{rows}</td>'
            yield "".join(f'<td class="date">{date}</td>' for date in dates)
            yield "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        yield "</tbody></table></div></section>"

    def _timeline(self) -> Iterator[str]:
        months: Counter[str] = Counter()
        for tally in self._tallies.values():
            for day, count in tally.days.items():
                months[day.isoformat()[:7]] += count
        if not months:
            return
        shown = sorted(months)
        width, most = len(shown) * _BAR, max(months.values())
        yield f"<section><h2>{escape(self._words['timeline'])}</h2>"
        yield f'<svg role="img" viewBox="0 0 {width} {_HEIGHT}" width="{width}" height="{_HEIGHT}" '
        yield f'style="max-width:100%" aria-label="{shown[0]} – {shown[-1]}">'
        for number, month in enumerate(shown):
            tall = max(1, round(_HEIGHT * months[month] / most))
            yield f'<rect x="{number * _BAR}" y="{_HEIGHT - tall}" width="{_BAR - 2}" height="{tall}">'
            yield f"<title>{month}: {months[month]:,}</title></rect>"
        yield f'</svg><p class="note">{shown[0]} – {shown[-1]}</p></section>'

    def _section(self, section: Section) -> Iterator[str]:
        words, tally = self._words, self._tallies.get(section.name)
        yield f"<section><h2>{escape(section.title)}</h2>"
        if section.because:
            yield f'<p class="note">{escape(words["whole_account"].format(because=section.because))}</p>'
        if tally is None:
            yield f"<p>{escape(words[section.status].format(reason=section.reason))}</p></section>"
            return
        rows = tally.sample.rows()
        if tally.rows == 0:
            yield f"<p>{escape(words['nothing'])}</p>"
        if not tally.sample.complete:
            kind = "beginning" if isinstance(tally.sample, First) else "newest"
            said = words[kind].format(shown=f"{len(rows):,}", rows=f"{tally.rows:,}")
            yield f'<p class="note">{escape(said)} {escape(words["rest"])}</p>'
        yield from _table([_cells(row) for row in rows])
        yield "</section>"

    def _rest(self) -> Iterator[str]:
        count = self._frame.other_combinations
        key = {0: "others_none", 1: "others_one"}.get(count, "others")
        yield f"<section><h2>{escape(self._words['elsewhere'])}</h2>"
        yield f"<p>{escape(self._words[key].format(count=count))}</p></section>"
        yield f"<section><h2>{escape(self._words['rest_title'])}</h2>"
        yield f"<p>{escape(self._words['rest_text'])}</p></section>"


def _table(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if not rows:
        return
    columns = list(dict.fromkeys(name for row in rows for name in row))
    yield '<div class="wide"><table><thead><tr>'
    yield "".join(f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in columns)
    yield "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f'<td dir="auto">{escape(row.get(name, ""))}</td>' for name in columns) + "</tr>"
    yield "</tbody></table></div>"


def _cells(row: bytes) -> dict[str, str]:
    """A row's values as short texts; numbers and nested JSON as they stand, so that no digit is lost."""
    try:
        values = msgspec.json.decode(row, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        # Unpaired surrogates and any depth are valid JSON; that decoder takes neither.
        return {name: _cell(value) for name, value in members(row)}
    return {name: _cell(bytes(raw)) for name, raw in values.items()}


def _cell(raw: bytes) -> str:
    if raw == b"null":
        return "–"
    # No more is decoded than can be shown: a character has four bytes at most.
    text = json.loads(raw) if raw.startswith(b'"') else raw[: 4 * (_CELL + 1)].decode(errors="ignore")
    text = visible(text[: _CELL + 1].replace("\r\n", "\n"), but="\n\t")
    return text if len(text) <= _CELL else text[:_CELL] + " …"


def _words(language: str) -> Words:
    return tomllib.loads((_HERE / "words" / f"{language}.toml").read_text("utf-8"))


def _plain(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _moment(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC"


def _day(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d}" if value else ""
