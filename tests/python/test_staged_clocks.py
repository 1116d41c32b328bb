"""``pytest -p ptpd_monitoring.swap`` upon tests that freeze or patch the time.

The tests in here are run by an inner pytest with the plugin, in several time zones, against the real
freezegun and time-machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("freezegun")
pytest.importorskip("time_machine")

pytestmark = pytest.mark.timeout(600)

PLUGIN = ("-p", "ptpd_monitoring.swap", "-p", "no:cacheprovider", "-q")

EARLY = """
from ptpd_calibration.monitoring import CacheManager, PerformanceMonitor
MONITOR = PerformanceMonitor()
CACHE = CacheManager(default_ttl=60)
"""

FROZEN = """
import asyncio, threading, time
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone

import pytest, time_machine
from conftest import CACHE, MONITOR
from freezegun import freeze_time
from ptpd_calibration.monitoring import *
from ptpd_monitoring import History

NOON = "2024-02-29 12:00"

@contextmanager
def freezegun(moment=NOON):
    with freeze_time(moment) as frozen:
        yield frozen.tick

@contextmanager
def machine(moment=NOON):
    with time_machine.travel(datetime.fromisoformat(moment), tick=False) as traveller:
        yield traveller.shift

@contextmanager
def going(moment=NOON):
    with time_machine.travel(datetime.fromisoformat(moment)) as traveller:
        yield traveller.shift

frozen = pytest.mark.parametrize("freeze", [freezegun, machine])
staged = pytest.mark.parametrize("freeze", [freezegun, machine, going])

def shown():
    # Not the frozen class, whose naive times may be in a zone of its own.
    return datetime.now()

@staged
@pytest.mark.parametrize("monitor", [PerformanceMonitor, lambda: MONITOR], ids=["new", "old"])
def test_samples_are_of_the_frozen_day(freeze, monitor):
    monitor = monitor()
    monitor.clear_metrics()
    with freeze():
        monitor.record_metric("expose", 1, "seconds")
        monitor.record_many("many", [1, 2], "seconds")
        now = shown()
        for metric in monitor.get_metrics("expose") + monitor.get_metrics("many"):
            assert abs(metric.timestamp - now) < timedelta(minutes=5)
        day = now.date()
        start = datetime(day.year, day.month, day.day)
        assert len(monitor.get_metrics("expose", (start, start + timedelta(days=1)))) == 1
        assert monitor.get_metrics("expose", (start - timedelta(days=1), start)) == []
        report = PerformanceReport(monitor).generate_daily_report()
        assert report["date"] == day.isoformat()
        assert report["operations"]["expose"]["count"] == 1
        assert report["generated_at"].startswith(day.isoformat())
    assert PerformanceReport(monitor).generate_daily_report()["operations"] == {}
    monitor.record_metric("after", 1, "seconds")
    assert abs(monitor.get_metrics("after")[0].timestamp - datetime.now()) < timedelta(minutes=5)

@frozen
@pytest.mark.parametrize("hour", ["00:30", "23:30"])
def test_days_end_where_the_frozen_day_does(freeze, hour):
    monitor = PerformanceMonitor()
    with freeze(f"2024-02-29 {hour}"):
        monitor.record_metric("expose", 1, "seconds")
        day = datetime.now().date()
        start = datetime(day.year, day.month, day.day)
        assert len(monitor.get_metrics("expose", (start, start + timedelta(days=1)))) == 1
        assert PerformanceReport(monitor).generate_daily_report(day)["operations"]

@staged
@pytest.mark.parametrize("cache", [CacheManager, lambda: CACHE], ids=["new", "old"])
def test_lifetimes_run_with_the_frozen_time(freeze, cache):
    cache = cache()
    cache.clear()
    with freeze() as tick:
        cache.set("k", 1, ttl=60)
        tick(50)
        assert cache.get("k") == 1 and "k" in cache
        tick(11)
        assert "k" not in cache and cache.get("k") is None
        cache.set("other", 1, ttl=60)
        tick(timedelta(hours=1))
        assert cache.cleanup_expired() == 1
        assert cache.get_or_set("computed", lambda: [tick(50), 7][1], ttl=60) == 7
        tick(50)
        assert cache.get("computed") == 7

def test_what_was_kept_before_the_clock_is_moved_expires_by_it():
    cache = CacheManager(default_ttl=3600)
    cache.set("k", 1)
    with freeze_time(datetime.now(timezone.utc) + timedelta(minutes=59)):
        assert cache.get("k") == 1
    with freeze_time(datetime.now(timezone.utc) + timedelta(minutes=61)):
        assert cache.get("k") is None

@frozen
def test_durations_are_of_the_frozen_time(freeze):
    monitor, tracker = PerformanceMonitor(), APIPerformanceTracker()
    profiler = ImageProcessingProfiler(monitor)
    with freeze() as tick:
        with monitor.timer("block"):
            tick(2)
        with monitor.timer("none"):
            pass
        monitor.start_timer("by name")
        tick(3)
        assert monitor.stop_timer("by name") == 3.0

        @monitor.timer("decorated")
        def decorated():
            tick(4)

        @monitor.timer("coroutine")
        async def coroutine():
            tick(5)

        decorated()
        asyncio.run(coroutine())
        with tracker.track("/a"):
            tick(6)
        _, profile = profiler.profile_operation(lambda: tick(7))
    assert monitor.get_average("block") == 2.0
    assert monitor.get_average("none") == 0.0
    assert monitor.get_average("decorated") == 4.0
    assert monitor.get_average("coroutine") == 5.0
    assert tracker.get_response_times() == {"/a": [6000.0]}
    assert profile["wall_time_s"] == 7.0

@staged
def test_models_requests_and_resources_are_of_the_frozen_time(freeze):
    tracker, resources = APIPerformanceTracker(), ResourceMonitor()
    with freeze():
        now = shown()
        tracker.track_request("/a", 0.1, 200)
        usage = resources.check_resources()
        assert ResourceMonitor().get_cpu_usage() >= 0
        metric = PerformanceMetric(metric_name="a", value=1, unit="s")
        for stamp in (tracker._requests[0].timestamp, usage.timestamp, metric.timestamp):
            assert abs(stamp - now) < timedelta(minutes=5)

@frozen
def test_threads_see_the_frozen_time(freeze):
    monitor = PerformanceMonitor()
    with freeze():
        now = shown()
        threads = [
            threading.Thread(target=lambda: [monitor.record_metric("op", 1, "s") for _ in range(50)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stamps = {metric.timestamp for metric in monitor.get_metrics("op")}
    if freeze is machine:  # freezegun itself leaves threads in the real time
        assert stamps == {now}

@frozen
def test_a_history_keeps_what_is_of_the_frozen_day(freeze, tmp_path):
    with freeze():
        now = shown()
        with History(tmp_path / "h.db") as history:
            monitor = PerformanceMonitor(history=history)
            monitor.record_metric("expose", 1, "seconds")
            assert history.flush()
            history.fold()
            [row] = history.rows()
            assert row["name"] == "expose"
            assert row["start"].year == 2024
        report = PerformanceReport(
            PerformanceMonitor(history=History(tmp_path / "h.db", record=False))
        ).generate_daily_report(now.date())
        assert report["operations"]["expose"]["count"] == 1
"""

PATCHED = """
import time
from datetime import datetime, timedelta
from unittest.mock import Mock, patch

import pytest
from conftest import MONITOR
from ptpd_calibration.monitoring import *
from ptpd_calibration.monitoring import performance

REAL = time.time

def test_time_patched_once_for_each_reading():
    monitor = PerformanceMonitor()
    with patch("time.time", side_effect=[100.0, 102.5]):
        monitor.start_timer("a")
        assert monitor.stop_timer("a") == 2.5
    with patch("time.time", side_effect=[200.0, 201.25]):
        with monitor.timer("b"):
            pass
    assert monitor.get_average("b") == 1.25

def test_time_patched_for_a_lifetime(monkeypatch):
    cache = CacheManager(default_ttl=60)
    cache.set("k", 1)
    monkeypatch.setattr("time.time", lambda: REAL() + 59)
    assert cache.get("k") == 1
    monkeypatch.setattr(time, "time", lambda: REAL() + 61)
    assert cache.get("k") is None
    monkeypatch.undo()
    cache.set("k", 2)
    assert cache.get("k") == 2

def test_time_patched_for_a_daily_report():
    noon = datetime(2024, 2, 29, 12).timestamp()
    with patch("ptpd_calibration.monitoring.performance.time.time", return_value=noon):
        MONITOR.record_metric("expose", 1, "seconds")
        report = PerformanceReport(MONITOR).generate_daily_report()
        assert (report["date"], list(report["operations"])) == ("2024-02-29", ["expose"])
    with patch("ptpd_calibration.monitoring.performance.time") as whole:
        whole.time.return_value = noon + 86_400
        assert PerformanceReport(MONITOR).generate_daily_report()["date"] == "2024-03-01"

@pytest.mark.parametrize(
    "place", ["ptpd_calibration.monitoring.performance.datetime", "datetime.datetime"]
)
def test_datetime_patched_for_stamps(place):
    monitor = PerformanceMonitor()
    kept = datetime
    class Fixed(datetime):
        @classmethod
        def now(cls, tz=None):
            return kept(2024, 2, 29, 12, tzinfo=tz)
    for patched in (Fixed, Mock(now=Mock(return_value=kept(2024, 2, 29, 12)))):
        with patch(place, patched):
            with monitor.timer("expose"):
                time.sleep(0.01)
            assert PerformanceReport(monitor).generate_daily_report()["date"] == "2024-02-29"
    stamps = {metric.timestamp for metric in monitor.get_metrics("expose")}
    assert stamps == {datetime(2024, 2, 29, 12)}
    assert monitor.get_average("expose") >= 0.01

def test_datetime_patched_for_a_lifetime():
    cache = CacheManager(default_ttl=60)
    with patch("ptpd_calibration.monitoring.performance.datetime") as patched:
        patched.now.return_value = datetime(2024, 2, 29, 12)
        cache.set("k", 1)
        patched.now.return_value += timedelta(seconds=59)
        assert cache.get("k") == 1
        patched.now.return_value += timedelta(seconds=2)
        assert cache.get("k") is None

@pytest.mark.parametrize("broken", [Mock(side_effect=RuntimeError), Mock(return_value="noon"), Mock()])
def test_a_clock_that_says_nothing_of_use_fails_no_call(broken):
    monitor, before = PerformanceMonitor(), datetime.now()
    with patch("time.time", broken):
        monitor.record_metric("op", 1, "s")
    assert abs(monitor.get_metrics("op")[0].timestamp - before) < timedelta(minutes=5)

def test_the_classes_read_as_they_did():
    import inspect
    assert list(inspect.signature(PerformanceMonitor.record_metric).parameters) == [
        "self", "name", "value", "unit", "metadata", "timestamp"]
    class Own(PerformanceMonitor):
        def record_metric(self, name, value, unit, metadata=None):
            super().record_metric(name, 7, unit, metadata)
    own = Own()
    with own.timer("op"):
        pass
    assert own.get_average("op") == 7
    with patch.object(PerformanceMonitor, "get_average", return_value=3):
        assert PerformanceMonitor().get_average("op") == 3
    cache = CacheManager()
    assert "k" not in cache
"""


def run(folder: Path, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    return done.stdout


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("tests", [FROZEN, PATCHED], ids=["frozen", "patched"])
def test_staged_clocks_are_honoured_under_the_plugin(tests: str, zone: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(EARLY, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(tests, encoding="utf-8")
    out = run(tmp_path, "-m", "pytest", *PLUGIN, ".", TZ=zone)
    assert "passed" in out
    assert "failed" not in out


def test_without_the_plugin_the_systems_clocks_count(tmp_path: Path) -> None:
    run(
        tmp_path,
        "-c",
        """
import datetime, sys
import ptpd_monitoring.swap
from ptpd_calibration.monitoring import PerformanceMonitor, performance
from freezegun import freeze_time
methods = vars(PerformanceMonitor).copy()
with freeze_time("2024-02-29"):
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "s")
assert monitor.get_metrics("op")[0].timestamp.year > 2024
assert not hasattr(performance, "time") and not hasattr(performance, "datetime")
assert vars(PerformanceMonitor) == methods
assert "pytest" not in sys.modules
""",
    )


def test_native_methods_and_clocks_are_back_when_the_test_run_is_over(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n", encoding="utf-8")
    run(
        tmp_path,
        "-c",
        f"""
import pytest
import ptpd_monitoring
from ptpd_monitoring import _native, performance

def methods():
    return [dict(vars(kind)) for kind in (
        _native.PerformanceMonitor, _native.CacheManager, _native.Timer, _native.History)]

class Witness:
    def pytest_runtest_setup(self, item):
        self.during = methods()
        self.monitor = ptpd_monitoring.PerformanceMonitor()

native = methods()
# Twice: the second run must not take the first one's methods for the native ones.
for _ in range(2):
    witness = Witness()
    assert pytest.main([*{PLUGIN!r}, "."], plugins=[witness]) == 0
    assert all(one != other for one, other in zip(witness.during, native))
    assert methods() == native
    assert not hasattr(performance, "time")
    # What was made meanwhile goes on by the system's clock.
    with witness.monitor.timer("op"):
        sum(range(10_000))
    assert 0 < witness.monitor.get_average("op") < 60
from freezegun import freeze_time
with freeze_time("2024-02-29"):
    witness.monitor.record_metric("stamp", 1, "s")
assert witness.monitor.get_metrics("stamp")[0].timestamp.year > 2024
""",
    )
