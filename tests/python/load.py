"""A service under load, simulated: its clock is moved, and what it records is really recorded."""

from __future__ import annotations

import contextlib
import gc
import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    History,
    PerformanceMonitor,
    PerformanceReport,
)
from ptpd_monitoring.testing import ManualClock

SAMPLES_A_SECOND = 100_000
CALLS_A_SECOND = 1_000
OPERATIONS = 100
HISTORY = 1_000
SESSIONS = 50


class Load:
    """100,000 samples a second: 1,000 by a call each, the others by ``record_many``."""

    def __init__(self, path: Path | None) -> None:
        self.clock = clock = ManualClock(wall=1_700_000_000)
        # Its interval is one of real time, and a second goes by much faster here.
        self.kept = History(path, flush_interval=3_600, clock=clock) if path else None
        self.monitor = PerformanceMonitor(
            HISTORY, max_operations=OPERATIONS, history=self.kept, clock=clock
        )
        self.tracker = APIPerformanceTracker(
            HISTORY, max_endpoints=20, history=self.kept, clock=clock
        )
        self.cache = CacheManager(500, 30, max_bytes=200_000, clock=self.clock)
        self.report = PerformanceReport(self.monitor, self.tracker)
        self.names = [f"operation {number}" for number in range(OPERATIONS)]
        self.random = random.Random(1)
        self.recorded = 0
        bulk = SAMPLES_A_SECOND - CALLS_A_SECOND
        self.values = np.array_split(np.arange(bulk, dtype=np.float64), 18)
        for name in self.names:
            self.monitor.record_metric(name, 0, "seconds")

    def second(self) -> None:
        """One simulated second."""
        for values in self.values:
            self.monitor.record_many(self.random.choice(self.names), values, "seconds")
            self.recorded += len(values)
        for step in range(CALLS_A_SECOND // 20):
            self.clock.advance(20 / CALLS_A_SECOND)
            self.twenty_samples(step)
        # As many as there are users at work: the history remembers each name that it has written.
        with self.monitor.session(f"session {self.random.randrange(SESSIONS)}"):
            self.monitor.record_metric(self.names[0], 1, "seconds")
        self.monitor.get_statistics(self.names[1])
        self.tracker.get_error_rate("/prints/7")
        assert self.kept is None or self.kept.flush(), self.kept.problem

    def twenty_samples(self, step: int) -> None:
        monitor, number = self.monitor, self.random.randrange(10**9)
        name = self.names[number % OPERATIONS]
        for _ in range(10):
            with monitor.timer(name):
                pass
        for _ in range(4):
            monitor.record_metric(name, number, "seconds")
        with monitor.timer(name, {"job": number, "parts": [number]}):
            pass
        monitor.record_metric(name, number, "MB", {"job": str(number)})
        with monitor.timer(f"job {number}"):
            pass
        monitor.record_metric(f"new {number}", 1, "seconds", {"job": number})
        monitor.start_timer(f"timer {step}")
        monitor.stop_timer(f"timer {step}")
        monitor.start_timer(f"left running {number}")
        monitor.record_many(f"many {number}", [1.0], "seconds")
        self.recorded += 20
        self.requests(number)
        self.look_ups(number)

    def requests(self, number: int) -> None:
        self.tracker.track_request(f"/prints/{number % 30}", 0.01, 200, f"METHOD {number % 150}")
        with contextlib.suppress(ValueError), self.tracker.track(f"/jobs/{number}", "POST"):
            raise ValueError("x" * (number % 3_000))

    def look_ups(self, number: int) -> None:
        self.cache.get_or_set(f"user {number % 2_000}", lambda: bytearray(number % 2_000))
        self.cache.set(("pair", number % 100), {"number": number}, ttl=number % 50)
        self.cache.get(number % 1_000)
        self.cache.delete(f"user {number % 900}")
        if number % 1_000 == 0:
            self.cache.cleanup_expired()

    def read_everything(self) -> None:
        """What looks at all there is, and is done now and then."""
        self.report.generate_daily_report()
        self.report.generate_session_report("session 1")
        self.tracker.generate_api_report()
        self.monitor.export_metrics("csv", operation_name=self.names[2])
        self.monitor.export_metrics("json", operation_name=self.names[3])
        self.monitor.clear_metrics(self.names[4])
        self.monitor.record_metric(self.names[4], 0, "seconds")


def memory() -> tuple[int, int]:
    """RSS in bytes, and Python's own blocks."""
    gc.collect()
    return psutil.Process().memory_info().rss, sys.getallocatedblocks()


def memory_stays_flat(
    seconds: int,
    *,
    warm_up: int,
    history: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Run for ``seconds`` after ``warm_up``, looking at the memory ten times."""
    load = Load(history)
    run(load, warm_up, say)
    rss, blocks = memory()
    for part in range(1, 11):
        run(load, seconds // 10, say)
        rss_now, blocks_now = memory()
        grown = f"after {part}/10: {rss_now - rss} bytes of RSS, {blocks_now - blocks} blocks more"
        assert rss_now - rss < 4_000_000, grown
        assert blocks_now - blocks < 10_000, grown
    assert load.recorded == (warm_up + seconds) * SAMPLES_A_SECOND
    assert load.kept is None or load.kept.info()["dropped"] == 0
    assert load.monitor.overflowed > 0
    assert load.monitor.timers_forgotten > 0
    assert load.tracker.overflowed > 0
    assert load.tracker.methods_overflowed > 0
    assert load.cache.get_stats().evictions > 0


def run(load: Load, seconds: int, say: Callable[[str], None] = lambda _: None) -> None:
    for second in range(seconds):
        load.second()
        if second % 60 == 0:
            load.read_everything()
            say(f"simulated minute {load.recorded // SAMPLES_A_SECOND // 60:,}")
