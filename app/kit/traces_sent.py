"""Traces that OpenTelemetry sends to a collector; imported only where one is named."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from typing import TypeVar
from uuid import UUID

from opentelemetry.context import Context, get_current
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.kit.errors import Failure
from app.kit.threads import Threads
from app.kit.traces import Headers, Traces

One = TypeVar("One")
_SERVER_ERROR = 500
# A process that is told to stop has seconds for everything.
_FLUSH_SECONDS = 1.0
_HALF = 2**64 - 1
# What the span that is being started is to be, where its ids are not random.
_given: ContextVar[SpanContext | None] = ContextVar("given", default=None)


class SentTraces(Traces):
    """Everything of one process goes to one collector, from a thread of the library's own."""

    def __init__(self, endpoint: str, service: str, threads: Threads) -> None:
        self._threads, self._exporter = threads, OTLPSpanExporter(endpoint)
        # At exit the library would wait for its collector as long as that pleases.
        self._provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False, id_generator=_Ids())
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("dossier")
        self._propagator = TraceContextTextMapPropagator()

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[None]:
        return _innermost(self._tracer.start_span(name, attributes=_ours(attributes)))

    def note(self, **attributes: str | int) -> None:
        get_current_span().set_attributes(_ours(attributes))

    def fail(self, slug: str) -> None:
        get_current_span().set_status(Status(StatusCode.ERROR, slug))

    def request(self, headers: Headers) -> AbstractContextManager[None]:
        # Its companion `tracestate` is free text of the sender's, and stays out.
        sent = {name.decode(): text.decode("latin-1") for name, text in headers if name == b"traceparent"}
        parent = self._propagator.extract(sent, Context())
        return _innermost(self._tracer.start_span("request", parent, SpanKind.SERVER))

    def answered(self, operation: str, method: str, route: str | None, status: int) -> None:
        span = get_current_span()
        span.update_name(operation)
        span.set_attributes({"http.request.method": method, "http.response.status_code": status})
        if route:
            span.set_attribute("http.route", route)
        if status >= _SERVER_ERROR:
            span.set_status(StatusCode.ERROR)

    def lead_to(self, kind: str, job: UUID, *, begins: bool) -> None:
        here, there = get_current_span(), _start_of(job)
        here.set_attribute(f"dossier.{kind}", str(job))
        here.add_link(there)
        if begins:
            back = [Link(here.get_span_context())] if here.get_span_context().is_valid else []
            token = _given.set(there)
            self._tracer.start_span(kind, Context(), SpanKind.PRODUCER, _ours({kind: str(job)}), back).end()
            _given.reset(token)

    def attempt(self, kind: str, job: UUID, **attributes: str | int) -> AbstractContextManager[None]:
        parent = set_span_in_context(NonRecordingSpan(_start_of(job)), Context())
        known = _ours({kind: str(job), **attributes})
        return _innermost(self._tracer.start_span("attempt", parent, SpanKind.CONSUMER, known))

    def each(self, name: str, read: Callable[[str], Iterator[One]]) -> Callable[[str], Iterator[One]]:
        within = get_current()

        def traced(part: str) -> Iterator[One]:
            # Never the innermost of its thread, which may leave it at any of its pieces.
            with _ended(self._tracer.start_span(name, within, attributes=_ours({name: part}))):
                yield from read(part)

        return traced

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._threads.run(self._provider.shutdown, "the collector of traces", self._exporter.shutdown)


class _Ids(RandomIdGenerator):
    """Random, but for the span that begins a job's trace."""

    def generate_trace_id(self) -> int:
        given = _given.get()
        return given.trace_id if given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        given = _given.get()
        return given.span_id if given else super().generate_span_id()

    def is_trace_id_random(self) -> bool:
        return _given.get() is None


def _start_of(job: UUID) -> SpanContext:
    """The span that begins a job's trace, wherever it was sent from: both ids follow from the job's, and neither may
    be 0."""
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(job.int or 1, job.int & _HALF or 1, is_remote=True, trace_flags=sampled)


@contextmanager
def _innermost(span: Span) -> Iterator[None]:
    # What the library would tell of an exception are its own words and its traceback.
    with _ended(span), use_span(span, record_exception=False, set_status_on_exception=False):
        yield


@contextmanager
def _ended(span: Span) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        span.set_status(Status(StatusCode.ERROR, error.slug if isinstance(error, Failure) else type(error).__name__))
        raise
    finally:
        span.end()


def _ours(attributes: dict[str, str | int]) -> dict[str, str | int]:
    return {f"dossier.{name}": value for name, value in attributes.items()}


def _resource(service: str) -> Resource:
    """What the environment says of this process; `service` is its name where that says none."""
    found = Resource.create()
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return found.merge(Resource({SERVICE_NAME: service}))
    return found
