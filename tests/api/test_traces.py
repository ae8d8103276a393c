"""Spans as a collector receives them: a search and its sources, an export and its job, and nothing personal."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.bootstrap import build_services
from tests.builders import BASE, EMAIL, Running, environ_of, finished, request_export, running
from tests.collector import Collector, Span, collecting
from tests.servers import free_port
from tests.shape.test_no_personal_data import COOKIE, ROUTES, exported, leaks, plant
from tests.shape.test_no_personal_data import EMAIL as CANARY
from tests.site import site

ROOT = Path(__file__).parents[2]
SEARCH, ENDPOINT = f"{BASE}/visitors/search", "OTEL_EXPORTER_OTLP_ENDPOINT"
SERVER, PRODUCER, CONSUMER = 2, 4, 5


@asynccontextmanager
async def traced(folder: Path, collector: Collector, **how: Any) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    """A service and a client of it. What it has sent is complete once the block has ended."""
    if not (folder / "website.db").exists():
        site(folder)
    environ = environ_of(folder) | {ENDPOINT: collector.url}
    async with running(folder, environ=environ, **how) as service, await service.client() as client:
        yield service, client


async def test_a_search_is_a_span_with_one_for_each_data_source(tmp_path: Path) -> None:
    with collecting() as collector:
        async with traced(tmp_path, collector, work=False) as (_, client):
            (tmp_path / "shop.db").write_bytes(b"")
            await client.post(SEARCH, json={"identifier": EMAIL})
    request = collector.the(name="search_visitors")
    assert (request.kind, request.parent, request.error) == (SERVER, "", None)
    assert request.said == {
        "http.request.method": "POST", "http.response.status_code": 200,
        "http.route": "/v1/data-centers/{data_center}/visitors/search",
    }  # fmt: skip
    asked = {one.said["dossier.data_source"]: one for one in collector.spans(name="find", parent=request.id)}
    assert {one.trace for one in asked.values()} == {request.trace}
    assert {one.said["dossier.data_center"] for one in asked.values()} == {"acme"}
    assert (asked["website"].said["dossier.status"], asked["website"].error) == ("answered", None)
    assert (asked["shop"].said["dossier.status"], asked["shop"].error) == ("unavailable", "source-misconfigured")
    assert len(collector.spans()) == 3
    assert collector.services == {"dossier"}


async def test_a_request_belongs_to_the_trace_that_its_sender_names(tmp_path: Path) -> None:
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with collecting() as collector:
        async with traced(tmp_path, collector, work=False) as (_, client):
            for flags in ("01", "00"):
                sent = {"traceparent": f"00-{trace}-{parent}-{flags}", "tracestate": f"vendor={COOKIE}"}
                await client.get("/v1/me", headers=sent)
            await client.get("/v1/me", headers={"traceparent": f"00-{COOKIE}-{parent}-01"})
    theirs, other = sorted(collector.spans(name="me"), key=lambda one: one.trace != trace)
    assert (theirs.trace, theirs.parent) == (trace, parent)
    assert (other.trace == trace, other.parent) == (False, "")
    assert not leaks(received(collector))


async def test_the_trace_of_a_job_is_found_by_the_id_of_its_export(tmp_path: Path) -> None:
    with collecting() as collector:
        async with traced(tmp_path, collector) as (_, client):
            export = await finished(client, await request_export(client))
    request, job = collector.the(name="create_export"), UUID(export["id"]).hex
    begun, attempt, read, put = (collector.the(trace=job, name=name) for name in ("export", "attempt", "read", "put"))
    assert request.links == ((job, begun.id),)
    assert begun.links == ((request.trace, request.id),)
    assert request.said["dossier.export"] == begun.said["dossier.export"] == export["id"]
    assert [begun.parent, attempt.parent, read.parent, put.parent] == ["", begun.id, attempt.id, read.id]
    assert (begun.kind, attempt.kind) == (PRODUCER, CONSUMER)
    assert attempt.said == {
        "dossier.export": export["id"], "dossier.data_center": "acme", "dossier.data_source": "website",
        "dossier.attempt": 1, "dossier.outcome": "done",
    }  # fmt: skip
    assert (read.said, put.said) == ({"dossier.rows": 4}, {"dossier.bytes": export["size"]})
    sections = collector.spans(trace=job, name="section", parent=read.id)
    assert [one.said["dossier.section"] for one in sections] == ["demographics", "events"]
    assert all(within(one, put) for one in sections)
    assert within(put, read)
    assert len(collector.spans(trace=job)) == 6


async def test_a_worker_goes_on_with_the_trace_that_an_api_has_begun(tmp_path: Path) -> None:
    own = f"sqlite:///{tmp_path / 'own.db'}"
    with collecting() as collector:
        async with traced(tmp_path, collector, work=False, database_url=own) as (service, client):
            await request_export(client)
            environ = environ_of(tmp_path) | {ENDPOINT: collector.url}
            worker = build_services(service.services.settings, environ, service.clock, "worker")
            assert await worker.run_job()
            await worker.close()
    assert collector.services == {"dossier-api", "dossier-worker"}
    assert collector.the(name="attempt").parent == collector.the(name="export").id


async def test_each_attempt_is_a_span_with_its_outcome(tmp_path: Path) -> None:
    with collecting() as collector:
        async with traced(tmp_path, collector, work=False) as (service, client):
            address = await request_export(client)
            (tmp_path / "website.db").rename(tmp_path / "away")
            await service.services.run_job()
            (tmp_path / "website.db").write_bytes(b"")
            service.clock.ahead += timedelta(minutes=1)
            await service.services.run_job()
            (tmp_path / "away").rename(tmp_path / "website.db")
            await client.post(f"{address}/retry")
            await service.services.run_job()
            export = (await client.get(address)).json()
    job = UUID(export["id"]).hex
    assert [outcome(one) for one in collector.spans(trace=job, name="attempt")] == [
        (1, "put off", "source-unavailable"), (2, "failed", "source-misconfigured"), (1, "done", None),
    ]  # fmt: skip
    assert [one.error for one in collector.spans(trace=job, name="read")][:2] == [
        "source-unavailable",
        "source-misconfigured",
    ]
    begun = collector.the(trace=job, name="export")
    assert collector.the(name="retry_export").links == ((job, begun.id),)


async def test_nothing_personal_reaches_the_collector(tmp_path: Path) -> None:
    plant(tmp_path)
    with collecting() as collector:
        async with traced(tmp_path, collector) as (_, client):
            for method, path, sent in ROUTES:
                await client.request(method, path, **sent)  # type: ignore[arg-type]
            await client.post(SEARCH, json={"identifier": COOKIE})
            assert (await exported(client, "iPhone"))["status"] == "ready"
            (tmp_path / "website.db").write_bytes(CANARY.encode())
            await client.post(SEARCH, json={"identifier": CANARY})
    assert len(collector.spans()) > len(ROUTES)
    assert {"unknown", "search_visitors", "attempt"} <= {one.name for one in collector.spans()}
    assert "_OTHER" in {one.said.get("http.request.method") for one in collector.spans()}
    assert not leaks(received(collector))


def test_what_the_web_framework_would_tell_by_itself_is_not_told(tmp_path: Path) -> None:
    """Its own traces hold every path as it was sent, and an error's own words."""
    place = site(tmp_path)
    with collecting() as collector:
        place.environ |= {ENDPOINT: collector.url, "FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
        with place.serving() as process, place.client("no key") as client:
            client.get(f"{BASE}/exports/{CANARY}?{COOKIE}")
            process.terminate()
            assert process.wait(10) == 0
    assert {"get_export"} <= {one.name for one in collector.spans()}
    assert not leaks(received(collector))


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {ENDPOINT: "http://localhost:4318", "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
    ids=["by default", "disabled", "no exporter"],
)
def test_where_they_are_off_nothing_of_opentelemetry_is_loaded(environ: Mapping[str, str]) -> None:
    loaded = (
        "import sys, app.commands.worker; from app.kit.threads import Threads; from app.kit.traces import *;"
        f"assert type(read_traces({dict(environ)!r}, 'x', Threads())) is Traces;"
        "print([one for one in sys.modules if one.startswith('opentelemetry')]);"
        # The web framework needs the library's interface, and nothing that sends.
        "import app.commands.api; print([one for one in ('opentelemetry.sdk', 'requests') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


def test_who_asks_for_traces_without_the_extra_is_told_its_name(tmp_path: Path) -> None:
    start = (
        "import sys; sys.modules['opentelemetry.sdk'] = None; from app.__main__ import main; sys.exit(main(['api']))"
    )
    environ = site(tmp_path).environ | {ENDPOINT: "http://localhost:4318"}
    done = subprocess.run(
        [sys.executable, "-c", start], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "dossier: A collector of traces is set (OTEL_EXPORTER_OTLP_…), but what sends them is not installed: "
        "pip install 'dossier[traces]', or unset it."
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (ENDPOINT, "collector:4318", f"{ENDPOINT}: a collector's address begins with http:// or https://."),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "traces are sent as http/protobuf, and in no other way."),
        ("OTEL_BSP_SCHEDULE_DELAY", "0", "OpenTelemetry does not take what its variables say: schedule_delay"),
    ],
)
def test_a_variable_that_cannot_be_followed_is_named(tmp_path: Path, name: str, value: str, said: str) -> None:
    place = site(tmp_path)
    place.environ |= {ENDPOINT: "http://localhost:4318", name: value}
    done = place.run("api")
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("status", [400, None, 0], ids=["refuses", "hangs", "is away"])
def test_a_collector_that_fails_neither_stops_the_service_nor_fills_its_log(tmp_path: Path, status: int | None) -> None:
    place = site(tmp_path)
    key = place.key()
    with ExitStack() as stack:
        url = f"http://127.0.0.1:{free_port()}" if status == 0 else stack.enter_context(collecting(status)).url
        place.environ |= {ENDPOINT: url, "OTEL_BSP_SCHEDULE_DELAY": "20"}
        process, client = stack.enter_context(place.serving()), stack.enter_context(place.client(key))
        for _ in range(20):
            assert client.post(SEARCH, json={"identifier": EMAIL}).status_code == 200
            time.sleep(0.05)
        process.terminate()
        told = time.monotonic()
        assert process.wait(10) == 0
        assert time.monotonic() - told < 4
    said = [line for line in (tmp_path / "log").read_text().splitlines() if " INFO " not in line]
    assert len(said) <= 2, said


def received(collector: Collector) -> str:
    return "".join(body.decode("latin-1") for body in collector.bodies)


def within(inner: Span, outer: Span) -> bool:
    return outer.seconds[0] <= inner.seconds[0] and inner.seconds[1] <= outer.seconds[1]


def outcome(attempt: Span) -> tuple[Any, Any, str | None]:
    return attempt.said["dossier.attempt"], attempt.said["dossier.outcome"], attempt.error
