"""Waits for an export or an erasure as the service tells of its changes, and shows how far it is."""

import time

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from app.client.ended import Code, Ended, Json
from app.client.problems import failed
from app.client.screen import Screen, count, interrupted, size
from app.client.service import UNFINISHED, Service
from app.kit.text import visible

# Whoever answers sooner that nothing has changed does not wait, as a cache in between; then we do.
_AT_ONCE = 1.0
_DOING = {"export": "Compiling", "erasure": "Erasing"}
_PARTS = {"export": "sections", "erasure": "steps"}
_LATER = {
    "export": ("The export goes on. To have it later:", "download"),
    "erasure": ("The erasure goes on. For its receipt, later:", "receipt"),
}
_ENDED = {
    "failed": "The export failed: {}. Try again later, or tell whoever runs the service.",
    "cancelled": "The export was cancelled.",
    "revoked": "The export was revoked, and its archive deleted.",
    "expired": "The export has expired, and its archive is deleted. Request it again.",
}


def finished(service: Service, screen: Screen, entry_id: str, kind: str = "export") -> Json:
    """The entry in its last state. Raises Ended where Ctrl-C was pressed: it goes on."""
    sentence, command = _LATER[kind]
    told = (sentence, service.typed(command, entry_id))
    try:
        return _waited(service, screen, entry_id, kind)
    except KeyboardInterrupt:
        raise interrupted(*told) from None
    except Ended as error:
        if error.code != Code.AWAY:
            raise
        raise error.but(*told) from error


def require_ready(export: Json) -> None:
    if export["status"] != "ready":
        sentence = _ENDED.get(export["status"], f"The export is {export['status']}.")
        raise Ended(Code.DOES_NOT_HOLD, sentence.format(visible(str(export["problem"]))))


def require_done(service: Service, erasure: Json) -> None:
    """Raises Ended."""
    status = erasure["status"]
    if status == "requested":
        sentence = "The erasure waits until another administrator approves it with:"
        raise Ended(Code.DOES_NOT_HOLD, sentence, then=service.typed("approve", erasure["id"]))
    if status == "failed":
        raise Ended(Code.DOES_NOT_HOLD, f"The erasure failed: {failed(str(erasure['problem']))}")
    if status != "done":
        raise Ended(Code.DOES_NOT_HOLD, f"The erasure is {visible(status)}, and nothing was erased.")


def live(screen: Screen, *parts: RenderableType) -> Live:
    """Gone once it is done, and never there where nobody looks."""
    return Live(Group(*parts), console=screen.console, transient=True, refresh_per_second=5)


def bar(screen: Screen) -> Progress:
    """One line, whose bar takes the room that is left."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=screen.console, expand=True, auto_refresh=False)


def _waited(service: Service, screen: Screen, entry_id: str, kind: str) -> Json:
    progress, figures, etag = bar(screen), Text(), None
    task = progress.add_task(_DOING[kind], total=None)
    with live(screen, progress, figures):
        while True:
            begun = time.monotonic()
            now, etag = service.changed(kind, entry_id, etag)
            if now is None:
                time.sleep(_AT_ONCE if time.monotonic() - begun < _AT_ONCE else 0)
                continue
            if now["status"] not in UNFINISHED:
                return now
            made = now["progress"] or {}
            progress.update(task, total=made.get("rows_estimated"), completed=made.get("rows", 0))
            figures.plain = _figures(now)


def _figures(entry: Json) -> str:
    made = entry["progress"]
    if not made or not made["sections_total"]:
        return f"  {entry['status']}"
    of = f" of {count(made['rows_estimated'])}" if made["rows_estimated"] else ""
    parts = f"{made['sections_done']} of {made['sections_total']} {_PARTS[entry['kind']]}"
    written = f", {size(made['bytes'])}" if entry["kind"] == "export" else ""
    return f"  {count(made['rows'])}{of} rows, {parts}{written}"
