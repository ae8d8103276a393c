"""Requests made up from the OpenAPI document: right ones and wrong ones, with ids that exist and with others."""

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx

from tests.builders import BASE
from tests.site import Site, once, requested

# What has the right form can be 422 all the same: a page's token that was not ours, an idempotency key used before.
_MORE_THAN_FORM = ("list_history", "search_history", "list_audit_events", "create_export")
_ACCEPTED = ["2xx", "3xx", 401, 403, 404, 409, 410, 416]
_REFUSED = [400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 416, 422, 431]


def make_up(place: Site, key: str | None, examples: int) -> str:
    """What the run said. Asserts that no answer was a server's error, and none otherwise than the document says."""
    (place.folder / "schemathesis.toml").write_text(_configuration(place, place.client(key)) if key else "")
    address = f"http://127.0.0.1:{place.environ['DOSSIER_PORT']}/openapi.json"
    known = ["--header", f"Authorization: Bearer {key}"] if key else []
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", address, *known, "--checks", "all", "--max-examples", str(examples),
         "--continue-on-failure", "--no-color", "--seed", "19"],
        cwd=place.folder, env=place.environ, capture_output=True, text=True, check=False, timeout=3600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def cases(said: str) -> int:
    (generated,) = re.findall(r"(\d+) generated", said)
    return int(generated)


def _configuration(place: Site, client: httpx.Client) -> str:
    """Names what exists: a ready export with its link, one that may be revoked, one that has failed."""
    with client:
        failed = _failed(client, place.folder / "shop.db")
        spare, ready = (once(client, requested(client), "ready") for _ in range(2))
        link = client.post(f"{ready['links']['self']}/links").json()["url"].rpartition("/")[2]
    everywhere = {"path.data_center": "acme", "path.id": ready["id"], "path.token": link, "query.wait": 1}
    lines = ["[parameters]", *(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in everywhere.items())]
    for operation, export in (("end_export", spare["id"]), ("retry_export", failed)):
        lines += ["[[operations]]", f'include-operation-id = "{operation}"', f'parameters = {{"path.id" = "{export}"}}']
    for operation in _MORE_THAN_FORM:
        lines += ["[[operations]]", f'include-operation-id = "{operation}"']
        lines += [f"checks.positive_data_acceptance.expected-statuses = {json.dumps([*_ACCEPTED, 422])}"]
    lines += ["[checks]", f"positive_data_acceptance.expected-statuses = {json.dumps(_ACCEPTED)}"]
    lines += [f"negative_data_rejection.expected-statuses = {json.dumps(_REFUSED)}"]
    return "\n".join(lines)


def _failed(client: httpx.Client, shop: Path) -> str:
    """The id of an export whose data source had lost a table."""
    found = client.post(f"{BASE}/visitors/search", json={"identifier": "jane@example.com"}).json()
    (source,) = [one for one in found["data_sources"] if one["id"] == "shop"]
    with closing(sqlite3.connect(shop)) as database, database:
        database.execute("ALTER TABLE orders RENAME TO away")
    candidate = source["visitors"][0]["combinations"][0]["candidate"]
    address = client.post(f"{BASE}/exports", json={"candidate": candidate}).headers["location"]
    return str(once(client, address, "failed")["id"])
