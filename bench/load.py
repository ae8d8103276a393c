"""Clients of a search, in a process of their own: so many at once, as fast as they are answered or at a pace."""

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from statistics import quantiles


@dataclass(frozen=True, slots=True)
class Load:
    """`pace` is requests per second of all clients together; without it each asks as soon as it is answered."""

    port: int
    path: str
    key: str
    clients: int
    seconds: float
    identifiers: int
    pace: float | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """Milliseconds, and answers per second; `others` were not 200."""

    per_second: float
    p50: float
    p99: float
    others: int


async def asked(load: Load) -> Answers:
    """Runs the load in another process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", json.dumps(asdict(load)), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return Answers(**json.loads(said))


async def _run(load: Load) -> Answers:
    times, others = list[float](), list[int]()
    end = time.perf_counter() + load.seconds
    await asyncio.gather(*(_client(load, number, end, times, others) for number in range(load.clients)))
    cut = quantiles(times, n=100)
    return Answers(len(times) / load.seconds, 1000 * cut[49], 1000 * cut[98], len(others))


async def _client(load: Load, number: int, end: float, times: list[float], others: list[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
    every = load.clients / load.pace if load.pace else 0
    turn = time.perf_counter() + every * number / load.clients
    while time.perf_counter() < end:
        if every:
            await asyncio.sleep(max(0, turn - time.perf_counter()))
            turn += every
        begun = time.perf_counter()
        writer.write(_request(load))
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        times.append(time.perf_counter() - begun)
        if not head.startswith(b"HTTP/1.1 200"):
            others.append(1)
    writer.close()


def _request(load: Load) -> bytes:
    body = json.dumps({"identifier": f"cookie-{random.randint(1, load.identifiers)}"})
    return (
        f"POST {load.path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {load.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_run(Load(**json.loads(sys.argv[1])))))))
