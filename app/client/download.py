"""Downloads an archive: goes on where it broke off, compares its SHA-256, and only then gives it its name."""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import httpx

from app.client.connection import PAUSES
from app.client.ended import Code, Ended, Json
from app.client.part import Part, digest_of, part_of, taken, target_of
from app.client.problems import away, ended
from app.client.screen import Screen, interrupted, size
from app.client.service import UNFINISHED, Service
from app.client.wait import bar, finished, live, require_ready

_CHUNK = 1 << 16
Told = Callable[[int], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("export", metavar="EXPORT-ID", help="as export and history show it")
    add_output(parser)


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", metavar="PATH", help="a file that is not there yet, or a folder (default: this one)"
    )


def run(arguments: argparse.Namespace, service: Service, screen: Screen) -> int:
    export = service.export(arguments.export)
    if export["status"] in UNFINISHED:
        export = finished(service, screen, export["id"])
    require_ready(export)
    path = downloaded(service, screen, export, arguments.output)
    screen.result(export | {"path": str(path)})
    return Code.DONE


def downloaded(service: Service, screen: Screen, export: Json, output: str | None) -> Path:
    """Where the archive lies, with the bytes that were compiled. Raises Ended."""
    target = target_of(output, f"export-{export['id']}.zip")
    if os.path.lexists(target):
        if not target.is_file() or digest_of(target) != export["sha256"]:
            raise taken(target)
        screen.say("It has been downloaded before, and its SHA-256 is as promised:")
    else:
        _download(service, screen, export, target, output)
        screen.say(f"Downloaded, {size(export['size'])}, SHA-256 as promised:")
    screen.line(f"  {target}")
    return target


def _download(service: Service, screen: Screen, export: Json, target: Path, output: str | None) -> None:
    try:
        with part_of(target) as part:
            try:
                _fill(Source(service, export), screen, part, service.later(export["id"], output))
                _settle(part, export, target)
            except KeyboardInterrupt:
                raise interrupted(_kept(part), service.later(export["id"], output)) from None
    except OSError as error:
        raise Ended(Code.DOES_NOT_HOLD, f"{target} cannot be written: {error.strerror or error}.") from error


def _fill(source: "Source", screen: Screen, part: Part, later: str) -> None:
    try:
        _fetch(source, screen, part)
    except Ended as error:
        if error.code == Code.DOES_NOT_HOLD:
            # Revoked or expired on the way: what came is not to be had any more, and does not stay.
            part.discard()
            raise
        raise error.but(_kept(part), later) from error


def _kept(part: Part) -> str:
    if not part.length:
        return "Nothing was kept. To begin anew:"
    return f"{size(part.length)} are kept in {part.path}. To go on from there:"


def _settle(part: Part, export: Json, target: Path) -> None:
    if part.digest() != export["sha256"]:
        part.discard()
        raise Ended(
            Code.DOES_NOT_HOLD,
            "What came is not what was compiled: its SHA-256 differs. It was deleted; try once more.",
        )
    part.finish(target)


def _fetch(source: "Source", screen: Screen, part: Part) -> None:
    """Takes the rest up after every break; gives up after some tries that brought nothing."""
    tries, whole = 0, source.export["size"]
    if part.length > whole:
        part.begin("")
    progress = bar(screen)
    with live(screen, progress):
        task = progress.add_task("Downloading", total=whole)
        while part.length < whole or not part.length:
            before = part.length
            try:
                source.fetch(part, lambda length: progress.update(task, completed=length))
            except httpx.HTTPError as error:
                tries = tries + 1 if part.length <= before else 1
                if tries > len(PAUSES):
                    raise away(source.service.connection.client.base_url, error) from error
                screen.say(f"The connection broke off at {size(part.length)}; going on from there.")
                time.sleep(PAUSES[tries - 1])


@dataclass(frozen=True, slots=True)
class Source:
    service: Service
    export: Json

    def fetch(self, part: Part, tell: Told) -> None:
        """What is missing, or everything where that is no part of the same archive. Raises httpx.HTTPError, Ended."""
        path = self.service.path(f"/exports/{quote(self.export['id'], safe='')}/archive")
        with self.service.connection.opened(path, _wanted(part)) as answer:
            etag = answer.headers.get("etag", "")
            if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or _is_other(answer, part, etag):
                part.begin("")
                return
            if answer.status_code >= HTTPStatus.BAD_REQUEST:
                raise ended(answer)
            if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                part.begin(etag)
            self._take(answer, part, tell)

    def _take(self, answer: httpx.Response, part: Part, tell: Told) -> None:
        """Not a byte beyond what was promised."""
        left = self.export["size"] - part.length
        for chunk in answer.iter_raw(_CHUNK):
            part.append(chunk[:left])
            left -= len(chunk)
            tell(part.length)
            if left < 0:
                return


def _wanted(part: Part) -> dict[str, str]:
    """The rest, of the very archive that the first bytes are of (RFC 9110, 13.1.5)."""
    headers = {"Accept-Encoding": "identity"}
    if part.length and (etag := part.etag):
        headers |= {"Range": f"bytes={part.length}-", "If-Range": etag}
    return headers


def _is_other(answer: httpx.Response, part: Part, etag: str) -> bool:
    """A part of another archive, or one that begins elsewhere than it was asked to."""
    if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
        return False
    begins = answer.headers.get("content-range", "").startswith(f"bytes {part.length}-")
    return not begins or etag != part.etag
