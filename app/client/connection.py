"""Requests that are tried again while that may help, and whose every failure is one sentence."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from app.client.ended import Code, Ended
from app.client.problems import away, ended
from app.kit.clock import now

# Between one try and the next; after the last there is none.
PAUSES = (0.5, 1.0, 2.0, 4.0)
# An answer to ?wait=20 may take a little longer than that.
_TIMEOUT = httpx.Timeout(45, connect=10)
_LONGEST_WAIT, _LONGEST_SILENCE, _TOLD_FROM = 120.0, 60.0, 3.0
_BUSY = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
# What says so has not been done; after the other two nobody knows.
_NOT_DONE = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout)


@contextmanager
def connected(url: str, key: str, say: Callable[[str], None]) -> Iterator["Connection"]:
    headers = {"Authorization": f"Bearer {key}"}
    try:
        client = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT)
    except (httpx.InvalidURL, OSError, ValueError) as error:
        raise Ended(Code.MISUSED, f"{url} cannot be used: {error}.") from error
    with client:
        yield Connection(client, say)


@dataclass(frozen=True, slots=True)
class Connection:
    """`say` tells whoever waits why."""

    client: httpx.Client
    say: Callable[[str], None]

    def ask(self, method: str, path: str, *, again: bool = True, **sent: Any) -> httpx.Response:  # noqa: ANN401
        """The answer, which is no error. With `again=False`, what may have arrived is not sent a second time."""
        answer = self._answer(self.client.build_request(method, path, **sent), stream=False, again=again)
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise ended(answer)
        return answer

    @contextmanager
    def opened(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """The answer, whatever its status, before its body is read."""
        answer = self._answer(self.client.build_request("GET", path, headers=headers), stream=True, again=True)
        try:
            yield answer
        finally:
            answer.close()

    def _answer(self, request: httpx.Request, *, stream: bool, again: bool) -> httpx.Response:
        begun = time.monotonic()
        for pause in PAUSES:
            try:
                answer = self.client.send(request, stream=stream, follow_redirects=True)
            except httpx.TransportError as error:
                too_late = time.monotonic() - begun > _LONGEST_SILENCE
                if too_late or not (again or isinstance(error, _NEVER_SENT)):
                    raise away(self.client.base_url, error) from error
                time.sleep(pause)
                continue
            if not _asks_to_wait(answer) or not (again or answer.status_code in _NOT_DONE):
                return answer
            answer.close()
            self._wait(answer, pause)
        return self._last(request, stream=stream)

    def _last(self, request: httpx.Request, *, stream: bool) -> httpx.Response:
        try:
            return self.client.send(request, stream=stream, follow_redirects=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise away(self.client.base_url, error) from error

    def _wait(self, answer: httpx.Response, pause: float) -> None:
        seconds = retry_after(answer, pause)
        if seconds > _LONGEST_WAIT:
            raise Ended(Code.AWAY, f"The service asks to come back in {seconds:,.0f} seconds.")
        if seconds >= _TOLD_FROM:
            self.say(f"The service is busy and asks to wait {seconds:,.0f} seconds.")
        time.sleep(seconds)


def retry_after(answer: httpx.Response, otherwise: float) -> float:
    """The seconds that the service asks for (RFC 9110, 10.2.3)."""
    told = answer.headers.get("retry-after", "")
    if told.isdecimal():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - now()).total_seconds())
    except (ValueError, TypeError):
        return otherwise


def _asks_to_wait(answer: httpx.Response) -> bool:
    """The same request may be under way still, after its connection broke."""
    if answer.status_code in _BUSY:
        return True
    return answer.status_code == HTTPStatus.CONFLICT and _in_use(answer)


def _in_use(answer: httpx.Response) -> bool:
    answer.read()
    return b"/problems/idempotency-key-in-use" in answer.content
