"""Cycles of references through our objects."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ptpd_monitoring import (
    APIMetric,
    APIPerformanceTracker,
    CacheManager,
    History,
    ImageProcessingProfiler,
    PerformanceMetric,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
    ResourceUsage,
)

# Removed at the end of the process.
_folder = tempfile.TemporaryDirectory()
PATH = Path(_folder.name) / "history.db"

MAKE: dict[str, Callable[[], Any]] = {
    "PerformanceMonitor": PerformanceMonitor,
    "ImageProcessingProfiler": ImageProcessingProfiler,
    "APIPerformanceTracker": APIPerformanceTracker,
    "CacheManager": CacheManager,
    "ResourceMonitor": ResourceMonitor,
    "PerformanceReport": lambda: PerformanceReport(PerformanceMonitor()),
    "History": lambda: History(PATH, flush_interval=3_600),
    "PerformanceMonitor with a history": lambda: PerformanceMonitor(history=PATH),
    "APIPerformanceTracker with a history": lambda: APIPerformanceTracker(history=PATH),
    "ResourceMonitor with a history": lambda: ResourceMonitor(history=PATH),
}


class Node:
    """Something to be a part of cycles."""

    part: Any


class Text(str):  # noqa: SLOT000 - it has attributes on purpose
    """A str that can refer to things."""

    node: Node


class Moment(datetime):
    node: Node


class Metric(PerformanceMetric):
    node: Node


class Cache(CacheManager):
    def __init__(self, node: Node) -> None:
        super().__init__(max_size=3)
        self.node = node


class Monitor(PerformanceMonitor):
    def __init__(self, node: Node) -> None:
        super().__init__(max_history=3)
        self.node = node


class Kept(History):
    def __init__(self, node: Node) -> None:
        super().__init__(PATH, flush_interval=3_600)
        self.node = node


def text(node: Node) -> Text:
    made = Text("text")
    made.node = node
    return made


def moment(node: Node) -> Moment:
    made = Moment(2024, 1, 1)
    made.node = node
    return made


def by_attribute(kind: str) -> Callable[[Node], None]:
    def make(node: Node) -> None:
        made = MAKE[kind]()
        made.node = node
        node.part = made

    return make


def by_metadata(node: Node) -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "u", {"node": node})
    node.part = monitor


def by_timer(node: Node) -> None:
    monitor = PerformanceMonitor()
    node.part = monitor.timer("op", {"node": node})
    monitor.timer_of_mine = node.part


def by_entered_timer(node: Node) -> None:
    monitor = PerformanceMonitor()
    monitor.node, monitor.timer_of_mine = node, monitor.timer("op").__enter__()
    node.part = monitor


def by_name_of_a_timer(node: Node) -> None:
    node.part = PerformanceMonitor().timer(text(node))


def by_awaitable_of_a_timer(node: Node) -> None:
    monitor = PerformanceMonitor()
    monitor.node, monitor.done = node, monitor.timer("op").__aenter__()


def by_session(node: Node) -> None:
    monitor = PerformanceMonitor()
    monitor.node, monitor.session_of_mine = node, monitor.session("s")
    with monitor.session_of_mine:
        pass
    node.part = monitor


def by_id_of_a_session(node: Node) -> None:
    node.part = PerformanceMonitor().session(text(node))


def by_views(node: Node) -> None:
    monitor, tracker = PerformanceMonitor(), APIPerformanceTracker()
    monitor.views = [monitor._metrics, monitor._timers]
    tracker.view = tracker._requests
    monitor.node, tracker.node = node, node
    node.part = [monitor, tracker]


def by_samples_in_their_own_metadata(node: Node) -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "u", {"node": node})
    samples = monitor._metrics["op"]
    node.part = samples, monitor._metrics["op"], samples[0], list(samples)


def by_samples_of_a_cleared_operation(node: Node) -> None:
    by_samples_in_their_own_metadata(node)
    node.part[0][0].metadata["node"].monitor = monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "u", {"node": node})
    node.part = monitor._metrics["op"], monitor._metrics["op"][0]
    monitor.clear_metrics()


def by_request(node: Node) -> None:
    tracker = APIPerformanceTracker()
    tracker.node, tracker.request = node, tracker.track("/a")


def by_texts_of_a_request(node: Node) -> None:
    node.part = APIPerformanceTracker().track(text(node), text(node))


def by_decorated_function(node: Node) -> None:
    monitor = PerformanceMonitor()
    monitor.function = monitor.timer("op")(lambda: (monitor, node))


def by_report(node: Node) -> None:
    monitor, resources = PerformanceMonitor(), ResourceMonitor()
    monitor.report = PerformanceReport(monitor, APIPerformanceTracker(), resources)
    resources.node = node
    node.part = monitor


def by_tracker_of_a_report(node: Node) -> None:
    tracker = APIPerformanceTracker()
    tracker.node, node.part = node, PerformanceReport(PerformanceMonitor(), tracker)


def by_source_of_a_report(node: Node) -> None:
    node.part = PerformanceReport(PerformanceMonitor(), resource_monitor=node)  # type: ignore[arg-type]


def by_cache_of_a_report(node: Node) -> None:
    cache = CacheManager()
    cache.set("node", node)
    node.part = PerformanceReport(PerformanceMonitor(), cache=cache)


def by_item_of_what_a_report_tells(node: Node) -> None:
    report = PerformanceReport(PerformanceMonitor(history=PATH)).generate_daily_report()
    report["report"], report["node"] = report, node
    node.part = report


def by_history_with_its_rows(node: Node) -> None:
    history = Kept(node)
    node.part = history, history.rows(), PerformanceMonitor(history=history)


def by_profiler(node: Node) -> None:
    profiler = ImageProcessingProfiler()
    profiler.monitor.record_metric("op", 1, "u", {"profiler": profiler, "node": node})


def by_cached_value(node: Node) -> None:
    cache = CacheManager()
    cache.set("node", node)
    node.part = cache


def by_cached_key(node: Node) -> None:
    node.part = cache = CacheManager()
    cache.set((node,), 1)
    cache.set(text(node), 2)


def by_weigher_of_a_cache(node: Node) -> None:
    cache = CacheManager(max_bytes=100, weigher=lambda *_: len([cache, node]))
    cache.set("key", "value")


def by_subclasses(node: Node) -> None:
    node.part = [Cache(node), Monitor(node)]


def by_replaced_method(node: Node) -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric = lambda *_: (monitor, node)  # type: ignore[method-assign]


def by_metadata_of_a_metric(node: Node) -> None:
    node.part = PerformanceMetric(metric_name="op", value=1, unit="u", metadata={"node": node})


def by_subclass_of_a_metric(node: Node) -> None:
    metric = Metric(metric_name="op", value=1, unit="u")
    metric.node, node.part = node, metric


def by_texts_of_models(node: Node) -> None:
    node.part = [
        PerformanceMetric(metric_name=text(node), value=1, unit="u"),
        PerformanceMetric(metric_name="op", value=1, unit=text(node)),
        APIMetric(endpoint=text(node), duration_ms=1, status_code=200),
        APIMetric(endpoint="", duration_ms=1, status_code=200, method=text(node)),
        APIMetric(endpoint="", duration_ms=1, status_code=200, error=text(node)),
    ]


def by_times_of_models(node: Node) -> None:
    figures = dict.fromkeys(ResourceUsage.__match_args__[:7], 1.0)
    node.part = [
        PerformanceMetric(metric_name="op", value=1, unit="u", timestamp=moment(node)),
        APIMetric(endpoint="", duration_ms=1, status_code=200, timestamp=moment(node)),
        ResourceUsage(**figures, timestamp=moment(node)),
    ]


CYCLES: dict[str, Callable[[Node], None]] = {
    **{f"attribute of {kind}": by_attribute(kind) for kind in MAKE},
    **{
        name[3:].replace("_", " "): make
        for name, make in list(globals().items())
        if name.startswith("by_") and make is not by_attribute
    },
}
