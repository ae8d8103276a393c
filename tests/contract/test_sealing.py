"""The trail is sealed in order within seconds, whoever writes, holds back, gives up or is killed meanwhile."""

import asyncio
import hashlib
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.event import listen, remove

from app.audit.entry import COLUMNS, as_json, entry_of
from app.audit.event import AuditEvent, By
from app.audit.merkle import Edge, leaf_hash
from app.audit.seals import AUDIT_HEADS, AUDIT_LEAVES
from app.audit.trail import AUDIT_EVENTS
from app.bootstrap import build_services
from app.kit.clock import rfc3339
from app.kit.seal import Keyring
from tests.builders import Running, environ_of, request_export
from tests.contract.test_database import engines, on, refused
from tests.engines import POSTGRESQL

postgresqls = pytest.mark.parametrize("engine", POSTGRESQL)
# The reference tests of Certificate Transparency: these leaves, and the root after each.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


INSERT = (
    "INSERT INTO audit_events (at, action, outcome, actor, data_center, details)"
    " VALUES (now(), 'visitors:search', 'done', 'late', 'acme', '{}')"
)


class Stop(Exception):
    """What a use case raises in its transaction."""


def url_of(service: Running) -> str:
    return str(service.services.settings.database_url)


def event(name: str, center: str | None = "acme") -> AuditEvent:
    return AuditEvent("visitors:search", By(name), center, details={"ü": 1})


async def record(service: Running, *names: str, center: str | None = "acme") -> None:
    for name in names:
        await service.services.ledger.record(event(name, center))


async def leaves(service: Running, tree: str = "acme") -> list[int]:
    """The ids of the events, in the order of the tree; positions without a gap."""
    asked = select(AUDIT_LEAVES.c.position, AUDIT_LEAVES.c.event_id).where(AUDIT_LEAVES.c.tree == tree)
    async with service.services.database.reading() as connection:
        rows = (await connection.execute(asked.order_by(AUDIT_LEAVES.c.position))).all()
    assert [row.position for row in rows] == list(range(len(rows)))
    return [row.event_id for row in rows]


async def ids(service: Running, center: str | None = "acme") -> list[int]:
    asked = select(AUDIT_EVENTS.c.id).where(AUDIT_EVENTS.c.data_center == center).order_by(AUDIT_EVENTS.c.id)
    async with service.services.database.reading() as connection:
        return list((await connection.execute(asked)).scalars())


async def root_by_definition(service: Running, tree: str, size: int) -> str:
    """Of all events of the tree, as RFC 6962 says it: split at the largest power of two."""
    asked = select(*COLUMNS).where(AUDIT_EVENTS.c.data_center == (tree or None)).order_by(AUDIT_EVENTS.c.id)
    async with service.services.database.reading() as connection:
        rows = (await connection.execute(asked.limit(size))).all()
    return by_definition([leaf_hash(entry_of(as_json(row))) for row in rows]).hex()


def by_definition(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    cut = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + by_definition(hashes[:cut]) + by_definition(hashes[cut:])).digest()


def test_roots_are_those_of_the_reference() -> None:
    edge, roots = Edge(), list[str]()
    assert edge.root == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for leaf in LEAVES:
        edge.append(leaf_hash(bytes.fromhex(leaf)))
        roots.append(Edge.read(edge.size, edge.text).root)
    assert roots == ROOTS


@engines
async def test_events_are_sealed_within_two_seconds_in_a_tree_for_each_data_center(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path) as service, await service.client() as client:
        await request_export(client)
        await record(service, "a", "b", center=None)
        await record(service, "c", center="globex")
        await asyncio.sleep(2)
        for tree in ("acme", "", "globex"):
            assert await leaves(service, tree) == await ids(service, tree or None) != []
    async with service.services.database.reading() as connection:
        heads = (await connection.execute(select(AUDIT_HEADS))).all()
    assert {one.tree for one in heads} == {"acme", "", "globex"}
    for one in heads:
        assert one.root == await root_by_definition(service, one.tree, one.size)
    # When the process closed, each tree got a head of all of it.
    for tree in ("acme", "", "globex"):
        assert max(one.size for one in heads if one.tree == tree) == len(await leaves(service, tree))
    await service.services.database.close()


@engines
async def test_the_database_itself_keeps_seals_from_being_changed(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        await record(service, "a")
        await service.services.sealer()
        changes = {f"UPDATE {table} SET tree = 'x'" for table in ("audit_leaves", "audit_heads")}
        changes |= {f"DELETE FROM {table}" for table in ("audit_leaves", "audit_heads")}
        if engine != "sqlite":
            changes |= {f"TRUNCATE {table}" for table in ("audit_leaves", "audit_heads")}
        assert await refused(service.services.database, changes) == changes


@postgresqls
async def test_a_gap_waits_for_its_transaction_and_not_for_others(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        sealer = service.services.sealer
        with psycopg.connect(url_of(service)) as late, psycopg.connect(url_of(service)) as elsewhere:
            elsewhere.execute("CREATE TABLE somebody_elses (n int)")
            await record(service, "a")
            late.execute(INSERT)
            await record(service, "c", "d")
            assert await sealer()
            assert await sealer()
            assert await leaves(service) == (await ids(service))[:1]
            late.commit()
            await record(service, "e")
            assert not await sealer()
            assert await leaves(service) == await ids(service) == [1, 2, 3, 4, 5]


@postgresqls
async def test_a_gap_that_was_rolled_back_or_killed_is_passed_over(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        sealer = service.services.sealer
        with psycopg.connect(url_of(service)) as one, closing(psycopg.connect(url_of(service))) as killed:
            await record(service, "a")
            one.execute(INSERT)
            one.rollback()
            await record(service, "c")
            assert not await sealer()
            assert await leaves(service) == [1, 3]
            killed.execute(INSERT)
            one.execute(INSERT)
            await record(service, "f")
            one.rollback()
            assert await sealer()
            assert await leaves(service) == [1, 3]
            one.execute("SELECT pg_terminate_backend(%s)", [killed.info.backend_pid])
            one.commit()
            await asyncio.sleep(0.2)
            # A writer that came later does not hold up what was settled before it.
            one.execute(INSERT)
            await record(service, "h")
            assert await sealer()
            assert await leaves(service) == [1, 3, 6]
            one.commit()
            assert not await sealer()
            assert await leaves(service) == [1, 3, 6, 7, 8]


@postgresqls
async def test_many_writers_some_of_whom_give_up_leave_nothing_unsealed_or_out_of_order(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path) as service:
        others = [build_services(service.services.settings, environ_of(tmp_path), service.clock) for _ in range(2)]
        sealing = [asyncio.create_task(one.sealer.forever()) for one in others]

        async def write(number: int) -> None:
            for turn in range(40):
                with suppress(Stop):
                    async with service.services.ledger.writing() as connection:
                        await service.services.ledger.append(connection, event(f"a{number}"))
                        await asyncio.sleep(0.001 * (number * 7 % 30))
                        if (number + turn) % 5 == 0:
                            raise Stop

        await asyncio.gather(*(write(number) for number in range(8)))
        await asyncio.sleep(2)
        found = await ids(service)
        assert len(found) == 8 * 40 * 4 // 5
        assert await leaves(service) == found
        for task in sealing:
            task.cancel()
        await asyncio.wait(sealing)
        for one in others:
            await one.close()


@engines
async def test_several_sealers_at_once_give_each_event_one_leaf_and_a_restart_goes_on(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        given = service.services.settings
        for start in range(3):
            others = [build_services(given, environ_of(tmp_path), service.clock) for _ in range(3)]
            for turn in range(4):
                await record(service, *(f"a{number}" for number in range(5)), center=("acme", None)[turn % 2])
                await asyncio.gather(*(one.sealer() for one in others), return_exceptions=True)
            service.clock.ahead += timedelta(seconds=61)
            await others[start].sealer()
            for one in others:
                await one.close()
            assert await leaves(service) == await ids(service)
            for tree in ("acme", ""):
                size = len(await leaves(service, tree))
                assert size == 10 * (start + 1)
                head = await service.services.history.heads.newest(tree)
                assert head
                assert (head.size, head.root) == (size, await root_by_definition(service, tree, size))


@engines
async def test_a_head_is_signed_every_minute_for_each_tree_that_grew(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        sizes, head = list[int](), None
        for seconds in (0, 30, 31, 5, 70, 70):
            service.clock.ahead += timedelta(seconds=seconds)
            if len(sizes) < 5:
                await record(service, "a")
            await service.services.sealer()
            head = await service.services.history.heads.newest("acme")
            assert head
            sizes.append(head.size)
        assert sizes == [1, 1, 3, 3, 5, 5]
        assert head
        (signer,) = Keyring("a secret of the tests, long enough").signers()
        assert head.holds(signer.public)
        assert head.text.decode().splitlines() == [
            "dossier-audit-head/1", "acme", "5", head.root, rfc3339(head.at), signer.public.id,
        ]  # fmt: skip


@engines
async def test_an_idle_trail_costs_one_query_a_second(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        await record(service, "a")
        await service.services.sealer()
        await service.services.sealer()
        said = list[str]()

        def hear(*given: object) -> None:
            said.append(str(given[2]))

        listen(Engine, "before_cursor_execute", hear)
        await service.services.sealer()
        remove(Engine, "before_cursor_execute", hear)
        assert len([one for one in said if "audit" in one]) == 1
