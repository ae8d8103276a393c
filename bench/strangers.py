"""What strangers and slow readers cost an API: `python bench/strangers.py [SECONDS]`, 60 unless told.

1,500 connections send half a request and are opened anew when closed, one goes on sending a body after its 401, 200 read
an archive slowly; an honest client asks ten times a second. PYTHONPATH names the checkout that is measured, and
`ulimit -S -n` before it the API's descriptors.
"""

import asyncio
import random
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import psutil  # type: ignore[import-untyped]

from tests.builders import BASE
from tests.site import Site, large_site, once, requested

HALVES, READERS = 1_500, 200
_LIVE = b"GET /health/live HTTP/1.1\r\nHost: bench\r\n\r\n"
_ENDLESS = f"POST {BASE}/visitors/search HTTP/1.1\r\nHost: bench\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
_CHUNK = b"1000\r\n" + b"a" * 0x1000 + b"\r\n"
_MOST_WAITING = 5.0
# A slow reader's own buffer, so that what is on the way lies with the service.
_READS, _EVERY_SECONDS, _BUFFER = 1024, 0.25, 4096


@dataclass(slots=True)
class Seen:
    sockets: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    unanswered: int = 0
    swallowed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with tempfile.TemporaryDirectory(prefix="dossier-bench-") as name:
        place = large_site(Path(name))
        with place.serving() as process:
            # The strangers are many processes' worth of sockets; what the API may open it has got by now.
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            seen = asyncio.run(attack(place, psutil.Process(process.pid), seconds))
        report(seen, place.folder / "log", seconds)
    return 0


def archive(place: Site) -> bytes:
    """The request of an archive that is ready."""
    key = place.key()
    with place.client(key) as client:
        once(client, address := requested(client), "ready")
    return f"GET {address}/archive HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


async def attack(place: Site, api: psutil.Process, seconds: float) -> Seen:
    port, seen, asked = int(place.environ["DOSSIER_PORT"]), Seen(), await asyncio.to_thread(archive, place)
    seen.memory.append(api.memory_info().rss)
    works: list[Callable[[], Awaitable[None]]] = [
        *[lambda: half(port)] * HALVES,
        *[lambda: reader(port, asked)] * READERS,
        lambda: endless(port, seen),
        lambda: honest(port, seen),
        lambda: look(api, seen),
    ]
    tasks = [asyncio.create_task(again(work)) for work in works]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return seen


async def again(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            await asyncio.sleep(random.uniform(0.1, 0.5))


async def half(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_LIVE[:20])
        await reader.read()
    finally:
        writer.close()


async def endless(port: int, seen: Seen) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_ENDLESS)
        assert b" 401 " in await reader.readuntil(b"\r\n\r\n")
        while True:
            writer.write(_CHUNK)
            await writer.drain()
            seen.swallowed += len(_CHUNK)
            await asyncio.sleep(0)
    finally:
        writer.close()


async def reader(port: int, asked: bytes) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as line:
        line.setblocking(False)  # noqa: FBT003  positional in the library
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        await loop.sock_connect(line, ("127.0.0.1", port))
        await loop.sock_sendall(line, asked)
        while await loop.sock_recv(line, _READS):
            await asyncio.sleep(_EVERY_SECONDS)


async def honest(port: int, seen: Seen) -> None:
    """On a new connection each time, as a health check asks."""
    await asyncio.sleep(0.1)
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(_MOST_WAITING):
            _, writer = opened = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(_LIVE)
                head = await opened[0].readuntil(b"\r\n\r\n")
            finally:
                writer.close()
    except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
        seen.unanswered += 1
        said = type(error).__name__
    else:
        seen.took.append(time.perf_counter() - begun)
        said = head.split()[1].decode()
    seen.statuses[said] = seen.statuses.get(said, 0) + 1


async def look(api: psutil.Process, seen: Seen) -> None:
    seen.memory.append(api.memory_info().rss)
    files = Path(f"/proc/{api.pid}/fd").iterdir()
    seen.sockets.append(sum(str(one.readlink()).startswith("socket:") for one in files))
    await asyncio.sleep(0.5)


def report(seen: Seen, log: Path, seconds: float) -> None:
    text = log.read_bytes()
    cut = quantiles(seen.took, n=100) if len(seen.took) > 1 else [float("nan")] * 99
    rows = {
        "sockets of the process": f"at most {max(seen.sockets):,}, at the end {seen.sockets[-1]:,}",
        "memory": f"{seen.memory[0] / 1e6:.0f} → at most {max(seen.memory) / 1e6:.0f} MB",
        "log": f"{text.count(bytes([10])):,} lines, {len(text):,} bytes, {text.count(b'Traceback')} tracebacks",
        "body after a 401": f"{seen.swallowed / seconds / 1e6:.1f} MB a second taken",
        "honest client": ", ".join(f"{count} x {said}" for said, count in sorted(seen.statuses.items())),
        "its answers": f"p50 {1000 * cut[49]:.1f} ms, p99 {1000 * cut[98]:.1f} ms, {seen.unanswered} never came",
    }
    print("\n".join(f"| {name} | {said} |" for name, said in rows.items()))


if __name__ == "__main__":
    sys.exit(main())
