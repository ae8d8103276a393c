"""A canary email and Tracking ID go through every door; afterwards they are found nowhere but in the archive."""

import io
import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.builders import BASE, candidates, environ_of, finished, running, write_shop, write_website

EMAIL, COOKIE = "canary.quetzal@nest.example", "canary-7f1c-quetzal"
CANARIES = (EMAIL, COOKIE, "quetzal")
ROUTES = [
    ("POST", f"{BASE}/visitors/search", {"json": {"identifier": EMAIL}}),
    ("POST", f"{BASE}/visitors/search", {"json": {"identifier": COOKIE, "kind": "tracking_id"}}),
    ("POST", f"{BASE}/visitors/search", {"json": {"identifier": [EMAIL]}}),
    ("POST", f"{BASE}/visitors/search", {"json": {"identifier": "x", EMAIL: 1}}),
    ("POST", f"{BASE}/visitors/search", {"json": {"identifier": "x", "kind": EMAIL}}),
    ("POST", f"{BASE}/visitors/search", {"content": EMAIL, "headers": {"content-type": "application/json"}}),
    ("POST", f"{BASE}/visitors/search", {"content": EMAIL, "headers": {"content-type": EMAIL}}),
    ("POST", f"{BASE}/visitors/search?identifier={EMAIL}", {"json": {"identifier": EMAIL}}),
    ("POST", f"{BASE}/visitors/search?{EMAIL}=1", {"json": {"identifier": EMAIL}}),
    ("POST", f"{BASE}/exports", {"json": {"candidate": EMAIL}}),
    ("POST", f"{BASE}/exports", {"json": {"candidate": "x", "case_reference": EMAIL + "\n"}}),
    ("GET", f"{BASE}/exports/{EMAIL}", {}),
    ("GET", f"{BASE}/exports/{EMAIL}/archive", {}),
    ("POST", f"{BASE}/exports/{EMAIL}/retry", {}),
    ("DELETE", f"{BASE}/exports/{EMAIL}", {}),
    ("GET", f"{BASE}/history?status={EMAIL}", {}),
    ("GET", f"{BASE}/history?page_size={EMAIL}", {}),
    ("GET", f"{BASE}/history?page_token={EMAIL}", {}),
    ("GET", f"{BASE}/history?data_source={EMAIL}", {}),
    ("GET", f"/v1/data-centers/{EMAIL}/history", {}),
    ("GET", f"/v1/{EMAIL}", {}),
    ("GET", f"/problems/{EMAIL}", {}),
    ("PUT", f"{BASE}/exports/{EMAIL}", {}),
    ("GET", "/v1/me", {"headers": {"Authorization": f"Bearer {EMAIL}"}}),
    ("GET", "/v1/me", {"headers": {"Accept": EMAIL}}),
    ("GET", "/health/ready", {}),
    (COOKIE, "/v1/me", {}),
]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Every line that any library writes, at its chattiest."""
    lines, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(lines), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("dossier").setLevel(logging.DEBUG)
    # The tests' own client and SQL echo of the driver thread are not the service.
    noisy = [logging.getLogger(name) for name in ("httpx", "httpcore", "aiosqlite")]
    for logger in noisy:
        logger.setLevel(logging.WARNING)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


def leaks(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text.lower()]


def plant(folder: Path, events: int = 3) -> None:
    write_website(folder / "website.db", events)
    write_shop(folder / "shop.db")
    with closing(sqlite3.connect(folder / "website.db")) as database, database:
        database.execute("UPDATE people SET email = ?, cookie = ? WHERE id = 1", (EMAIL, COOKIE))


def own_database(folder: Path) -> str:
    files = (folder / "var").glob("dossier.db*")
    return "".join(path.read_bytes().decode("latin-1") for path in files)


async def exported(client: httpx.AsyncClient, device: str) -> dict[str, object]:
    (token,) = [one["candidate"] for one in await candidates(client, EMAIL) if one["device"] == device]
    made = await client.post(f"{BASE}/exports", json={"candidate": token})
    assert not leaks(made.text)
    return await finished(client, made.headers["location"], seconds=60)


async def test_nothing_personal_stays_in_answers_logs_keys_or_the_own_database(
    tmp_path: Path, log: io.StringIO
) -> None:
    plant(tmp_path)
    async with running(tmp_path, environ=environ_of(tmp_path)) as service, await service.client() as client:
        for method, path, sent in ROUTES:
            answer = await client.request(method, path, **sent)  # type: ignore[arg-type]
            assert not leaks(answer.text + str(answer.headers)), (method, path, answer.text)
        done = await exported(client, "iPhone")
        assert done["status"] == "ready"
        assert not leaks(json.dumps(done))
        assert leaks((await client.get(f"{BASE}/exports/{done['id']}/archive")).text) == []
        with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
            database.execute("UPDATE events SET meta = 'quetzal' WHERE device = 'iPad'")
        broken = await exported(client, "iPad")
        assert broken["problem"] == "value-not-encodable"
        with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
            database.execute("ALTER TABLE people RENAME TO quetzals")
        assert not leaks((await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})).text)
        assert not leaks((await client.get(f"{BASE}/history")).text)
    assert not leaks(own_database(tmp_path))
    assert not leaks("".join(str(path) for path in (tmp_path / "var").rglob("*")))
    said = log.getvalue()
    assert "visitors/search 200" in said
    assert not leaks(said), [line for line in said.splitlines() if leaks(line)]


def test_a_planted_leak_would_be_found(log: io.StringIO) -> None:
    logging.getLogger("dossier").propagate = True
    logging.getLogger("dossier").info("searching for %s", EMAIL)
    assert leaks(log.getvalue()) == [EMAIL, "quetzal"]
