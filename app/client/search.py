"""Looks for a visitor and shows every device + browser combination there is to choose from."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.text import Text

from app.client.ended import Code, Ended, Json
from app.client.screen import Fitting, Indented, Screen, count, day, said
from app.client.service import Service
from app.kit.text import visible

KINDS = ("email", "tracking_id")
_COLUMNS = ("No", "Device", "Browser", "First seen", "Last seen", "Count", "Note")
_LINE = "  {0:>4}  {1} · {2}\n        {5} interactions, {3} – {4}\n        {6}"
# A few words for the table, and the sentence that stands below it.
_WARNINGS = {
    "shared-browser": ("shared", "more than one person used this browser, so what is exported may be another's."),
    "rotating-id": ("rotating id", "this browser changes its Tracking ID, so earlier visits may stand under others."),
    "not-exportable": ("no export", "a value of this combination cannot be passed on; tell whoever runs the service."),
    "erased-before": ("erased", "this visitor was erased before, so what is held came in later."),
}
_PROBLEMS = {
    "source-unavailable": "did not answer. What it holds is not shown; search again later.",
    "source-misconfigured": "could not be asked, because its mapping does not fit it; tell whoever runs the service.",
}
_UNSUPPORTED = "cannot be searched by this kind of identifier."


@dataclass(frozen=True, slots=True)
class Candidate:
    """A combination as the search offers it; `number` is its place among all that were found."""

    number: int
    source: Json
    visitor: Json
    found: Json

    @property
    def name(self) -> str:
        return f"{said(self.found['device'])} · {said(self.found['browser'])}"

    @property
    def described(self) -> str:
        visitor = f"{visible(self.visitor['label'])} ({visible(self.visitor['handle'])})"
        return f"{self.name} on {visible(self.source['title'])}, visitor {visitor}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("identifier", help="a Tracking ID or an email")
    parser.add_argument(
        "--kind", choices=KINDS, metavar="KIND", help="email or tracking_id (default: with an @ it is an email)"
    )


def run(arguments: argparse.Namespace, service: Service, screen: Screen) -> int:
    found = service.search(arguments.identifier, arguments.kind)
    if not screen.as_json:
        screen.say(*shown(found))
    screen.result(found)
    if not candidates(found):
        raise nobody(found)
    return Code.DONE


def candidates(found: Json) -> list[Candidate]:
    every = [
        (source, visitor, one)
        for source in found["data_sources"]
        for visitor in source["visitors"]
        for one in visitor["combinations"]
    ]
    return [Candidate(number, *one) for number, one in enumerate(every, 1)]


def nobody(found: Json) -> Ended:
    """That nobody was found is no answer while somebody was not asked."""
    silent = [visible(one["title"]) for one in found["data_sources"] if one["status"] == "unavailable"]
    if silent:
        return Ended(Code.AWAY, f"Nobody was found, but {' and '.join(silent)} did not answer. Search again later.")
    unasked = [visible(one["title"]) for one in found["data_sources"] if one["status"] == "unsupported"]
    others = f" {' and '.join(unasked)} cannot be searched by this kind of identifier." if unasked else ""
    return Ended(Code.DOES_NOT_HOLD, f"Nobody was found who matches this identifier.{others}")


def shown(found: Json, only: str | None = None) -> Iterator[RenderableType]:
    """The heading of each data source, and a table for each of its visitors."""
    every = candidates(found)
    for source in found["data_sources"]:
        if only in (None, source["id"]):
            yield ""
            yield Text(visible(source["title"]), style="bold")
            yield from _indented(_answer(source))
            for number, visitor in enumerate(source["visitors"]):
                yield from [""] if number else []
                yield from _visitor(visitor, [one for one in every if one.visitor is visitor])
            yield from _remarks(source)


def _visitor(visitor: Json, offered: Sequence[Candidate]) -> Iterator[RenderableType]:
    by = {"tracking_id": "Tracking ID"}.get(visitor["matched_by"], visible(visitor["matched_by"]))
    yield from _indented([f"visitor {visible(visitor['label'])} ({visible(visitor['handle'])}), found by {by}"])
    yield Fitting(_COLUMNS, [_row(one) for one in offered], ("No", "Count"), _LINE)


def _row(one: Candidate) -> tuple[str, ...]:
    found = one.found
    notes = ", ".join(_WARNINGS.get(slug, (slug, ""))[0] for slug in found["warnings"])
    seen = (day(found["first_seen"]), day(found["last_seen"]), count(found["interactions"]))
    return (str(one.number), said(found["device"]), said(found["browser"]), *seen, notes)


def _answer(source: Json) -> Iterator[str]:
    """Why nothing is there, if nothing is."""
    if source["status"] == "unsupported":
        yield _UNSUPPORTED.capitalize()
    elif source["status"] != "answered":
        yield _PROBLEMS.get(source["problem"], "did not answer.").capitalize()
    elif not source["visitors"]:
        yield "Nobody matches."


def _remarks(source: Json) -> Iterator[RenderableType]:
    """What is to be known of the combinations, apart from them."""
    told = [*map(Indented, _warnings(source)), *_unbound(source)]
    if source["visitors"] and told:
        yield from ("", *told)


def _warnings(source: Json) -> Iterator[str]:
    """Each as a sentence, once; and that there is more."""
    found = [one for visitor in source["visitors"] for one in visitor["combinations"]]
    for slug in dict.fromkeys(slug for one in found for slug in one["warnings"]):
        short, sentence = _WARNINGS.get(slug, (slug, "this version of the command knows no words for it."))
        yield f"{short}: {sentence}"
    if source["more"]:
        yield "There are more combinations than are shown here; search by a Tracking ID to see fewer."


def _unbound(source: Json) -> Iterator[RenderableType]:
    if source["unbound_sections"]:
        yield Indented("Exported whichever combination is chosen:")
    for one in source["unbound_sections"]:
        yield Indented(f"{visible(one['title'])}: {visible(one['because'])}.", 4)


def _indented(sentences: Iterator[str] | Sequence[str]) -> Iterator[RenderableType]:
    yield from map(Indented, sentences)
