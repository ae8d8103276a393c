"""What the API of one data center is asked for, by name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from shlex import quote as shell
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from app.client.connection import Connection
from app.client.ended import Code, Ended, Json
from app.client.problems import foreign
from app.client.screen import interrupted

# What goes on by itself; an erasure that is `requested` waits for somebody.
UNFINISHED = ("queued", "compiling", "erasing")
_NOT_DONE = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_WAIT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Service:
    """`name` and `flags` are how it was called, for lines that say what to type next."""

    connection: Connection
    data_center: str
    name: str = "dossier"
    flags: str = ""

    def later(self, export_id: str, output: str | None = None) -> str:
        """What brings the archive another time."""
        return self.typed("download", export_id, output)

    def typed(self, command: str, entry_id: str = "", output: str | None = None) -> str:
        """A line to be typed next."""
        place = f" --output {shell(output)}" if output else ""
        return f"{f'{self.name} {command} {entry_id}'.rstrip()}{place}{self.flags}"

    def search(self, identifier: str, kind: str | None = None) -> Json:
        return self._json("POST", "/visitors/search", json=_given(identifier=identifier, kind=kind))

    def request(self, candidate: str, case_reference: str | None = None, language: str | None = None) -> Json:
        """Sent again after a broken connection, it is still one export."""
        body = _given(candidate=candidate, case_reference=case_reference, language=language)
        return self._json("POST", "/exports", json=body, headers={"Idempotency-Key": str(uuid4())})

    def preview(self, candidate: str) -> Json:
        return self._json("POST", "/erasures/preview", json={"candidate": candidate})

    def erase(self, plan: str, confirm: str, case_reference: str | None, *, revokes_exports: bool) -> Json:
        """A plan can be used once, so that it is not sent again."""
        body = _given(plan=plan, confirm=confirm, case_reference=case_reference) | {"revoke_exports": revokes_exports}
        with self.perhaps_done():
            return self._json("POST", "/erasures", json=body, again=False)

    def approve(self, erasure_id: str) -> Json:
        with self.perhaps_done():
            return self._json("POST", f"{_below('erasure', erasure_id)}/approve", again=False)

    def receipt(self, erasure_id: str, media: str = "application/json") -> bytes:
        """As it was signed; or the page, as `text/html`."""
        path = self.path(f"{_below('erasure', erasure_id)}/receipt")
        return self.connection.ask("GET", path, headers={"Accept": media}).content

    def export(self, export_id: str) -> Json:
        return self._json("GET", _below("export", export_id))

    def erasure(self, erasure_id: str) -> Json:
        return self._json("GET", _below("erasure", erasure_id))

    def entry(self, entry_id: str) -> Json:
        """The export or erasure. Raises Ended where it is neither."""
        try:
            return self.export(entry_id)
        except Ended as error:
            if (error.problem or {}).get("status") != HTTPStatus.NOT_FOUND:
                raise
        return self.erasure(entry_id)

    def changed(self, kind: str, entry_id: str, etag: str | None) -> tuple[Json | None, str | None]:
        """The entry once it differs from what the ETag stands for, and its own; None where it still does not."""
        headers = {"If-None-Match": etag} if etag else {}
        path = self.path(_below(kind, entry_id))
        answer = self.connection.ask("GET", path, params={"wait": _WAIT_SECONDS}, headers=headers)
        if answer.status_code == HTTPStatus.NOT_MODIFIED:
            return None, etag
        return _read(answer), answer.headers.get("etag")

    def end(self, entry: Json) -> Json | None:
        """The entry that was cancelled; None where it was ready, and is revoked."""
        with self.perhaps_done():
            answer = self.connection.ask("DELETE", self.path(_below(entry["kind"], entry["id"])), again=False)
        return None if answer.status_code == HTTPStatus.NO_CONTENT else _read(answer)

    @contextmanager
    def perhaps_done(self) -> Iterator[None]:
        """Around what is not sent a second time: where no answer came, nobody knows."""
        told = ("It may have been done all the same; see:", self.typed("history"))
        try:
            yield
        except KeyboardInterrupt:
            raise interrupted(*told) from None
        except Ended as error:
            if error.code != Code.AWAY or (error.problem or {}).get("status") in _NOT_DONE:
                raise
            raise error.but(*told) from error

    def history(self, filters: Mapping[str, str]) -> Iterator[Json]:
        """Page by page, each as the API answers it."""
        yield from self._pages("GET", "/history", "params", dict(filters))

    def history_of(self, identifier: str, kind: str | None) -> Iterator[Json]:
        yield from self._pages("POST", "/history/search", "json", _given(identifier=identifier, kind=kind))

    def path(self, below: str) -> str:
        return f"/v1/data-centers/{quote(self.data_center, safe='')}{below}"

    def _pages(self, method: str, below: str, place: str, asked: dict[str, Any]) -> Iterator[Json]:
        while True:
            page = self._json(method, below, **{place: asked})
            yield page
            if not page.get("next_page_token"):
                return
            asked = asked | {"page_token": page["next_page_token"]}

    def _json(self, method: str, below: str, **sent: Any) -> Json:  # noqa: ANN401
        return _read(self.connection.ask(method, self.path(below), **sent))


def service_of(connection: Connection, data_center: str | None, name: str = "dossier", flags: str = "") -> Service:
    """For the data center that is named, else for the only one that the key may see. Raises Ended."""
    return Service(connection, data_center or _only(_read(connection.ask("GET", "/v1/me"))), name, flags)


def _only(me: Json) -> str:
    names = [str(one["id"]) for one in me["data_centers"]]
    if len(names) == 1:
        return names[0]
    if not names:
        raise Ended(Code.REFUSED, "The key may see no data center; ask whoever makes the keys for another one.")
    raise Ended(Code.MISUSED, f"The key may see several data centers: {', '.join(names)}. Name one with --data-center.")


def _read(answer: httpx.Response) -> Json:
    try:
        document = answer.json()
    except ValueError as error:
        raise foreign(answer.request.url.copy_with(path="/")) from error
    if not isinstance(document, dict):
        raise foreign(answer.request.url.copy_with(path="/"))
    return document


def _below(kind: str, entry_id: str) -> str:
    return f"/{kind}s/{quote(entry_id, safe='')}"


def _given(**fields: str | None) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
