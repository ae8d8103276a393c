"""The history of a data center's exports and erasures, newest first, by filters or of one identifier."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from app.client.ended import Code, Ended, Json
from app.client.screen import Fitting, Screen, day, minute, said
from app.client.search import KINDS
from app.client.service import Service
from app.kit.clock import rfc3339
from app.kit.text import visible

_FILTERS = ("status", "requested_by", "case_reference", "from", "to", "data_source", "kind")
_STATUSES = (
    "queued, failed or cancelled; of exports compiling, ready, revoked or expired;"
    " of erasures requested, erasing or done"
)
_COLUMNS = ("Requested", "Status", "Data source", "Visitor", "Device · Browser", "By", "Case", "Note", "Id")
_LINE = "{0}  {1}\n  {2}, {3}\n  {4}\n  by {5}, case {6}\n  {7}\n  {8}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--identifier", metavar="X", help="of one Tracking ID or email; goes with no filter")
    parser.add_argument(
        "--identifier-kind",
        choices=KINDS,
        metavar="KIND",
        help="email or tracking_id (default: with an @ it is an email)",
    )
    parser.add_argument("--status", metavar="S", help=_STATUSES)
    parser.add_argument("--requested-by", metavar="NAME", help="the administrator's name")
    parser.add_argument("--case-reference", metavar="TEXT")
    parser.add_argument("--from", type=_moment, metavar="DAY", help="2026-01-31 or 2026-01-31T09:00:00Z, or later")
    parser.add_argument("--to", type=_moment, metavar="DAY", help="before this day or moment, in UTC")
    parser.add_argument("--data-source", metavar="ID")
    parser.add_argument("--kind", choices=("export", "erasure"), metavar="KIND", help="export or erasure")
    parser.add_argument("--all", action="store_true", help="every page, and not the first alone")


def run(arguments: argparse.Namespace, service: Service, screen: Screen) -> int:
    pages = _asked(arguments, service)
    found, more = [], None
    for page in pages if arguments.all else islice(pages, 1):
        found += page["items"]
        more = page["next_page_token"]
        _show(screen, page["items"])
    if not found:
        screen.say("The history holds nothing of the kind.")
    elif more:
        screen.say(f"These are the newest {len(found)}; there is more, which --all shows.")
    screen.result({"items": found, "next_page_token": more})
    return Code.DONE


def _asked(arguments: argparse.Namespace, service: Service) -> Iterator[Json]:
    given = {name: getattr(arguments, name) for name in _FILTERS if getattr(arguments, name) is not None}
    if arguments.identifier is None:
        return service.history(given)
    if given:
        raise Ended(Code.MISUSED, "--identifier goes without the filters; leave one or the other out.")
    return service.history_of(arguments.identifier, arguments.identifier_kind)


def _show(screen: Screen, items: list[Json]) -> None:
    if items and not screen.as_json:
        screen.say(Fitting(_COLUMNS, [_row(one) for one in items], (), _LINE))


def combination(entry: Json) -> str:
    """What was chosen, or all of it."""
    if entry["scope"] == "visitor":
        return "whole visitor"
    return f"{said(entry['device'])} · {said(entry['browser'])}"


def _note(one: Json) -> str:
    """What an erasure left."""
    backups = f"backups until {day(one['backups_until'])}" if one.get("backups_until") else ""
    told = ("erasure" if one["kind"] == "erasure" else "", backups, "receipt" if one["links"].get("receipt") else "")
    return ", ".join(filter(None, told))


def _row(one: Json) -> tuple[str, ...]:
    visitor = f"{one['visitor']['label']} ({one['visitor']['handle']})"
    status = one["status"] + (f" ({one['problem']})" if one["problem"] else "")
    told = (
        status,
        one["data_source"]["title"],
        visitor,
        combination(one),
        one["requested_by"],
        one["case_reference"] or "–",
        _note(one),
    )
    return (minute(one["requested_at"]), *map(visible, told), one["id"])


def _moment(text: str) -> str:
    """A day is its beginning in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("write a day or a moment, such as 2026-01-31") from None
    return rfc3339(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
