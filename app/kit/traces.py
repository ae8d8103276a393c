"""Where time went, as spans for whoever looks at traces: nothing in them is personal, and off they cost nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar
from uuid import UUID

from app.kit.errors import Misconfigured
from app.kit.threads import Threads

One = TypeVar("One")
Headers = Iterable[tuple[bytes, bytes]]
_ALL, _TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


class Traces:
    """Does nothing, because nobody has asked for traces. Names and attributes take ids that an operator has chosen
    (data center, data source, section), a job's own id, sizes, and words of the contract, and nothing else."""

    _nothing: AbstractContextManager[None] = nullcontext()

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[None]:  # noqa: ARG002
        """What the block does, within the span that surrounds it. What is raised in it is told by slug or type."""
        return self._nothing

    def note(self, **attributes: str | int) -> None:
        """Adds to the innermost span what is known only now."""

    def fail(self, slug: str) -> None:
        """The innermost span ends with an error that nobody raises any further."""

    def request(self, headers: Headers) -> AbstractContextManager[None]:  # noqa: ARG002
        """A request over HTTP, as part of its sender's trace where a header names one."""
        return self._nothing

    def answered(self, operation: str, method: str, route: str | None, status: int) -> None:
        """Names the innermost span, a request, now that it is known what it was. `route`: the template."""

    def lead_to(self, kind: str, job: UUID, *, begins: bool) -> None:
        """From here on a job goes its own way, in a trace of which everybody knows the id: it is the job's."""

    def attempt(self, kind: str, job: UUID, **attributes: str | int) -> AbstractContextManager[None]:  # noqa: ARG002
        """One attempt of a job, in the job's trace, in whatever process."""
        return self._nothing

    def each(self, name: str, read: Callable[[str], Iterator[One]]) -> Callable[[str], Iterator[One]]:  # noqa: ARG002
        """A span around every iterator that `read` gives, whichever thread it is used in, within the innermost one."""
        return read

    async def close(self) -> None:
        """Sends what is left, if that can be done soon."""


def read_traces(environ: Mapping[str, str], service: str, threads: Threads) -> Traces:
    """By OpenTelemetry's own variables; off where they name no collector. Raises Misconfigured."""
    endpoint = _endpoint(environ) if _wanted(environ) else None
    if endpoint is None:
        return Traces()
    _refuse_other_protocols(environ)
    return _sent(endpoint, environ.get("OTEL_SERVICE_NAME") or service, threads)


def _sent(endpoint: str, service: str, threads: Threads) -> Traces:
    try:
        # Only here, because it costs every process that does not want it memory and time.
        from app.kit.traces_sent import SentTraces  # noqa: PLC0415
    except ImportError as error:
        raise Misconfigured(
            "A collector of traces is set (OTEL_EXPORTER_OTLP_…), but what sends them is not installed: "
            "pip install 'dossier[traces]', or unset it."
        ) from error
    try:
        return SentTraces(endpoint, service, threads)
    except ValueError as error:
        raise Misconfigured(f"OpenTelemetry does not take what its variables say: {error}") from error


def _refuse_other_protocols(environ: Mapping[str, str]) -> None:
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if protocol := environ.get(name):
            if protocol != "http/protobuf":
                raise Misconfigured(f"{name}: traces are sent as http/protobuf, and in no other way.")
            return


def _endpoint(environ: Mapping[str, str]) -> str | None:
    name = _TRACES if environ.get(_TRACES) else _ALL
    said = environ.get(name)
    if not said:
        return None
    if not said.startswith(("http://", "https://")):
        raise Misconfigured(f"{name}: a collector's address begins with http:// or https://.")
    return said if name == _TRACES else f"{said.rstrip('/')}/v1/traces"


def _wanted(environ: Mapping[str, str]) -> bool:
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporters = environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    return not disabled and "otlp" in (one.strip() for one in exporters.split(","))
