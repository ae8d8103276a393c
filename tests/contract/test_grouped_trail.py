"""Events of many searches share transactions, and each stands or falls by itself."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.audit.event import AuditEvent, By
from app.audit.group import GroupedTrail
from app.audit.refusals import Refusals
from app.audit.trail import AUDIT_EVENTS, Trail
from app.kit.clock import now
from app.kit.db import Database, DatabaseUnavailable
from app.kit.metrics import Metrics
from tests.builders import BASE, EMAIL, Running, running
from tests.contract.test_database import engines, on
from tests.servers import new_database


class CountedDatabase(Database):
    """The real one, which counts its writing transactions."""

    def __init__(self, service: Running) -> None:
        self._inner = service.services.database
        self.transactions = 0

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        self.transactions += 1
        async with self._inner.writing() as connection:
            yield connection


def event(name: str, **details: Any) -> AuditEvent:
    return AuditEvent("visitors:search", By(name), "acme", details=details)


async def actors(service: Running) -> list[str]:
    async with service.services.database.reading() as connection:
        found = await connection.execute(text("SELECT actor FROM audit_events ORDER BY actor"))
        return list(found.scalars())


@engines
async def test_events_that_come_together_share_few_transactions(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        database = CountedDatabase(service)
        trail = GroupedTrail(database, Trail(now, Metrics()))
        await asyncio.gather(*(trail.append(event(f"a{number:03}")) for number in range(250)))
        assert await actors(service) == [f"a{number:03}" for number in range(250)]
        assert database.transactions <= 4
        await trail.append(event("b"))
        assert (await actors(service))[-1] == "b"


@engines
async def test_refusals_by_the_thousand_cost_a_transaction_at_first_and_one_for_their_count(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        database = CountedDatabase(service)
        refusals = Refusals(GroupedTrail(database, Trail(now, Metrics())), now)
        strangers = [By(name, "10.0.0.7", str(uuid4())) for name in ("unknown", "maria")]
        for by in strangers * 1000:
            await refusals.record(by, None, {"problem": "not-found"})
        assert (await actors(service), database.transactions) == (["maria", "unknown"], 2)
        await refusals.write_due()
        assert database.transactions == 2
        await refusals.close()
        assert database.transactions == 3
        async with service.services.database.reading() as connection:
            found = await connection.execute(select(AUDIT_EVENTS.c.details).order_by(AUDIT_EVENTS.c.id))
            assert [one["count"] for one in found.scalars()] == [1, 1, 999, 999]


@engines
async def test_an_event_is_committed_before_its_writer_goes_on(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:

        async def written(name: str) -> bool:
            await service.services.grouped.append(event(name))
            return name in await actors(service)

        assert all(await asyncio.gather(*(written(f"a{number}") for number in range(30))))


@engines
async def test_an_event_is_the_same_whether_it_was_written_alone_or_with_others(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    by = By("Zoë \u2028 'x' \"y\"", "fe80::1", str(uuid4()))
    details: dict[str, str | int | None] = {"identifier": "j•••@example.com", "visitors": 3, "nothing": None, "b": "\\"}
    whole = AuditEvent("exports:ready", by, "acme", "failed", "website", uuid4(), details)
    async with on(request, engine, tmp_path, work=False) as service:
        service.clock.frozen = datetime(2026, 11, 25, 1, 2, 3, 456789, UTC)
        for together in (1, 3):
            await asyncio.gather(*(service.services.grouped.append(whole) for _ in range(together)))
        async with service.services.database.reading() as connection:
            rows = (await connection.execute(select(AUDIT_EVENTS))).all()
        assert len(rows) == 4
        assert len({repr(row[1:]) for row in rows}) == 1
        assert (rows[-1].at, rows[-1].entry_id, rows[-1].details) == (service.clock.frozen, whole.entry_id, details)


@engines
async def test_one_bad_event_fails_alone(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        bad: Any = {"of no form": object()}
        events = [event("good"), event("bad", **bad), event("better"), event("worse\ud800"), event("best")]
        ends = await asyncio.gather(*(service.services.grouped.append(one) for one in events), return_exceptions=True)
        assert [isinstance(end, Exception) for end in ends] == [False, True, False, True, False]
        assert await actors(service) == ["best", "better", "good"]


@engines
async def test_who_goes_away_takes_nobody_along(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        writing = [asyncio.create_task(service.services.grouped.append(event(f"a{number}"))) for number in range(6)]
        await asyncio.sleep(0)
        writing[0].cancel()
        await asyncio.sleep(0)
        writing[3].cancel()
        ends = await asyncio.gather(*writing, return_exceptions=True)
        assert [end for number, end in enumerate(ends) if number not in (0, 3)] == [None] * 4
        assert await actors(service) == [f"a{number}" for number in range(6)]
        await service.services.grouped.append(event("b"))


async def test_an_answer_whose_event_cannot_be_written_does_not_leave(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database, database:
            database.execute("ALTER TABLE audit_events RENAME TO elsewhere")
        answers = await asyncio.gather(
            *(client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL}) for _ in range(10))
        )
        assert {(one.status_code, one.json()["type"]) for one in answers} == {(503, "/problems/database-unavailable")}
        with closing(sqlite3.connect(tmp_path / "var" / "dossier.db")) as database, database:
            database.execute("ALTER TABLE elsewhere RENAME TO audit_events")
        assert (await client.post(f"{BASE}/visitors/search", json={"identifier": EMAIL})).status_code == 200


async def test_it_ends_in_time_though_the_database_hangs(tmp_path: Path, postgres_18: str) -> None:
    url = new_database(postgres_18)
    async with running(tmp_path, work=False, database_url=url) as service:
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE audit_events")
            writing = [asyncio.create_task(service.services.grouped.append(event(f"a{n}"))) for n in range(3)]
            await asyncio.sleep(0.2)
            begun = time.monotonic()
            await service.services.grouped.close()
            assert time.monotonic() - begun < 1
            ends = await asyncio.gather(*writing, return_exceptions=True)
            assert all(isinstance(end, DatabaseUnavailable) for end in ends)
        assert await actors(service) == []
