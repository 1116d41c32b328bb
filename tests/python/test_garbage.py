"""Garbage: cycles through our objects are collected, and collecting never waits for a lock."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from cycles import CYCLES, Node
from ptpd_monitoring import APIPerformanceTracker, CacheManager, PerformanceMonitor

COUNT = 10_000
SOURCE = Path(__file__).parents[2] / "src"


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


def test_every_class_can_be_made_while_the_collector_runs(tmp_path: Path) -> None:
    # Python 3.11 may collect before our part of a new object is written; what a collector makes
    # of zeroed memory ends the process.
    script = """
import gc, sys
from ptpd_monitoring import *

monitor, tracker, path = PerformanceMonitor(), APIPerformanceTracker(), sys.argv[1]
history = History(path)
makes = [
    PerformanceMonitor, ImageProcessingProfiler, APIPerformanceTracker, CacheManager,
    ResourceMonitor, lambda: History(path), lambda: PerformanceReport(monitor, tracker), lambda: monitor.timer("op"),
    lambda: monitor.session("s"), lambda: tracker.track("/a"), history.rows,
    lambda: PerformanceMonitor(history=history), lambda: APIPerformanceTracker(history=history),
    lambda: ResourceMonitor(history=history), lambda: CacheManager(max_bytes=9, weigher=max),
    PerformanceReport(monitor).generate_daily_report,
    lambda: PerformanceMetric(metric_name="op", value=1, unit="u", metadata={}),
    lambda: APIMetric(endpoint="/a", duration_ms=1, status_code=200),
    lambda: CacheStats(max_size=1),
    lambda: ResourceUsage(**dict.fromkeys(ResourceUsage.__match_args__[:7], 1)),
]
arguments = {
    History: {"path": path},
    PerformanceReport: {"monitor": monitor},
    PerformanceMetric: {"metric_name": "op", "value": 1, "unit": "u"},
    APIMetric: {"endpoint": "/a", "duration_ms": 1, "status_code": 200},
    CacheStats: {"max_size": 1},
    ResourceUsage: dict.fromkeys(ResourceUsage.__match_args__[:7], 1),
}
for kind in (*makes[:5], *arguments):
    sub = type("Sub", (kind,), {})
    makes.append(lambda sub=sub, given=arguments.get(kind, {}): sub(**given))
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
        [sys.executable, "-X", "faulthandler", "-c", script, tmp_path / "history.db"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-3000:]
    assert done.stdout.count(" 30\n") == 31


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
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "u")
    samples = monitor._metrics["op"]
    del monitor
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


@pytest.mark.timeout(240, method="thread")
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
    bodies: dict[tuple[str, str], str] = {}
    for path in SOURCE.rglob("*.rs"):
        source = path.read_text()
        for start in re.finditer(r"fn (__traverse__|traverse|\w+_visit_\w+)\b", source):
            end = re.compile(r"^    \}$", re.MULTILINE).search(source, start.start())
            assert end is not None
            place = str(path.relative_to(SOURCE)), f"{start[1]} at {start.start()}"
            bodies[place] = source[start.start() : end.start()]
    assert len(bodies) >= 20
    # What they call is among them, in the core as well.
    called = {name for body in bodies.values() for name in re.findall(r"\.(\w+_visit_\w+)\(", body)}
    assert called
    core = {name.split()[0] for path, name in bodies if not path.startswith("bindings")}
    assert called <= core
    waiting = re.compile(r"\.(lock|read|write|get_or_init)\(|(?<!try_)\block\(|core\(\)")
    assert [place for place, body in bodies.items() if waiting.search(body)] == []
