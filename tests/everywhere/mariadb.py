"""A MariaDB server for the tests: the system's own, or Debian's packages unpacked into a folder, for which nobody needs
to be root. Where neither is to be had, the tests that ask for it are left out by name."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import make_url

from tests.servers import Mariadb, running
from tests.small import Small

LACKING = "mariadbd is not here; on Debian and Ubuntu: apt-get install mariadb-server"
_PACKAGES = ["mariadb-server-core", "mariadb-server", "mariadb-client-core", "mariadb-client", "liburing2", "libaio1"]
# Debian renamed libraries when it changed the size of times.
_RENAMED = {"libaio1": "libaio1t64"}


def mariadb_root(cache: Path) -> str | None:
    """The folder below which the programs lie, if there is one."""
    if shutil.which("mariadb-install-db") and Path("/usr/sbin/mariadbd").exists():
        return "/"
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return None
    unpacked = cache / "root"
    there = (unpacked / "usr/sbin/mariadbd").exists() or _unpacked(cache, unpacked)
    return str(unpacked) if there else None


def mariadb_server(cache: Path) -> Iterator[Mariadb]:
    root = mariadb_root(cache)
    if root is None:
        pytest.skip(LACKING)
    with running(Mariadb, root) as server:
        yield server


def emptied(server: Mariadb, folder: Path) -> Small:
    url = make_url(server.url)
    with closing(pymysql.connect(host=url.host, port=url.port or 0, user=url.username)) as connection:
        for order in ("DROP DATABASE IF EXISTS small", "CREATE DATABASE small CHARACTER SET utf8mb4"):
            connection.query(order)
    return Small("mariadb", server.url.rpartition("/")[0] + "/small", folder)


def _unpacked(cache: Path, to: Path) -> bool:
    """False where Debian's archives cannot be reached. Whatever else goes wrong is a mistake, and raises."""
    for name in ("lists/partial", "cache/archives/partial", "debs"):
        (cache / name).mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-qq", "-o", f"Dir::State::lists={cache / 'lists'}", "-o", f"Dir::Cache={cache / 'cache'}",
           "-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10",
           "-o", "APT::Update::Error-Mode=any"]  # fmt: skip
    unreachable = _run([*apt, "update"], cache).returncode != 0
    for name in _PACKAGES:
        tried = [_run([*apt, "download", one], cache / "debs") for one in {name, _RENAMED.get(name, name)}]
        if all(one.returncode for one in tried):
            assert unreachable, tried
            return False
    to.mkdir(exist_ok=True)
    for package in (cache / "debs").glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(to)], cache).check_returncode()
    return True


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
