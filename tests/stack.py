"""A whole installation on one machine: PostgreSQL, Valkey, SeaweedFS, several APIs and workers, each a real process."""

import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.builders import UNLIMITED
from tests.servers import Postgres, SeaweedFS, Valkey, free_port, running

ROOT = Path(__file__).parents[1]
SECRET = "a secret of the tests, long enough to be one"


@dataclass(slots=True)
class Process:
    """One API or worker; started again it keeps its environment and its log."""

    arguments: list[str]
    environ: Mapping[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "app", *self.arguments]
            self.running = subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=log, stderr=log)

    def kill(self) -> None:
        if self.running:
            self.running.kill()
            self.running.wait()

    def stop(self, seconds: float = 30) -> int:
        """Its exit code, once it has ended as it was told to."""
        if self.running is None:
            return 0
        self.running.terminate()
        return self.running.wait(seconds)


@dataclass(slots=True)
class Stack:
    folder: Path
    postgres: Postgres
    valkey: Valkey
    seaweedfs: SeaweedFS
    environ: dict[str, str]
    apis: list[Process] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    def run(self, *arguments: str) -> str:
        """What a command prints. Raises RuntimeError with what it complained about."""
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments], cwd=ROOT, env=self.environ, capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def key(self, name: str, *centers: str) -> str:
        named = [part for center in centers for part in ("--data-center", center)]
        return self.run("keys", "create", "--name", name, *named, "--role", "administrator")

    def add_api(self) -> Process:
        port = free_port()
        self.ports.append(port)
        self.apis.append(self._process("api", len(self.apis), {"DOSSIER_PORT": str(port)}))
        return self.apis[-1]

    def add_worker(self, **environ: str) -> Process:
        self.workers.append(self._process("worker", len(self.workers), environ))
        return self.workers[-1]

    def address(self, api: int) -> str:
        return f"http://127.0.0.1:{self.ports[api]}"

    def wait_until_ready(self, seconds: float = 30) -> None:
        begun = time.monotonic()
        for port in self.ports:
            while not _is_ready(port):
                if time.monotonic() - begun > seconds:
                    raise RuntimeError("".join(one.log.read_text() for one in self.apis))
                time.sleep(0.05)

    def held_in_redis(self) -> set[str]:
        """Every key with its value, where Redis answers."""
        try:
            keys = re.findall(r"\$\d+\r\n([^\r]+)", self.valkey.ask("KEYS", "*").decode())
            return {f"{key} {self._value_of(key)}" for key in keys}
        except OSError:
            return set()

    def _value_of(self, key: str) -> str:
        how = {"+string": ("GET", key), "+zset": ("ZRANGE", key, "0", "-1")}
        kind = self.valkey.ask("TYPE", key).decode().strip()
        return self.valkey.ask(*how[kind]).decode() if kind in how else kind

    def said(self) -> str:
        """Everything that APIs and workers logged."""
        return "".join(one.log.read_text() for one in (*self.apis, *self.workers))

    def _process(self, name: str, number: int, environ: Mapping[str, str]) -> Process:
        own = {"DOSSIER_VAR_DIR": str(self.folder / f"{name}-{number}"), **environ}
        process = Process([name], self.environ | own, self.folder / f"{name}-{number}.log")
        process.start()
        return process


@contextmanager
def standing(
    folder: Path, environ: Mapping[str, str], apis: int = 2, workers: int = 2, postgres: str = "18"
) -> Iterator[Stack]:
    """Migrated and ready; everything is stopped at the end, and what was stored on the way is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        started = _servers(stack, postgres)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DOSSIER_")}
        own = {
            "DOSSIER_DATABASE_URL": started[0].url, "DOSSIER_REDIS_URL": started[1].url, "DOSSIER_SECRET_KEY": SECRET,
            "DOSSIER_VAR_DIR": str(folder / "var"),
        }  # fmt: skip
        installed = Stack(folder, *started, {**inherited, **UNLIMITED, **own, **started[2].settings, **environ})
        installed.run("migrate")
        stack.callback(_stop_all, installed)
        for _ in range(apis):
            installed.add_api()
        for _ in range(workers):
            installed.add_worker()
        installed.wait_until_ready()
        yield installed


@asynccontextmanager
async def in_turn(stack: Stack, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose every request goes to another API than the one before."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        base_url=stack.address(0), headers=headers, timeout=60, transport=_InTurn(stack)
    ) as client:
        yield client


class _InTurn(httpx.AsyncBaseTransport):
    def __init__(self, stack: Stack) -> None:
        self._stack, self._count = stack, 0
        self._inner = httpx.AsyncHTTPTransport(retries=1)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._count += 1
        request.url = request.url.copy_with(port=self._stack.ports[self._count % len(self._stack.ports)])
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _servers(stack: ExitStack, postgres: str) -> tuple[Postgres, Valkey, SeaweedFS]:
    """All three at once, because each takes its second."""

    with ThreadPoolExecutor(3) as pool:
        own = pool.submit(stack.enter_context, running(Postgres, postgres))
        bell = pool.submit(stack.enter_context, running(Valkey))
        store = pool.submit(stack.enter_context, running(SeaweedFS))
        return own.result(), bell.result(), store.result()


def _stop_all(stack: Stack) -> None:
    everybody = [one for one in (*stack.apis, *stack.workers) if one.running]
    for one in everybody:
        assert one.running
        one.running.terminate()
    for one in everybody:
        assert one.running
        try:
            one.running.wait(30)
        except subprocess.TimeoutExpired:
            one.kill()


def _is_ready(port: int) -> bool:
    try:
        # Without the authorities of TLS, whose reading would slow down the start that is waited for.
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5, verify=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
