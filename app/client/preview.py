"""How a preview looks: what would be erased, made anonymous and kept, and what happens beside it."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from app.client.ended import Json
from app.client.screen import Fitting, Indented, count
from app.client.search import Candidate
from app.client.service import UNFINISHED
from app.kit.text import visible

_COLUMNS = ("What", "Becomes", "Rows", "Because")
_LINE = "  {0}\n    {1}, rows: {2}\n    {3}"
_BECOMES = {"delete": "deleted", "anonymise": "made anonymous", "keep": "kept"}


def previewed(plan: Json, one: Candidate, *, keeps_exports: bool) -> Iterator[RenderableType]:
    """The plan itself is sealed, and nothing to look at."""
    visitor = f"{visible(plan['visitor']['label'])} ({visible(plan['visitor']['handle'])})"
    whole = plan["scope"] == "visitor"
    what = f"visitor {visitor}, on every device" if whole else f"{one.name} alone, of visitor {visitor}"
    yield f"\nTo be erased on {visible(one.source['title'])}: {what}."
    yield Fitting(_COLUMNS, [_row(step) for step in plan["steps"]], ("Rows",), _LINE)
    yield ""
    for sentence in _beside(plan, keeps_exports=keeps_exports):
        yield Indented(sentence)


def in_words(steps: Sequence[Json], rows: str) -> str:
    """What becomes of how many, as in `6 rows deleted, 3 rows kept`."""
    sums = {action: sum(one[rows] for one in steps if one["action"] == action) for action in _BECOMES}
    told = [
        f"{count(many)} {'row' if many == 1 else 'rows'} {_BECOMES[action]}" for action, many in sums.items() if many
    ]
    return ", ".join(told) or "no rows"


def _row(step: Json) -> tuple[str, ...]:
    becomes = _BECOMES.get(step["action"], visible(step["action"]))
    return (visible(step["title"]), becomes, count(step["rows"]), visible(step["because"] or ""))


def _beside(plan: Json, *, keeps_exports: bool) -> Iterator[str]:
    yield f"Together: {in_words(plan['steps'], 'rows')}."
    unfinished = [one["id"] for one in plan["exports"] if one["status"] in UNFINISHED]
    ready = [one["id"] for one in plan["exports"] if one["status"] == "ready"]
    if unfinished:
        yield f"Exports that are unfinished: {', '.join(unfinished)}. Nothing is erased before they have ended."
    if ready:
        yield f"Archives that are ready, and {'stay' if keeps_exports else 'are revoked with it'}: {', '.join(ready)}."
    if plan["needs_approval"]:
        yield "Another administrator must approve it, before anything is erased."
