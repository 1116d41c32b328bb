"""A monitor, a tracker and a cache in plain Python, to measure the native ones against.

They keep the documented behaviour by the documented means: pydantic models, a dict of histories, an
``OrderedDict``, one ``threading.RLock`` each. They were written for this comparison, and kindly: a
full history drops its oldest sample in constant time, lifetimes run on the monotonic clock, and
percentiles sort once. What no comparison needs is left out: time ranges, exports, settings.
"""

import logging
import math
import statistics
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

logger = logging.getLogger(__name__)

FIRST_ERROR_STATUS = 400


class PerformanceMetric(BaseModel):
    """A sample."""

    metric_name: str
    value: float
    unit: str
    timestamp: datetime = Field(default_factory=datetime.now)
    metadata: dict[str, Any] = Field(default_factory=dict)


class APIMetric(BaseModel):
    """A request."""

    endpoint: str
    duration_ms: float
    status_code: int
    timestamp: datetime = Field(default_factory=datetime.now)
    method: str = "GET"
    error: str | None = None


class CacheStats(BaseModel):
    """How a cache has done."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    expirations: int = 0
    size: int = 0
    max_size: int


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The percentile of ordered values, interpolated linearly between its neighbours."""
    position = (len(ordered) - 1) * percent / 100
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


class PerformanceMonitor:
    """Histories by name."""

    def __init__(self, max_history: int = 10_000) -> None:
        """A monitor that keeps the newest ``max_history`` samples of each name."""
        self._max_history = max_history
        self._metrics: dict[str, deque[PerformanceMetric]] = {}
        self._timers: dict[str, float] = {}
        self._lock = threading.RLock()

    def start_timer(self, operation_name: str) -> None:
        """Start timing."""
        with self._lock:
            self._timers[operation_name] = time.perf_counter()

    def stop_timer(self, operation_name: str) -> float | None:
        """Stop timing and record the seconds."""
        with self._lock:
            start = self._timers.pop(operation_name, None)
            if start is None:
                logger.warning("Timer %r was not started", operation_name)
                return None
            seconds = time.perf_counter() - start
            self.record_metric(operation_name, seconds, "seconds", {"type": "timer"})
            return seconds

    @contextmanager
    def timer(self, operation_name: str) -> Iterator[None]:
        """Time a block."""
        self.start_timer(operation_name)
        try:
            yield
        finally:
            self.stop_timer(operation_name)

    def record_metric(
        self, name: str, value: float, unit: str, metadata: dict[str, Any] | None = None
    ) -> None:
        """Record a sample."""
        metric = PerformanceMetric(
            metric_name=name, value=value, unit=unit, metadata=dict(metadata or {})
        )
        with self._lock:
            if name not in self._metrics:
                self._metrics[name] = deque(maxlen=self._max_history)
            self._metrics[name].append(metric)

    def get_metrics(self, operation_name: str) -> list[PerformanceMetric]:
        """The samples, oldest first."""
        with self._lock:
            return list(self._metrics.get(operation_name, ()))

    def get_statistics(self, operation_name: str) -> dict[str, Any]:
        """What the samples come to."""
        metrics = self.get_metrics(operation_name)
        if not metrics:
            return {"count": 0}
        ordered = sorted(metric.value for metric in metrics)
        return {
            "count": len(ordered),
            "min": ordered[0],
            "max": ordered[-1],
            "mean": statistics.fmean(ordered),
            "median": percentile(ordered, 50),
            "std": statistics.pstdev(ordered),
            "unit": metrics[0].unit,
            **{f"p{percent}": percentile(ordered, percent) for percent in (50, 90, 95, 99)},
        }


class APIPerformanceTracker:
    """Requests."""

    def __init__(self, max_history: int = 10_000) -> None:
        """A tracker that keeps the newest ``max_history`` requests."""
        self._requests: deque[APIMetric] = deque(maxlen=max_history)
        self._lock = threading.RLock()

    def track_request(
        self,
        endpoint: str,
        duration: float,
        status: int,
        method: str = "GET",
        error: str | None = None,
    ) -> None:
        """Record a request that took ``duration`` seconds."""
        metric = APIMetric(
            endpoint=endpoint,
            duration_ms=duration * 1000,
            status_code=status,
            method=method,
            error=error,
        )
        with self._lock:
            self._requests.append(metric)

    def get_endpoint_stats(self, endpoint: str) -> dict[str, Any]:
        """What an endpoint's requests come to."""
        with self._lock:
            return _stats([metric for metric in self._requests if metric.endpoint == endpoint])

    def generate_api_report(self) -> dict[str, Any]:
        """Everything; each endpoint by ``get_endpoint_stats``, so that overriding it tells."""

        def by_endpoint(requests: list[APIMetric]) -> dict[str, dict[str, Any]]:
            names = dict.fromkeys(metric.endpoint for metric in requests)
            return {name: self.get_endpoint_stats(name) for name in names}

        return self._report(by_endpoint)

    def generate_api_report_in_one_pass(self) -> dict[str, Any]:
        """The same, from one walk over the requests: what a rewrite in Python would bring."""

        def by_endpoint(requests: list[APIMetric]) -> dict[str, dict[str, Any]]:
            groups: dict[str, list[APIMetric]] = {}
            for metric in requests:
                groups.setdefault(metric.endpoint, []).append(metric)
            return {name: _stats(group) for name, group in groups.items()}

        return self._report(by_endpoint)

    def _report(
        self, by_endpoint: Callable[[list[APIMetric]], dict[str, dict[str, Any]]]
    ) -> dict[str, Any]:
        with self._lock:
            requests = list(self._requests)
            if not requests:
                return {"total_requests": 0}
            endpoints = by_endpoint(requests)
        overall = _stats(requests)
        slowest = sorted(endpoints, key=lambda name: endpoints[name]["p95_ms"], reverse=True)
        failing = sorted(endpoints, key=lambda name: endpoints[name]["error_rate"], reverse=True)
        return {
            "total_requests": overall["count"],
            "total_errors": overall["error_count"],
            "overall_error_rate": overall["error_rate"],
            "overall_mean_ms": overall["mean_ms"],
            "overall_median_ms": overall["median_ms"],
            "overall_p95_ms": overall["p95_ms"],
            "endpoints": endpoints,
            "slowest_endpoints": [
                {"endpoint": name, "p95_ms": endpoints[name]["p95_ms"]} for name in slowest[:5]
            ],
            "highest_error_endpoints": [
                {"endpoint": name, "error_rate": endpoints[name]["error_rate"]}
                for name in failing[:5]
            ],
        }


def _stats(metrics: Sequence[APIMetric]) -> dict[str, Any]:
    if not metrics:
        return {"count": 0}
    ordered = sorted(metric.duration_ms for metric in metrics)
    errors = sum(metric.status_code >= FIRST_ERROR_STATUS for metric in metrics)
    return {
        "count": len(ordered),
        "error_count": errors,
        "error_rate": errors / len(ordered),
        "min_ms": ordered[0],
        "max_ms": ordered[-1],
        "mean_ms": statistics.fmean(ordered),
        "median_ms": percentile(ordered, 50),
        **{f"p{percent}_ms": percentile(ordered, percent) for percent in (90, 95, 99)},
    }


class CacheManager:
    """A cache with least-recently-used eviction and a lifetime for each key."""

    def __init__(
        self,
        max_size: int = 1000,
        default_ttl: float = 3600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A cache of at most ``max_size`` entries."""
        self._max_size = max_size
        self._default_ttl = default_ttl
        self._clock = clock
        self._entries: OrderedDict[Hashable, tuple[Any, float]] = OrderedDict()
        self._stats = CacheStats(max_size=max_size)
        self._lock = threading.RLock()

    def get(self, key: Hashable) -> Any:
        """The value, or ``None``."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self._stats.misses += 1
                return None
            value, deadline = entry
            if self._clock() >= deadline:
                del self._entries[key]
                self._stats.expirations += 1
                self._stats.misses += 1
                return None
            self._entries.move_to_end(key)
            self._stats.hits += 1
            return value

    def set(self, key: Hashable, value: Any, ttl: float | None = None) -> None:
        """Set the value for ``ttl`` seconds; for ever if that is not positive."""
        lifetime = self._default_ttl if ttl is None else ttl
        with self._lock:
            deadline = self._clock() + lifetime if lifetime > 0 else math.inf
            if key not in self._entries and len(self._entries) >= self._max_size:
                self._entries.popitem(last=False)
                self._stats.evictions += 1
            self._entries[key] = (value, deadline)
            self._entries.move_to_end(key)

    def get_stats(self) -> CacheStats:
        """How the cache has done."""
        with self._lock:
            return self._stats.model_copy(update={"size": len(self._entries)})
