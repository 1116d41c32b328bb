"""Several processes that write one file, by being started, forked and ended.

PYTEST_DONT_REWRITE: helpers only, there is no test in here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hammer import run
from history_support import counts, is_sound, query, start, totals

# Records whole numbers, so that sums are exact, and tells at its end what it recorded. It neither
# flushes nor closes.
TOGETHER = """
import json, random, sys, time
from ptpd_monitoring import APIPerformanceTracker, History, PerformanceMonitor

path, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
luck = random.Random(seed)
history = History(path, flush_interval=0.05)
monitor = PerformanceMonitor(max_history=100, history=history)
tracker = APIPerformanceTracker(max_history=100, history=history)
totals = {}
requests = 0
end = time.monotonic() + seconds
while time.monotonic() < end:
    for _ in range(200):
        name, value = f"op {luck.randrange(100)}", luck.randrange(1_000)
        monitor.record_metric(name, value, "s")
        count, total = totals.get(name, (0, 0))
        totals[name] = (count + 1, total + value)
    tracker.track_request("/", 0.001, 200)
    requests += 1
print(json.dumps([totals, requests]))
"""


def write_together(path: Path, processes: int, seconds: float) -> None:
    """Have processes write at once; what is on disk is what they say they recorded."""
    writers = [start(TOGETHER, path, seconds, seed) for seed in range(processes)]
    expected: dict[str, tuple[int, float]] = {}
    requests = 0
    for writer in writers:
        output, errors = writer.communicate(timeout=seconds + 240)
        assert (writer.returncode, errors) == (0, ""), f"{writer.returncode}: {errors[-4000:]}"
        recorded, tracked = json.loads(output)
        requests += tracked
        for name, (count, total) in recorded.items():
            before = expected.get(name, (0, 0))
            expected[name] = (before[0] + count, before[1] + total)
    assert len(expected) == 100
    assert totals(path, "hours") == expected
    assert totals(path, "minutes") == expected
    assert counts(path, kind="endpoint") == {"/": requests}
    assert query(path, "SELECT count(DISTINCT pid) FROM writers") == [(processes,)]
    assert is_sound(path)


FORKS = """
import os, sys, threading
import hammer
from ptpd_monitoring import APIPerformanceTracker, History, PerformanceMonitor

forks, path = int(sys.argv[1]), sys.argv[2]
history = History(path, flush_interval=0.004)
monitor = PerformanceMonitor(history=history)
tracker = APIPerformanceTracker(history=history)
stop, failures = threading.Event(), []
recorded = [0] * 4

def record(number):
    try:
        while not stop.is_set():
            monitor.record_metric("parent", 1, "s")
            recorded[number] += 1
            if recorded[number] % 1_000 == number:
                assert history.flush(), history.problem
                list(history.rows("hours"))
    except BaseException as failure:
        failures.append(failure)

threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()

def child(number):
    for _ in range(number % 4):
        monitor.record_metric("child", 1, "s")
    tracker.track_request("/child", 0.1, 200)
    if number % 3 == 0:
        # A child of the child, which has nothing of either.
        hammer.reap(hammer.fork(lambda: child(1)))
        monitor.record_metric("child", 1, "s")
    assert history.flush(), history.problem

for number in range(forks):
    hammer.reap(hammer.fork(lambda: child(number)))
stop.set()
for thread in threads:
    thread.join(60)
    assert not thread.is_alive()
assert not failures, failures
print(sum(recorded))
"""


def fork_while_writing(path: Path, forks: int) -> None:
    """Fork in the middle of writing; parents and children are all counted once."""
    parent = int(run(FORKS, forks, path, timeout=1_800))
    grandchildren = len(range(0, forks, 3))
    children = sum(number % 4 for number in range(forks)) + 2 * grandchildren
    assert counts(path) == {"parent": parent, "child": children}
    assert counts(path, kind="endpoint") == {"/child": forks + grandchildren}
    assert is_sound(path)


EXIT = """
import sys
from ptpd_monitoring import PerformanceMonitor

monitor = PerformanceMonitor(history=sys.argv[1])
monitor.record_many("op", range(10), "s")
"""


def exit_repeatedly(path: Path, exits: int, say: Callable[[str], None] = lambda _: None) -> None:
    """End a process without closing its history, over and over."""
    for number in range(exits):
        run(EXIT, path)
        say(f"{number} of {exits} exits")
        if number % 50 == 0 or number == exits - 1:
            assert counts(path) == {"op": 10 * (number + 1)}
    assert is_sound(path)
