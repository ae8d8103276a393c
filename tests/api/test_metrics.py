"""What operators are told: numbers for Prometheus and lines of JSON, and nothing personal in either."""

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.kit.logs import ROOT, configure
from tests.builders import BASE, COOKIE, EMAIL, Running, finished, request_export, running

ON = {"metrics": "on"}
Sample = tuple[str, frozenset[tuple[str, str]]]


async def scraped(service: Running) -> dict[Sample, float]:
    async with service.bare_client() as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def sample(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


async def test_searches_exports_and_downloads_are_counted_and_timed(tmp_path: Path) -> None:
    async with running(tmp_path, settings=ON) as service, await service.client() as client:
        export = await finished(client, await request_export(client))
        archive = (await client.get(export["links"]["archive"])).content
        told = await scraped(service)
    where = {"data_center": "acme", "data_source": "website"}
    assert told[sample("dossier_source_search_seconds_count", **where, status="answered")] == 1
    assert told[sample("dossier_attempt_seconds_count", kind="export", **where, outcome="done")] == 1
    assert told[sample("dossier_archive_bytes_total", way="stored", data_center="acme")] == export["size"]
    assert told[sample("dossier_archive_bytes_total", way="sent", data_center="acme")] == len(archive)
    assert told[sample("dossier_request_seconds_count", operation="create_export", status="202")] == 1
    for action in ("visitors:search", "exports:request", "exports:ready", "exports:sent"):
        assert told[sample("dossier_events_total", action=action, outcome="done", data_center="acme")] == 1


async def test_what_waits_is_shown_with_its_age(tmp_path: Path) -> None:
    async with running(tmp_path, work=False, settings=ON) as service, await service.client() as client:
        await request_export(client)
        told = await scraped(service)
        assert told[sample("dossier_jobs", state="waiting")] == 1
        assert told[sample("dossier_jobs", state="running")] == 0
        assert 0 <= told[sample("dossier_jobs_oldest_seconds", state="waiting")] < 10
        assert told[sample("dossier_up", part="database")] == 1
        assert told[sample("dossier_held", what="waiting clients")] == 0


async def test_no_label_holds_what_somebody_typed(tmp_path: Path) -> None:
    async with running(tmp_path, settings=ON) as service, await service.client() as client:
        await finished(client, await request_export(client))
        await client.get(f"{BASE}/exports/{EMAIL}")
        await client.get(f"/v1/data-centers/{EMAIL}/history")
        await client.get(f"/{COOKIE}?{EMAIL}")
        text = (await client.get("/metrics")).text
    assert EMAIL not in text
    assert 'operation="unknown",status="404"' in text


@pytest.mark.parametrize("settings", [{}, {"metrics": "off"}], ids=["embedded", "switched off"])
async def test_without_its_switch_there_are_no_metrics(tmp_path: Path, settings: dict[str, str]) -> None:
    async with running(tmp_path, work=False, settings=settings) as service, service.bare_client() as client:
        assert (await client.get("/metrics")).status_code == 404


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged as JSON."""
    logger = logging.getLogger(ROOT)
    before = logger.handlers, logger.propagate, logger.level
    configure("json")
    (handler,) = logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    handler.setStream(stream)
    yield stream
    logger.handlers, logger.propagate, logger.level = before


async def test_every_line_of_a_request_and_of_an_export_bears_its_reference(
    tmp_path: Path, written: io.StringIO
) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        (tmp_path / "shop.db").write_bytes(b"")
        export = await finished(client, await request_export(client))
        problem = (await client.get(f"{BASE}/exports/x")).json()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    (search,) = [one for one in lines if one.get("operation") == "search_visitors"]
    assert (search["status"], search["level"]) == (200, "info")
    stumbled = [one for one in lines if one["message"].startswith("search in data source shop")]
    assert [one["reference"] for one in stumbled] == [search["reference"]]
    (missed,) = [one for one in lines if one.get("status") == 404]
    assert problem["instance"] == f"urn:uuid:{missed['reference']}"
    assert export["status"] == "ready"


async def test_the_alarm_rules_in_the_docs_ask_for_metrics_that_are_there(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operate.md").read_text()
    asked = set(re.findall(r"dossier_[a-z_]+", page.split("```yaml")[1].split("```")[0]))
    async with running(tmp_path, settings=ON) as service, await service.client() as client:
        await finished(client, await request_export(client))
        told = {name for name, _ in await scraped(service)}
    assert len(asked) >= 7
    assert asked <= told
