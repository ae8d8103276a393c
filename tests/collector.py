"""A collector of traces: takes OTLP over HTTP as any other does, and shows what it was told."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Span:
    """One span, its ids in hexadecimal; `parent` is empty for the first of a trace."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    said: Mapping[str, Any]
    error: str | None
    links: tuple[tuple[str, str], ...]
    seconds: tuple[float, float]


@dataclass(slots=True)
class Collector:
    """Answers with the status, or, without one, never."""

    status: int | None
    bodies: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @property
    def services(self) -> set[str]:
        resources = [one.resource for body in self.bodies for one in _decoded(body).resource_spans]
        return {one.value.string_value for each in resources for one in each.attributes if one.key == "service.name"}

    def spans(self, **wanted: str) -> list[Span]:
        """In the order of their beginnings, those of which everything is as wanted."""
        found = [_span(one) for body in self.bodies for one in _all_in(body)]
        fitting = [one for one in found if all(getattr(one, name) == value for name, value in wanted.items())]
        return sorted(fitting, key=lambda one: one.seconds)

    def the(self, **wanted: str) -> Span:
        (found,) = self.spans(**wanted)
        return found


@contextmanager
def collecting(status: int | None = 200) -> Iterator[Collector]:
    collector = Collector(status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            if collector.status is None:
                collector.over.wait()
            self.send_response(collector.status or 200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        collector.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield collector
        finally:
            collector.over.set()
            server.shutdown()


def _decoded(body: bytes) -> Any:
    return ExportTraceServiceRequest.FromString(body)


def _all_in(body: bytes) -> Iterator[Any]:
    for resource in _decoded(body).resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def _span(one: Any) -> Span:
    said = {each.key: each.value.string_value or each.value.int_value for each in one.attributes}
    links = tuple((link.trace_id.hex(), link.span_id.hex()) for link in one.links)
    return Span(
        one.name, one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex(), one.kind, said,
        one.status.message or None if one.status.code == 2 else None, links,
        (one.start_time_unix_nano / 1e9, one.end_time_unix_nano / 1e9),
    )  # fmt: skip
