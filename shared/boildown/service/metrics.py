"""What /metrics tells, by Prometheus' conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from boildown.cache import CacheSpec, resolve_cache
from boildown.runtime import scheduler

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The metrics of one application, in a registry of its own.

    Args:
        queue: gives the queries that wait or run.
        body_bytes: gives the bytes of bodies in memory.
        ready: whether the service is ready.
        cache: the engine's.
    """

    def __init__(
        self, queue: Callable[[], int], body_bytes: Callable[[], int], ready: Callable[[], bool], cache: CacheSpec
    ) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "boildown_requests", "Requests, by route and status.", ("route", "method", "status"), registry=registry
        )
        self.seconds = Histogram(
            "boildown_request_seconds",
            "Time from a request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge("boildown_requests_in_flight", "Requests that are being answered.", registry=registry)
        self.queries = Counter("boildown_queries", "Queries answered.", ("model",), registry=registry)
        self.documents = Counter("boildown_documents", "Documents of those queries.", ("model",), registry=registry)
        self.tokens_in = Counter("boildown_tokens_in", "Tokens of those documents.", ("model",), registry=registry)
        self.tokens_out = Counter("boildown_tokens_out", "Tokens that were kept.", ("model",), registry=registry)
        self.model_seconds = Counter(
            "boildown_model_seconds", "Time that queries spent in models' forwards.", ("model",), registry=registry
        )
        Gauge("boildown_queue_depth", "Queries that wait or run.", registry=registry).set_function(queue)
        Gauge("boildown_body_bytes", "Bytes of bodies that are read or worked on.", registry=registry).set_function(
            body_bytes
        )
        Gauge("boildown_ready", "1 while the service takes work.", registry=registry).set_function(
            lambda: float(ready())
        )
        registry.register(_Engine(cache))

    def exposition(self) -> bytes:
        """The text format."""
        return generate_latest(self._registry)


class _Engine(Collector):
    """Reads the counts of the scheduler and of the score cache when they are asked for."""

    def __init__(self, cache: CacheSpec) -> None:
        self._cache = cache

    def collect(self) -> Iterator[Metric]:
        yield from _scheduler_metrics()
        cache = resolve_cache(self._cache)
        if cache is not None:
            stats = cache.stats()
            yield CounterMetricFamily("boildown_cache_hits", "Documents whose scores were cached.", stats.hits)
            yield CounterMetricFamily("boildown_cache_misses", "Documents whose scores were not.", stats.misses)
            yield GaugeMetricFamily("boildown_cache_bytes", "Scores in memory.", stats.bytes)
            yield GaugeMetricFamily("boildown_cache_disk_bytes", "Scores on disk.", stats.disk_bytes)


def _scheduler_metrics() -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "boildown_scheduler_waiting_tokens", "Tokens that wait for a forward.", labels=["device"]
    )
    running = GaugeMetricFamily("boildown_scheduler_running", "Forwards that run.", labels=["device"])
    tokens = CounterMetricFamily("boildown_scheduler_tokens", "Tokens that models have read.", labels=["device"])
    busy = CounterMetricFamily("boildown_scheduler_busy_seconds", "Time in forwards, all workers.", labels=["device"])
    lost = CounterMetricFamily(
        "boildown_scheduler_dropped", "Work that was dropped before its forward.", labels=["device", "reason"]
    )
    sizes = HistogramMetricFamily("boildown_batch_tokens", "Tokens of a micro-batch.", labels=["device"])
    for device, one in scheduler.running().items():
        stats = one.stats
        waiting.add_metric([device], stats.tokens_waiting)
        running.add_metric([device], stats.running)
        tokens.add_metric([device], stats.tokens)
        busy.add_metric([device], stats.busy_seconds)
        for reason in ("refused", "cancelled", "expired", "failed"):
            lost.add_metric([device, reason], getattr(stats, reason))
        total, buckets = 0, []
        for bound, count in zip(scheduler.BATCH_BOUNDS, stats.batch_tokens, strict=True):
            total += count
            buckets.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
        sizes.add_metric([device], buckets, stats.tokens)
    yield from (waiting, running, tokens, busy, lost, sizes)
