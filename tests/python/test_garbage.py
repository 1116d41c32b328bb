"""Garbage: cycles through our objects are collected, and collecting never waits for a lock."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ptpd_monitoring import (
    APIMetric,
    APIPerformanceTracker,
    CacheManager,
    ImageProcessingProfiler,
    PerformanceMetric,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
    ResourceUsage,
)

COUNT = 10_000
BINDINGS = Path(__file__).parents[2] / "src" / "bindings"

MAKE: dict[str, Callable[[], Any]] = {
    "PerformanceMonitor": PerformanceMonitor,
    "ImageProcessingProfiler": ImageProcessingProfiler,
    "APIPerformanceTracker": APIPerformanceTracker,
    "CacheManager": CacheManager,
    "ResourceMonitor": ResourceMonitor,
    "PerformanceReport": lambda: PerformanceReport(PerformanceMonitor()),
}


class Node:
    """Something to be a part of cycles."""

    part: Any


class Text(str):
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


@pytest.fixture(autouse=True)
def _nothing_else_to_collect() -> Iterator[None]:
    # What was there before is left out of each collection, which makes them fast.
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("cycle", CYCLES)
def test_ten_thousand_cycles_are_all_collected(cycle: str) -> None:
    alive: weakref.WeakSet[Node] = weakref.WeakSet()
    for _ in range(COUNT):
        node = Node()
        CYCLES[cycle](node)
        alive.add(node)
    del node
    gc.collect()
    assert len(alive) == 0


def test_every_class_can_be_made_while_the_collector_runs() -> None:
    # Python 3.11 may collect before our part of a new object is written; what a collector makes
    # of zeroed memory ends the process.
    script = """
import gc
from ptpd_monitoring import *

monitor, tracker = PerformanceMonitor(), APIPerformanceTracker()
makes = [
    PerformanceMonitor, ImageProcessingProfiler, APIPerformanceTracker, CacheManager,
    ResourceMonitor, lambda: PerformanceReport(monitor, tracker), lambda: monitor.timer("op"),
    lambda: monitor.session("s"), lambda: tracker.track("/a"),
    lambda: PerformanceMetric(metric_name="op", value=1, unit="u", metadata={}),
    lambda: APIMetric(endpoint="/a", duration_ms=1, status_code=200),
    lambda: CacheStats(max_size=1),
    lambda: ResourceUsage(**dict.fromkeys(ResourceUsage.__match_args__[:7], 1)),
]
for kind in (
    PerformanceMonitor, ImageProcessingProfiler, APIPerformanceTracker, CacheManager,
    ResourceMonitor,
):
    makes.append(type("Sub", (kind,), {}))
for base in (
    PerformanceReport, PerformanceMetric, APIMetric, CacheStats, ResourceUsage,
):
    sub = type("Sub", (base,), {})
    makes.append(lambda sub=sub: sub.__new__(sub, monitor) if sub.__base__ is PerformanceReport
                 else sub(**{"metric_name": "op", "value": 1, "unit": "u"}) if sub.__base__ is PerformanceMetric
                 else sub(endpoint="/a", duration_ms=1, status_code=200) if sub.__base__ is APIMetric
                 else sub(max_size=1) if sub.__base__ is CacheStats
                 else sub(**dict.fromkeys(ResourceUsage.__match_args__[:7], 1)))
for make in makes:
    for threshold in range(1, 8):
        gc.set_threshold(threshold)
        made = [make() for _ in range(30)]
        for one in made:
            if hasattr(one, "__dict__"):
                one.made = made
        gc.set_threshold(700)
    print(type(made[0]).__name__, len(made), flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-3000:]
    assert done.stdout.count(" 30\n") == 23


def test_what_is_still_in_use_is_not_collected() -> None:
    monitor = PerformanceMonitor()
    node = Node()
    monitor.record_metric("op", 1, "u", {"node": node, "monitor": monitor})
    # Several owners of one sample: none of them may be counted twice.
    samples = [monitor._metrics["op"], monitor._metrics["op"][0], monitor._metrics["op"]]
    cache = CacheManager()
    cache.set("node", node)
    reference = weakref.ref(node)
    del node
    for _ in range(3):
        gc.collect()
    assert monitor.get_metrics("op")[0].metadata["node"] is reference()
    assert samples[0][0].metadata["node"] is cache.get("node") is reference()


def test_samples_keep_their_monitor_alive() -> None:
    samples = (lambda monitor: [monitor.record_metric("op", 1, "u"), monitor._metrics["op"]])(
        PerformanceMonitor()
    )[1]
    gc.collect()
    (sample,) = samples
    del samples
    gc.collect()
    sample.timestamp = datetime(2024, 1, 1)
    assert sample.timestamp == datetime(2024, 1, 1)


def test_metadata_is_let_go_when_its_sample_falls_off_or_is_cleared() -> None:
    monitor = PerformanceMonitor(max_history=2)
    references = []
    for _ in range(5):
        node = Node()
        references.append(weakref.ref(node))
        monitor.record_metric("op", 1, "u", {"node": node})
        del node
    assert [reference() is not None for reference in references] == [False] * 3 + [True] * 2
    monitor.clear_metrics()
    assert [reference() for reference in references] == [None] * 5


def test_metadata_may_use_the_monitor_while_it_is_let_go() -> None:
    monitor = PerformanceMonitor(max_history=1)
    seen = []

    class Last:
        def __del__(self) -> None:
            seen.append(monitor.get_statistics("op")["count"])
            monitor.record_metric("deleted", 1, "u")

    monitor.record_metric("op", 1, "u", {"last": Last()})
    monitor.record_metric("op", 2, "u", {"last": Last()})
    monitor.record_many("op", [3], "u")
    assert seen == [1, 1]
    monitor.record_metric("op", 4, "u", {"last": Last()})
    monitor.clear_metrics("op")
    assert seen == [1, 1, 0]
    assert monitor.get_statistics("deleted")["count"] == 1


def test_a_value_may_use_its_cache_while_the_collector_clears_both() -> None:
    class Value:
        def __init__(self, cache: CacheManager) -> None:
            self.cache = cache

        def __del__(self) -> None:
            self.cache.set("last", 1)
            seen.append((self.cache.get("last"), self.cache.get_size() <= 3))

    seen: list[tuple[int, bool]] = []
    for _ in range(100):
        cache = CacheManager(3)
        for key in range(2):
            cache.set(key, Value(cache))
        del cache
        gc.collect()
    assert seen == [(1, True)] * 200


@pytest.mark.timeout(60, method="thread")
def test_collecting_while_threads_change_everything_neither_waits_nor_loses_anything() -> None:
    monitor, cache, tracker = PerformanceMonitor(5), CacheManager(5), APIPerformanceTracker(5)
    stop, errors = threading.Event(), []
    alive: weakref.WeakSet[Node] = weakref.WeakSet()

    def work(number: int) -> None:
        try:
            while not stop.is_set():
                node = Node()
                node.part = node, monitor, cache
                alive.add(node)
                monitor.record_metric("op", 1, "u", {"node": node})
                cache.set((number, id(node) % 7), node)
                cache.get((number, id(node) % 5))
                tracker.track_request("/a", 0.1, 200)
                with monitor.timer("op", {"node": node}), monitor.session("s"):
                    list(monitor._metrics["op"])
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(300):
            gc.collect()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert errors == []
    assert len(monitor.get_metrics("op")) == 5
    assert all(isinstance(metric.metadata["node"], Node) for metric in monitor.get_metrics("op"))
    assert cache.get_size() == 5
    monitor.clear_metrics()
    cache.clear()
    gc.collect()
    assert len(alive) == 0


def test_no_traverse_takes_a_lock_that_it_could_wait_for() -> None:
    # With a global interpreter lock nobody can be caught holding ours, so the code is read.
    bodies = []
    for path in BINDINGS.rglob("*.rs"):
        source = path.read_text()
        for start in re.finditer(r"fn (__traverse__|traverse|\w+_visit_\w+)\b", source):
            end = re.compile(r"^    \}$", re.MULTILINE).search(source, start.start())
            assert end is not None
            bodies.append((path.name, source[start.start() : end.start()]))
    assert len(bodies) >= 15
    waiting = re.compile(r"\.(lock|read|write|get_or_init)\(|(?<!try_)\block\(|core\(\)")
    assert [name for name, body in bodies if waiting.search(body)] == []
