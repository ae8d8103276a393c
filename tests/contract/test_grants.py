"""What identity providers granted, on each of the own databases alike."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.access.grants import OUTLIVES, Grant, Grants
from app.access.port import Administrator, Permission
from tests.builders import MovableClock
from tests.contract.test_database import engines, on

BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def grant(minute: int, *may: Permission, key_id: str = "oidc:one") -> Grant:
    issued = BEGUN + timedelta(minutes=minute)
    return Grant(Administrator("oidc:maria", key_id, {"acme": may} if may else {}), issued, issued + HOUR)


def clock_at(moment: datetime) -> MovableClock:
    clock = MovableClock()
    clock.frozen = moment
    return clock


@engines
async def test_the_newest_token_counts_in_whatever_order_processes_saw_them(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        clock = clock_at(BEGUN)
        some, others = (Grants(service.services.ledger, clock) for _ in range(2))
        seen = [grant(minute, *(("audit:read",) if minute % 2 else ("history:read",))) for minute in range(20)]
        await asyncio.gather(*(one.keep(given) for given in seen for one in (some, others)))
        for one in (some, others):
            assert await one.owner("oidc:one") == await one.known("oidc:maria") == seen[-1].administrator
        await some.keep(grant(30))
        assert (await others.owner("oidc:one")) == Administrator("oidc:maria", "oidc:one", {})


@engines
async def test_a_grant_ends_a_day_after_its_token_and_is_deleted(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        clock = clock_at(BEGUN)
        grants = Grants(service.services.ledger, clock)
        await grants.keep(grant(0, "audit:read"))
        clock.frozen = BEGUN + HOUR + OUTLIVES - timedelta(seconds=1)
        await grants.delete_old()
        assert await grants.owner("oidc:one")
        clock.frozen += timedelta(seconds=1)
        assert await grants.owner("oidc:one") is None
        await grants.delete_old()
        clock.frozen = BEGUN
        assert await grants.owner("oidc:one") is None


@engines
async def test_after_a_change_of_the_issuer_the_newest_of_a_name_counts(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with on(request, engine, tmp_path, work=False) as service:
        grants = Grants(service.services.ledger, clock_at(BEGUN))
        before, after = grant(0, "audit:read"), grant(1, "history:read", key_id="oidc:two")
        await grants.keep(after)
        await grants.keep(before)
        assert await grants.known("oidc:maria") == after.administrator
        assert await grants.owner("oidc:one") == before.administrator
        assert await grants.owner("oidc:none") is None
