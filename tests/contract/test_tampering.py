"""Whatever is done to a sealed trail by somebody who may do anything to its database is found, and where."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.__main__ import main
from app.audit.merkle import Edge
from app.audit.seals import SignedHead
from app.bootstrap import build_services
from app.kit.address import parsed
from app.kit.sign import Signer
from tests.builders import Running, environ_of
from tests.contract.test_database import engines, on
from tests.contract.test_sealing import event, leaves, record
from tests.stack import ROOT

OPERATE = (ROOT / "docs" / "operate.md").read_text()
SECRET, NEXT = "a secret of the tests, long enough", "the next secret of the tests, long enough"


@dataclass(slots=True)
class Trail:
    """Twelve events of acme: two heads over eight of them, and four that were sealed since."""

    service: Running
    engine: str
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """As the database's owner, who can switch its triggers off."""
        if self.engine == "sqlite":
            with closing(sqlite3.connect(self.service.folder / "var" / "dossier.db", isolation_level=None)) as database:
                for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                    database.execute(f"DROP TRIGGER {name}")
                return [row for one in statements for row in database.execute(one).fetchall()]
        found = list[tuple[Any, ...]]()
        with psycopg.connect(str(self.service.services.settings.database_url)) as connection:
            connection.execute("SET session_replication_role = replica")
            for one in statements:
                cursor = connection.execute(one.encode())
                found.extend(cursor.fetchall() if cursor.description else [])
        return found

    async def audit(self, *arguments: str, **environ: str) -> tuple[int, str]:
        settings = self.service.services.settings
        own = {"VAR_DIR": str(settings.var_dir), "SECRET_KEY": SECRET, "DATABASE_URL": settings.database_url, **environ}
        for name, value in own.items():
            if value:
                self.monkeypatch.setenv(f"DOSSIER_{name}", value)
            else:
                self.monkeypatch.delenv(f"DOSSIER_{name}", raising=False)
        self.capsys.readouterr()
        code = await asyncio.to_thread(main, ["audit", *arguments])
        said = self.capsys.readouterr()
        return code, said.out + said.err

    async def found(self, *arguments: str, **environ: str) -> list[str]:
        code, said = await self.audit("verify", *arguments, **environ)
        wrong = [line for line in said.splitlines() if "WRONG" in line]
        assert code == (1 if wrong else 0), said
        return [line.partition("WRONG: ")[2] for line in wrong]

    async def grow(self, *names: str, seconds: int = 61) -> None:
        await record(self.service, *names)
        await self.service.services.sealer()
        self.service.clock.ahead += timedelta(seconds=seconds)

    async def head(self) -> SignedHead:
        head = await self.service.services.history.heads.newest("acme")
        assert head
        return head

    def rebuild(self, hashes: Callable[[list[str]], list[str]] = lambda given: given) -> Edge:
        """Gives leaves other hashes, and says the edge that follows."""
        rows = self.sql("SELECT position, hash FROM audit_leaves WHERE tree = 'acme' ORDER BY position")
        changed = hashes([one for _, one in rows])
        for (position, before), after in zip(rows, changed, strict=False):
            if before != after:
                self.sql(f"UPDATE audit_leaves SET hash = '{after}' WHERE tree = 'acme' AND position = {position}")
        edge = Edge()
        for one in changed:
            edge.append(bytes.fromhex(one))
        return edge


# Of an engine, and how many minutes ago it was all written.
Made = Callable[..., AbstractAsyncContextManager[Trail]]


@pytest.fixture
def trail(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Made:
    @asynccontextmanager
    async def made(engine: str, minutes: int = 0) -> AsyncIterator[Trail]:
        async with on(request, engine, tmp_path, work=False) as service:
            made = Trail(service, engine, monkeypatch, capsys)
            service.clock.ahead = timedelta(minutes=-minutes, seconds=-130)
            for names in (("a", "b", "c"), ("d", "e", "f", "g", "h")):
                await made.grow(*names)
            service.clock.ahead = timedelta(minutes=-minutes, seconds=-20)
            await made.grow("i", "j", "k", "l", seconds=20)
            assert (await made.head()).size == 8
            yield made

    return made


Tampering = tuple[Sequence[str], Sequence[str]]
LEAF = "UPDATE audit_leaves SET position = {} WHERE tree = 'acme' AND position = {}"
TAMPERINGS: dict[str, Tampering] = {
    "an event's actor was changed": (
        ["UPDATE audit_events SET actor = 'nobody' WHERE id = 5"], ["event 5 (leaf 4) was changed"],
    ),
    "a detail was changed": (
        ["UPDATE audit_events SET details = '{\"ü\": 2}' WHERE id = 5"], ["event 5 (leaf 4) was changed"],
    ),
    "an event's moment was moved by a microsecond": (
        ["UPDATE audit_events SET at = (SELECT max(at) FROM audit_events) WHERE id = 2"],
        ["event 2 (leaf 1) was changed"],
    ),
    "an event was given to another data center": (
        ["UPDATE audit_events SET data_center = NULL WHERE id = 12"], ["event 12 (leaf 11) was changed"],
    ),
    "an event was removed": (["DELETE FROM audit_events WHERE id = 7"], ["event 7 (leaf 6) was removed"]),
    "an event was removed with its leaf": (
        ["DELETE FROM audit_events WHERE id = 7", "DELETE FROM audit_leaves WHERE event_id = 7"],
        ["leaf 6 is missing"],
    ),
    "a leaf was removed": (
        ["DELETE FROM audit_leaves WHERE event_id = 7"], ["leaf 6 is missing", "event 7 stands in no tree"],
    ),
    "two events were swapped": (
        ["UPDATE audit_events SET id = 99 WHERE id = 2", "UPDATE audit_events SET id = 2 WHERE id = 6",
         "UPDATE audit_events SET id = 6 WHERE id = 99"],
        ["event 2 (leaf 1) was changed", "event 6 (leaf 5) was changed"],
    ),
    "two leaves were swapped": (
        [LEAF.format(99, 4), LEAF.format(4, 6), LEAF.format(6, 99)],
        ["leaf 5, of event 6, stands behind event 7", "leaf 6, of event 5, stands behind event 6",
         "hashes were rebuilt: among leaves 3 to 7"],
    ),
    "an event was inserted": (
        ["DELETE FROM audit_events WHERE id = 3", "INSERT INTO audit_events SELECT 3, at, action, outcome, 'x',"
         " data_center, data_source, entry_id, address, reference, details FROM audit_events WHERE id = 4"],
        ["event 3 (leaf 2) was changed"],
    ),
    "an event was inserted before those that are sealed": (
        ["INSERT INTO audit_events SELECT 0, at, action, outcome, actor, data_center, data_source, entry_id, address,"
         " reference, details FROM audit_events WHERE id = 4"],
        ["event 0 stands in no tree"],
    ),
    "the end was removed, with its leaves": (
        ["DELETE FROM audit_events WHERE id > 6", "DELETE FROM audit_leaves WHERE position > 5"],
        ["the head of 8 leaves"],
    ),
    "everything but the heads was removed": (
        ["DELETE FROM audit_events", "DELETE FROM audit_leaves"], ["the head of 3 leaves"],
    ),
    "a head's root was changed": (
        [f"UPDATE audit_heads SET root = '{'0' * 64}' WHERE size = 8"], ["the head of 8 leaves"],
    ),
    "a head's moment was changed": (
        ["UPDATE audit_heads SET at = (SELECT max(at) FROM audit_events) WHERE size = 3"], ["the head of 3 leaves"],
    ),
    "a head's edge was changed": (
        [f"UPDATE audit_heads SET edge = '{'0' * 64}' WHERE size = 8"], ["the head of 8 leaves"],
    ),
    "a head is signed by a key that nobody knows": (
        ["UPDATE audit_heads SET key_id = '0000000000000000' WHERE size = 8"], ["the head of 8 leaves"],
    ),
}  # fmt: skip


@engines
async def test_a_sound_trail_holds_and_what_was_changed_in_it_is_named(trail: Made, engine: str) -> None:
    """One service for all: each change is made on a copy of the tables, and put back."""
    async with trail(engine) as made:
        code, said = await made.audit("verify")
        assert (code, said) == (0, "acme: 12 events sealed, 2 heads\nThe trail is as it was sealed.\n")
        tables = ("audit_events", "audit_leaves", "audit_heads")
        made.sql(*(f"CREATE TABLE kept_{one} AS SELECT * FROM {one}" for one in tables))
        for name, (statements, expected) in TAMPERINGS.items():
            made.sql(*statements)
            found = await made.found()
            assert len(found) == len(expected), (name, found)
            for said, begins in zip(found, expected, strict=True):
                assert said.startswith(begins), (name, found)
            for one in tables:
                made.sql(f"DELETE FROM {one}", f"INSERT INTO {one} SELECT * FROM kept_{one}")
        assert await made.found() == []


@engines
async def test_a_tree_that_was_rebuilt_without_the_key_is_found_between_two_heads(trail: Made, engine: str) -> None:
    async with trail(engine) as made:
        kept = await made.head()
        made.sql(*TAMPERINGS["an event's actor was changed"][0])
        (changed,) = await made.found()
        made.rebuild(lambda given: [changed.rpartition(" ")[2] if n == 4 else one for n, one in enumerate(given)])
        (between,) = await made.found()
        assert between.startswith("hashes were rebuilt: among leaves 3 to 7, which were signed between 20")
        # The process that has sealed them goes on from what it knows, so its next head does not hide it.
        made.service.clock.ahead += timedelta(seconds=61)
        await made.grow("m")
        assert await made.found() == [between]
        made.sql("DELETE FROM audit_heads")
        since = await made.found("--head", json.dumps(said_of(kept)))
        assert since[0].startswith("the head of 8 leaves that was kept, signed 20")
        assert since[0].endswith("is of another tree: something up to leaf 7 was changed since")


@engines
async def test_heads_by_another_key_prove_nothing(trail: Made, engine: str, tmp_path: Path) -> None:
    """Whoever can write to the database can list a key of their own."""
    async with trail(engine) as made:
        forger = Signer(b"f" * 32)
        made.sql(*TAMPERINGS["an event's actor was changed"][0])
        (changed,) = await made.found()
        edge = made.rebuild(
            lambda given: [changed.rpartition(" ")[2] if n == 4 else one for n, one in enumerate(given)]
        )
        forged = SignedHead.sign(forger, "acme", edge, datetime.now(UTC))
        made.sql(
            "DELETE FROM audit_heads",
            f"INSERT INTO audit_heads (tree, size, root, edge, at, key_id, signature) VALUES ('acme', {edge.size},"
            f" '{edge.root}', '{edge.text}', '{at_of(forged, engine)}', '{forged.key_id}', '{forged.signature}')",
        )
        (unknown,) = await made.found()
        assert "is signed by a key that nobody knows" in unknown
        made.sql(
            "INSERT INTO signing_keys (id, key, first_used_at) SELECT"
            f" '{forger.public.id}', '{forger.public.text}', max(at) FROM audit_events"
        )
        (listed,) = await made.found()
        assert listed.endswith(f"signed by {forger.public.id}, which is listed, but not of this secret")
        keys = tmp_path / "keys.json"
        keys.write_text(json.dumps({"keys": [{"key": forger.public.text}]}))
        assert await made.found("--keys", str(keys)) == []


@engines
async def test_heads_that_were_dropped_are_missed_where_nobody_signs_new_ones(
    trail: Made, engine: str, tmp_path: Path
) -> None:
    async with trail(engine, 10) as made:
        kept = await made.head()
        made.sql("DELETE FROM audit_heads WHERE size > 3")
        (missing,) = await made.found()
        assert missing.startswith("leaves 3 to 11 have no signed head")
        heads = tmp_path / "heads"
        heads.write_text(json.dumps(said_of(kept)) + "\n\n" + json.dumps({"head": said_of(kept)}) + "\n")
        code, said = await made.audit("verify", "--head", str(heads))
        assert (code, said.count("up to leaf 7 the tree is as it was signed")) == (1, 2)
        made.sql("DELETE FROM audit_leaves WHERE position > 5", "DELETE FROM audit_events WHERE id > 6")
        assert "is of a longer tree: its end was removed, 6 leaves are left" in str(
            await made.found("--head", str(heads))
        )


@engines
async def test_a_changed_secret_leaves_old_heads_vouched_for_by_the_new_one(trail: Made, engine: str) -> None:
    async with trail(engine) as made:
        old = made.service.services.public_keys
        await old.remember()
        (left,) = await made.found(SECRET_KEY=NEXT)
        assert left.endswith("which is listed, but not of this secret")
        changed = made.service.services.settings.model_copy(update={"secret_key": NEXT, "secret_key_previous": SECRET})
        restarted = build_services(changed, environ_of(made.service.folder), made.service.clock)
        await restarted.sealer()
        await restarted.close()
        assert await made.found(SECRET_KEY=NEXT, SECRET_KEY_PREVIOUS=SECRET) == []
        code, said = await made.audit("verify", SECRET_KEY=NEXT, SECRET_KEY_PREVIOUS="")
        assert code == 0, said


def said_of(head: SignedHead) -> dict[str, Any]:
    return {name: getattr(head, name) for name in SignedHead.__slots__} | {"at": head.at.isoformat()}


def at_of(head: SignedHead, engine: str) -> str:
    return head.at.replace(tzinfo=None).isoformat(" ") + ("" if engine == "sqlite" else "+00")


@engines
async def test_what_waits_for_its_seal_is_named_and_warned_of_once_it_is_late(trail: Made, engine: str) -> None:
    async with trail(engine) as made:
        await record(made.service, "m")
        code, said = await made.audit("verify")
        assert (code, "events: 1 events are not sealed yet, the oldest for 0 s" in said) == (0, True)
        made.service.clock.ahead = timedelta(seconds=-60)
        made.sql("DELETE FROM audit_events WHERE id = 13")
        await record(made.service, "m")
        code, said = await made.audit("verify", "--data-center", "acme")
        assert (code, "events: warning: 1 events are not sealed yet" in said) == (0, True)


@engines
async def test_others_can_check_an_export_with_what_the_documentation_gives_them(
    trail: Made, engine: str, tmp_path: Path
) -> None:
    async with trail(engine) as made, made.service.bare_client() as anybody:
        exported, keys = tmp_path / "trail.jsonl", tmp_path / "keys.json"
        code, said = await made.audit("export", "--data-center", "acme")
        exported.write_text(said)
        keys.write_text((await anybody.get("/v1/keys")).text)
        assert (code, said.count("\n")) == (0, 13)
        checked = await asyncio.to_thread(check_as_documented, exported, keys)
        assert checked.stdout.startswith("8 events are as they were signed at 20"), checked.stderr
        exported.write_text(said.replace('"actor":"c"', '"actor":"x"'))
        assert (await asyncio.to_thread(check_as_documented, exported, keys)).returncode == 1
        assert await made.found("--head", said.splitlines()[-1], "--keys", str(keys)) == []
        assert await made.audit("export", "--data-center", "nobody") == (1, "dossier: there is no signed head yet.\n")


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_what_cannot_be_used_is_said_in_one_sentence(trail: Made, engine: str, tmp_path: Path) -> None:
    async with trail(engine) as made:
        (tmp_path / "bad").write_text('{"tree": "acme"}')
        for option, value, said in (
            ("--head", '{"size": 3}', "--head: there must be JSON as /v1/data-centers/…/audit/head answers it."),
            ("--head", "nowhere", "--head: nowhere cannot be read: No such file or directory."),
            ("--keys", str(tmp_path / "bad"), f"--keys: {tmp_path / 'bad'} is no answer of /v1/keys."),
        ):
            assert await made.audit("verify", option, value) == (2, f"dossier: {said}\n")
        head = json.dumps(said_of(await made.head()))
        told = await made.audit("verify", "--head", head, "--data-center", "globex")
        assert told == (2, "dossier: --head: it is of 'acme', and not of 'globex'.\n")


async def test_a_role_that_is_not_the_owner_can_seal_and_change_nothing(
    request: pytest.FixtureRequest, postgres_18: str, tmp_path: Path
) -> None:
    async with on(request, "postgres_18", tmp_path, work=False) as service:
        url = str(service.services.settings.database_url)
        (grants,) = re.findall(r"```sql\n(GRANT USAGE ON SCHEMA.*?)```", OPERATE, re.DOTALL)
        with psycopg.connect(url) as owner:
            owner.execute("CREATE ROLE dossier_run LOGIN")
            owner.execute(grants.encode())
        address = parsed(url).set(username="dossier_run").render_as_string(hide_password=False)
        settings = service.services.settings.model_copy(update={"database_url": address})
        restricted = build_services(settings, environ_of(tmp_path), service.clock)
        await restricted.grouped.append(event("a"))
        assert not await restricted.sealer()
        await restricted.close()
        assert await leaves(service) == [1]
        with psycopg.connect(address, autocommit=True) as connection:
            for table in ("audit_events", "audit_leaves", "audit_heads"):
                for change in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"ALTER TABLE {table} DISABLE TRIGGER ALL"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(change.encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("UPDATE audit_heads SET size = 1")


def check_as_documented(exported: Path, keys: Path) -> subprocess.CompletedProcess[str]:
    (code,) = re.findall(r"```python\n(import base64, hashlib.*?)```", OPERATE, re.DOTALL)
    command = [sys.executable, "-c", code, str(exported), str(keys)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
