"""What somebody without a key can do to a real server: send by halves, for ever, or too many at once."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest
import uvicorn

from app.commands.api import Guest
from app.kit.lines import Lines
from app.kit.wire import BoundedProtocol
from tests.builders import BASE, request_export, running

LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
SEARCH = f"POST {BASE}/visitors/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()


class Hasty(BoundedProtocol):
    head_seconds, body_seconds, linger_seconds = 0.4, 0.6, 0.3


class Patient(BoundedProtocol):
    linger_seconds = 0.3


@dataclass(slots=True)
class Serving:
    port: int
    server: uvicorn.Server
    lines: list["Client"] = field(default_factory=list)

    async def line(self, sent: bytes = b"") -> "Client":
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        client.writer.write(sent)
        self.lines.append(client)
        return client

    @property
    def handlers(self) -> int:
        return len(self.server.server_state.tasks)


@dataclass(slots=True)
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> tuple[int, dict[str, str], dict[str, object]]:
        """Status, headers and body of the next answer."""
        async with asyncio.timeout(4):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().splitlines()
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = json.loads(await self.reader.readexactly(int(headers.get("content-length", 0))) or "{}")
        return int(first.split()[1]), headers, body

    async def refusal(self) -> tuple[int, object]:
        """Status and type of a problem after which the connection is closed."""
        status, headers, body = await self.answer()
        assert headers["content-type"] == "application/problem+json"
        assert headers["connection"] == "close"
        assert await self.rest() == b""
        return status, body["type"]

    async def sends(self, piece: bytes) -> None:
        """The same again and again, for a while."""
        for _ in range(200):
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.01)

    async def rest(self) -> bytes:
        """All that comes until the server closes the connection."""
        async with asyncio.timeout(4):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@asynccontextmanager
async def serving(app: object, kind: type[BoundedProtocol] = Hasty, most: int = 100) -> AsyncIterator[Serving]:
    protocol = partial(kind, lines=Lines(most))
    listening = socket.create_server(("127.0.0.1", 0))
    server = Guest(
        uvicorn.Config(
            app, log_config=None, access_log=False, ws="none", lifespan="off", timeout_graceful_shutdown=1,  # type: ignore[arg-type]
            http=protocol,  # type: ignore[arg-type]
        )
    )  # fmt: skip
    task = asyncio.create_task(server.serve([listening]))
    at = Serving(listening.getsockname()[1], server)
    try:
        yield at
    finally:
        for line in at.lines:
            line.writer.close()
        server.should_exit = True
        await task


async def long_request(client: httpx.AsyncClient, seconds: int) -> bytes:
    """It waits for a change that does not come."""
    address = await request_export(client)
    etag, key = (await client.get(address)).headers["etag"], client.headers["authorization"]
    head = f"GET {address}?wait={seconds} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nIf-None-Match: {etag}\r\n\r\n"
    return head.encode()


HALVES = {
    "a head's half": b"GET /health/live HTTP/1.1\r\nHo",
    "a method's half": b"GE",
    "all but the last line": LIVE[:-2],
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
async def test_a_request_whose_head_does_not_come_is_a_408_and_the_end_of_its_connection(
    tmp_path: Path, half: bytes
) -> None:
    async with running(tmp_path, work=False) as service, serving(service.app) as at:
        assert await (await at.line(half)).refusal() == (408, "/problems/request-timeout")


async def test_a_head_that_drips_has_no_more_time_than_another(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, serving(service.app) as at:
        line = await at.line(LIVE[:-2])
        dripping = asyncio.create_task(line.sends(b"X-A: 1\r\n"))
        assert (await line.answer())[0] == 408
        await asyncio.gather(dripping, return_exceptions=True)


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"], ids=["nothing", "empty lines"])
async def test_a_connection_that_never_asks_is_just_closed(tmp_path: Path, sent: bytes) -> None:
    async with running(tmp_path, work=False) as service, serving(service.app) as at:
        assert await (await at.line(sent)).rest() == b""


async def test_the_next_request_of_a_connection_has_its_time_too(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, serving(service.app) as at:
        line = await at.line(LIVE)
        assert (await line.answer())[0] == 200
        line.writer.write(LIVE[:9])
        assert await line.refusal() == (408, "/problems/request-timeout")


async def test_a_request_whose_body_does_not_come_is_a_408_and_its_handler_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with running(tmp_path, work=False) as service, serving(service.app) as at:
        key = (await service.client()).headers["authorization"]
        line = await at.line(SEARCH + f"Authorization: {key}\r\nContent-Length: 18\r\n\r\n{{".encode())
        await asyncio.sleep(0.2)
        assert at.handlers == 1
        assert await line.refusal() == (408, "/problems/request-timeout")
        assert at.handlers == 0
    assert {one.levelname for one in caplog.records} == {"INFO"}
    assert f"POST {BASE.replace('acme', '{data_center}')}/visitors/search 408" in caplog.text


async def test_an_answer_that_takes_its_time_is_never_cut(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, serving(service.app) as at, await service.client() as client:
        whole = await long_request(client, 2)
        # The second has half of its next request behind it, which may wait until this one is answered.
        lines = [await at.line(whole), await at.line(whole + LIVE[:9])]
        for line in lines:
            assert (await line.answer())[0] == 304
        lines[1].writer.write(LIVE[9:])
        assert (await lines[1].answer())[0] == 200


async def test_who_comes_when_all_places_are_taken_gets_that_of_the_one_that_waits_longest(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, serving(service.app, Patient, most=3) as at:
        kept = await at.line(LIVE)
        assert (await kept.answer())[0] == 200
        strangers = [await at.line(), await at.line(LIVE[:9])]
        await asyncio.sleep(0.1)
        kept.writer.write(LIVE)
        assert (await kept.answer())[0] == 200
        honest = await at.line(LIVE)
        assert (await honest.answer())[0] == 200
        assert await strangers[0].rest() == b""
        for line in (kept, honest):
            line.writer.write(LIVE)
            assert (await line.answer())[0] == 200
        strangers[1].writer.write(LIVE[9:])
        assert (await strangers[1].answer())[0] == 200


async def test_where_all_are_being_answered_the_next_one_is_a_503(tmp_path: Path) -> None:
    async with (
        running(tmp_path, work=False) as service,
        serving(service.app, Patient, most=1) as at,
        await service.client() as client,
    ):
        busy = await at.line(await long_request(client, 1))
        await asyncio.sleep(0.2)
        for _ in range(3):
            status, headers, body = await (await at.line(LIVE)).answer()
            assert (status, body["type"]) == (503, "/problems/too-many-connections")
            assert int(headers["retry-after"]) > 0
        assert (await busy.answer())[0] == 304
        assert (await (await at.line(LIVE)).answer())[0] == 200


async def test_a_body_that_never_ends_is_not_read_after_its_request_was_refused(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, serving(service.app) as at:
        line = await at.line(SEARCH + b"Transfer-Encoding: chunked\r\n\r\n")
        status, headers, _ = await line.answer()
        assert (status, headers.get("connection")) == (401, "close")
        with pytest.raises(ConnectionError):
            await line.sends(b"1000\r\n" + b"a" * 0x1000 + b"\r\n")


async def test_a_refused_request_that_came_whole_keeps_its_connection(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, serving(service.app) as at:
        line = await at.line(SEARCH + b"Content-Length: 2\r\n\r\n{}")
        assert (await line.answer())[0] == 401
        line.writer.write(LIVE)
        assert (await line.answer())[0] == 200


NO_REQUESTS = {
    "without Host": b"GET /health/live HTTP/1.1\r\n\r\n",
    "with two Hosts": b"GET /health/live HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a proxy's": b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/1.1 of no version": b"GET /health/live HTTP/9.9\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", NO_REQUESTS.values(), ids=NO_REQUESTS)
async def test_what_is_no_request_of_http_1_1_is_a_problem(tmp_path: Path, sent: bytes) -> None:
    async with running(tmp_path, work=False) as service, serving(service.app) as at:
        assert await (await at.line(sent)).refusal() == (400, "/problems/malformed-request")


@pytest.mark.parametrize("wish", [b"h2c", b"websocket"])
async def test_who_wishes_for_another_protocol_is_answered_in_this_one(tmp_path: Path, wish: bytes) -> None:
    async with running(tmp_path, work=False) as service, serving(service.app) as at:
        line = await at.line(LIVE[:-2] + b"Connection: Upgrade\r\nUpgrade: " + wish + b"\r\n\r\n")
        status, headers, _ = await line.answer()
        assert (status, headers.get("connection")) == (200, "close")
        assert await line.rest() == b""
