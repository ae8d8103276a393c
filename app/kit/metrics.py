"""What is counted and timed, for Prometheus: nothing in it is personal, names and labels alike."""

from collections.abc import Mapping

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

# The media type of `text`.
TEXT = CONTENT_TYPE_PLAIN_0_0_4
_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LONG = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600)
_WHERE = ("data_center", "data_source")


class Metrics:
    """The instruments of one process, in a registry of their own. Labels take ids that an operator has chosen (data
    center, data source), words of the contract, and nothing else."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = self._histogram("request_seconds", "Answers over HTTP", ("operation", "status"), _QUICK)
        self._searches = self._histogram("source_search_seconds", "A source's part of a search", (*_WHERE, "status"))
        self._attempts = self._histogram("attempt_seconds", "Attempts of jobs", ("kind", *_WHERE, "outcome"), _LONG)
        self._events = self._counter("events", "What the audit trail was told", ("action", "outcome", "data_center"))
        self._bytes = self._counter("archive_bytes", "Bytes of archives, stored and sent", ("way", "data_center"))
        self._gauges: dict[str, Gauge] = {}

    def answered(self, operation: str, status: int, seconds: float) -> None:
        self._requests.labels(operation, str(status)).observe(seconds)

    def searched(self, where: tuple[str, str], status: str, seconds: float) -> None:
        """`where`: a data center, and one of its data sources."""
        self._searches.labels(*where, status).observe(seconds)

    def attempted(self, kind: str, where: tuple[str, str], outcome: str, seconds: float) -> None:
        self._attempts.labels(kind, *where, outcome).observe(seconds)

    def happened(self, action: str, outcome: str, data_center: str | None, times: int = 1) -> None:
        self._events.labels(action, outcome, data_center or "").inc(times)

    def moved(self, way: str, data_center: str | None, size: int) -> None:
        """`way`: `stored`, or `sent`."""
        self._bytes.labels(way, data_center or "").inc(size)

    def show(self, name: str, said: str, values: Mapping[str, float], label: str) -> None:
        """Sets gauges to what was just seen; what is not among the values is not there any more."""
        if name not in self._gauges:
            self._gauges[name] = Gauge(f"dossier_{name}", said, [label], registry=self.registry)
        self._gauges[name].clear()
        for labelled, value in values.items():
            self._gauges[name].labels(labelled).set(value)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)

    def _histogram(
        self, name: str, said: str, labels: tuple[str, ...], buckets: tuple[float, ...] = _QUICK
    ) -> Histogram:
        return Histogram(f"dossier_{name}", said, labels, buckets=buckets, registry=self.registry)

    def _counter(self, name: str, said: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"dossier_{name}", said, labels, registry=self.registry)
