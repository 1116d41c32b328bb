"""Objects of every class, and what re-enters them from everything that they may call."""

from __future__ import annotations

import copy
import itertools
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ptpd_monitoring import (
    APIMetric,
    APIPerformanceTracker,
    CacheManager,
    CacheStats,
    History,
    ImageProcessingProfiler,
    PerformanceMetric,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
    ResourceUsage,
)
from ptpd_monitoring.testing import ManualClock

clock = ManualClock(wall=1_700_000_000)
monitor = PerformanceMonitor(max_history=3, clock=clock)
tracker = APIPerformanceTracker(max_history=3, clock=clock)
cache = CacheManager(max_size=3, default_ttl=10, clock=clock)
profiler = ImageProcessingProfiler(monitor)
resources = ResourceMonitor(clock=clock)
report = PerformanceReport(monitor, tracker)
metric = PerformanceMetric(metric_name="op", value=1, unit="u")
request = APIMetric(endpoint="/a", duration_ms=1, status_code=200)
stats = CacheStats(max_size=3)
usage = ResourceUsage(
    **dict.fromkeys(ResourceUsage.__match_args__[:7], 1.0), gpu_percent=1, gpu_memory_mb=1
)
# Written all the time, by a thread of its own. The folder is removed at the end of the process.
_folder = tempfile.TemporaryDirectory()
path = Path(_folder.name) / "history.db"
history = History(path, flush_interval=0.01, clock=clock, version="1.0")
kept = PerformanceMonitor(max_history=3, history=history, clock=clock)
kept_requests = APIPerformanceTracker(max_history=3, history=history, clock=clock)
kept_resources = ResourceMonitor(history=history, sample_interval=0.1, clock=clock)
kept_report = PerformanceReport(kept, kept_requests, kept_resources)
_start = datetime.fromtimestamp(1_700_000_000)
PERIOD = (_start - timedelta(hours=1), _start + timedelta(hours=1))
timer, track, session = monitor.timer("op"), tracker.track("/a"), monitor.session("s")

counted = SimpleNamespace(gets=0, hooks=0, turns=0)
_inside = threading.local()


def use() -> None:
    """Use every object once, with most of its methods."""
    monitor.record_metric("op", 1, "u", {"k": 1})
    monitor.record_many("op", [1, 2], "u")
    monitor.start_timer("t")
    monitor.stop_timer("t")
    with timer, session:
        monitor.record_metric("s", 1, "u")
    monitor.get_metrics("op")
    monitor.get_statistics("op")
    monitor.get_percentiles("op")
    monitor.get_average("op")
    monitor.export_metrics("csv")
    monitor.operations()
    assert len(list(monitor._timers)) <= 1000
    assert all(len(samples) <= 3 for samples in monitor._metrics.values())
    monitor.clear_metrics("t")
    repr(monitor)

    tracker.track_request("/a", 0.1, 200, error="e")
    with track:
        pass
    tracker.generate_api_report()
    tracker.get_error_rate("/a")
    assert len(list(tracker._requests)) <= 3

    counted.gets += 1
    cache.get(next(_numbers))
    cache.set(next(_numbers), 1)
    cache.set("k", 1)
    cache.delete("k")
    assert "k" not in cache
    cache.cleanup_expired()
    assert cache.get_size() <= cache._max_size
    cache._keys()
    cache.get_stats()
    repr(cache)

    profiler.profile_operation(int)
    profiler.track_memory_usage("op")
    profiler.identify_bottlenecks(["int"])
    profiler.estimate_batch_time([(1, 1)], "int")
    report.generate_daily_report()
    report.generate_session_report("s")
    resources.cpu_threshold = resources.cpu_threshold
    resources.get_memory_usage()
    repr(resources)
    metric.metadata = {"k": 1}
    metric.timestamp = datetime(2024, 1, 1)
    metric.metric_name = metric.unit = "u"
    metric.value = 1
    request.endpoint = request.method = "/a"
    request.error = None
    request.timestamp = metric.timestamp
    stats.hits = stats.hits
    usage.cpu_percent = usage.cpu_percent
    usage.gpu_percent = usage.gpu_percent
    usage.timestamp = request.timestamp
    for model in (metric, request, stats, usage):
        model.model_dump_json()

    with kept.session("s"):
        kept.record_metric("op", 1, "u")
    kept_requests.track_request("/a", 0.1, 500)
    weighed.set(next(_numbers), 1)
    assert weighed.total_bytes is not None
    # These take long, so it is one of them at a time.
    counted.turns += 1
    BY_TURNS[counted.turns % len(BY_TURNS)]()


_numbers = itertools.cycle(range(7))
BY_TURNS: list[Callable[[], object]] = [
    history.flush,
    history.info,
    history.recent,
    lambda: list(history.rows()),
    lambda: list(history.rows("hours", PERIOD)),
    history.check,
    history.fold,
    history.vacuum,
    lambda: PerformanceMonitor(history=path, clock=clock).record_metric("op", 1, "u"),
    History(path, record=False).info,
    kept_report.generate_daily_report,
    lambda: kept_report.generate_session_report("s"),
    lambda: kept_report.generate_period_report(PERIOD, tz="Europe/Berlin"),
    lambda: kept_report.compare_performance(PERIOD, PERIOD),
    lambda: kept_report.compare_sessions("s", "s"),
    lambda: kept_report.compare_versions("1.0", "1.0"),
    lambda: report.export_report(kept_report.generate_daily_report(_start), "html"),
    lambda: report.export_report(kept_report.compare_performance(PERIOD, PERIOD), "md"),
    lambda: kept_report.generate_daily_report()._repr_html_(),
    lambda: copy.deepcopy(kept_report.generate_daily_report()).copy(),
    kept_resources.check_resources,
]


def hook() -> None:
    """Re-enter, unless this is a hook of a hook."""
    counted.hooks += 1
    if not getattr(_inside, "hook", False):
        _inside.hook = True
        try:
            use()
        finally:
            _inside.hook = False


class Hook:
    """Re-enters through everything that a monitor may call."""

    def __init__(self, number: float = 1) -> None:
        self.number = number

    def __del__(self) -> None:
        hook()

    def __hash__(self) -> int:
        hook()
        return 1

    def __eq__(self, other: object) -> bool:
        hook()
        return False

    def __float__(self) -> float:
        hook()
        return float(self.number)

    def __index__(self) -> int:
        hook()
        return int(self.number)

    def __repr__(self) -> str:
        hook()
        return "hook"

    __str__ = __repr__

    def __bool__(self) -> bool:
        hook()
        return True

    def __iter__(self) -> Iterator[Any]:
        hook()
        return iter([Hook(1), Hook(2)])

    def __fspath__(self) -> str:
        hook()
        return os.devnull

    def __call__(self, *args: object, **kwargs: object) -> Hook:
        hook()
        return Hook()

    @property
    def __name__(self) -> str:
        hook()
        return "hooked"

    @property
    def size(self) -> Any:
        hook()
        return 2, 2

    getbands = mode = size

    def model_dump(self) -> dict[str, Any]:
        hook()
        return {"a": 1}


class Place(Hook):
    """The path of the history."""

    def __fspath__(self) -> str:
        hook()
        return str(path)


class Zone(Hook):
    @property
    def key(self) -> str:
        hook()
        return Text("Europe/Berlin")


class Source(Hook):
    """A resource monitor of the user's own."""

    def check_resources(self) -> ResourceUsage:
        hook()
        return usage

    def get_alerts_for_high_usage(self) -> list[dict[str, Any]]:
        hook()
        return []

    @property
    def cpu_threshold(self) -> Any:
        hook()
        return Hook(80)


class Text(str):
    __slots__ = ()

    def __del__(self) -> None:
        hook()


class Moment(datetime):
    def __del__(self) -> None:
        hook()

    def timestamp(self) -> float:
        hook()
        return super().timestamp()


class Trouble(Exception):
    def __str__(self) -> str:
        hook()
        return "trouble"

    def __del__(self) -> None:
        hook()


def refused(call: Callable[..., object], *args: object, **kwargs: object) -> None:
    try:
        call(*args, **kwargs)
    except (TypeError, ValueError):
        return
    raise AssertionError(f"{call} took {args} {kwargs}")


# Asks what entries weigh from inside of a call, so it is made when there is something to ask.
weighed = CacheManager(3, max_bytes=100, weigher=Hook(), clock=clock)
