"""Reports from memory and history together: everything once, and said whence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    PerformanceReport,
)
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
HISTOGRAM = "histogram, 1.1 %"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=NOON.timestamp())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def opened(path: Path, clock: ManualClock) -> History:
    # Written when it is read, and not by the thread in between.
    return History(path, flush_interval=3600.0, clock=clock)


def daily(monitor: PerformanceMonitor, day: datetime = NOON) -> dict[str, Any]:
    return PerformanceReport(monitor).generate_daily_report(day, tz="UTC")


def run(script: str, *arguments: object) -> str:
    command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_samples_that_are_all_in_memory_are_reported_exactly(
    path: Path, clock: ManualClock
) -> None:
    monitor = PerformanceMonitor(clock=clock, history=opened(path, clock))
    values = [0.5, 1.25, 7.0]
    monitor.record_many("op", values, "s")
    found = daily(monitor)["operations"]["op"]
    assert (found.pop("source"), found.pop("accuracy")) == ("memory", "exact")
    assert (found.pop("failures"), found.pop("failure_rate")) == (0, 0.0)
    assert found == monitor.get_statistics("op")


def test_samples_that_fell_out_of_memory_still_count(path: Path, clock: ManualClock) -> None:
    monitor = PerformanceMonitor(100, clock=clock, history=opened(path, clock))
    values = np.random.default_rng(3).lognormal(-3, 1, 5_000)
    for part in values.reshape(50, 100):
        monitor.record_many("op", part.tolist(), "s")
        clock.advance(40)
    found = daily(monitor)["operations"]["op"]
    assert (found["source"], found["accuracy"]) == ("history", HISTOGRAM)
    assert (found["count"], found["min"], found["max"]) == (5_000, values.min(), values.max())
    assert found["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert found["std"] == pytest.approx(values.std(), rel=1e-6)
    for percent in (50, 90, 95, 99):
        exact = np.percentile(values, percent)
        assert found[f"p{percent}"] == pytest.approx(exact, rel=0.011)


def test_what_was_cleared_from_memory_is_still_reported(path: Path, clock: ManualClock) -> None:
    monitor = PerformanceMonitor(clock=clock, history=opened(path, clock))
    monitor.record_many("op", [1.0, 2.0], "s")
    monitor.clear_metrics("op")
    clock.advance(90)
    monitor.record_metric("op", 3.0, "s")
    found = daily(monitor)["operations"]["op"]
    assert (found["count"], found["mean"], found["source"]) == (3, 2.0, "history")


def test_yesterday_is_reported_after_a_restart(path: Path, clock: ManualClock) -> None:
    with opened(path, clock) as history:
        monitor = PerformanceMonitor(clock=clock, history=history)
        tracker = APIPerformanceTracker(clock=clock, history=history)
        monitor.record_many("op", [1.0, 3.0], "s")
        tracker.track_request("/a", 0.5, 200)
        tracker.track_request("/a", 0.5, 503)
    clock.advance(86_400)
    with opened(path, clock) as history:
        monitor = PerformanceMonitor(clock=clock, history=history)
        tracker = APIPerformanceTracker(clock=clock, history=history)
        report = PerformanceReport(monitor, tracker)
        today, yesterday = (
            report.generate_daily_report(day, tz="UTC") for day in (NOON + DAY, NOON)
        )
        assert (today["operations"], today["api"]) == ({}, {"total_requests": 0})
        assert yesterday["operations"]["op"]["mean"] == 2.0
        api = yesterday["api"]
        assert (api["total_requests"], api["total_errors"]) == (2, 1)
        assert api["endpoints"]["/a"]["accuracy"] == HISTOGRAM
        assert yesterday["history"] == {"path": str(path), "problem": None}


@pytest.mark.parametrize("flushed", [True, False])
def test_what_is_recorded_after_the_history_was_closed_still_counts(
    path: Path, clock: ManualClock, flushed: bool
) -> None:
    history = opened(path, clock)
    monitor = PerformanceMonitor(10, clock=clock, history=history)
    tracker = APIPerformanceTracker(10, clock=clock, history=history)
    reports = PerformanceReport(monitor, tracker)

    def record(values: list[float], status: int) -> None:
        monitor.record_many("op", values, "s")
        for value in values:
            tracker.track_request("/a", value, status)

    record([1.0] * 20, 200)
    if flushed:
        assert history.flush()
    clock.advance(90)
    record([1.0] * 5, 200)
    history.close()
    clock.advance(90)
    record([5.0] * 5, 500)
    for expected in (30, 35, 35):
        report = reports.generate_daily_report(NOON, tz="UTC")
        found = report["operations"]["op"]
        total = 25 + 5 * (expected - 25)
        assert (found["count"], found["max"], found["unit"]) == (expected, 5.0, "s")
        assert found["mean"] == pytest.approx(total / expected, rel=1e-12)
        assert (found["source"], found["accuracy"]) == ("memory and history", HISTOGRAM)
        api = report["api"]
        assert (api["total_requests"], api["total_errors"]) == (expected, expected - 25)
        endpoint = api["endpoints"]["/a"]
        assert (endpoint["source"], endpoint["accuracy"]) == ("memory and history", HISTOGRAM)
        # As often again as memory holds: those before are nowhere any more.
        record([5.0] * (5 if expected == 30 else 10), 500)
    # What was cleared since is nowhere, either.
    monitor.clear_metrics()
    assert daily(monitor)["operations"]["op"]["count"] == 25
    monitor.record_metric("op", 5.0, "s")
    monitor.record_metric("late", 5.0, "s")
    operations = daily(monitor)["operations"]
    assert {name: stats["count"] for name, stats in operations.items()} == {"op": 26, "late": 1}
    assert operations["late"]["source"] == "memory"


def test_what_memory_has_in_full_is_exact_although_its_history_was_closed(
    path: Path, clock: ManualClock
) -> None:
    history = opened(path, clock)
    monitor = PerformanceMonitor(clock=clock, history=history)
    monitor.record_many("op", [1.0] * 20, "s")
    history.close()
    monitor.record_many("op", [5.0] * 15, "s")
    found = daily(monitor)["operations"]["op"]
    assert (found["count"], found["source"], found["accuracy"]) == (35, "memory", "exact")


def test_sessions_and_comparisons_count_what_came_after_the_history_was_closed(
    path: Path, clock: ManualClock
) -> None:
    history = opened(path, clock)
    monitor = PerformanceMonitor(40, clock=clock, history=history)
    reports = PerformanceReport(monitor)
    for session in ("before", "after"):
        with monitor.session(session):
            monitor.record_many("op", [10.0 + n % 7 for n in range(50)], "s")
            history.close()
            monitor.record_many("op", [20.0 + n % 7 for n in range(20)], "s")
        clock.advance(3600)
    # Of the second, memory alone had any, and the newest are left: of the first one none.
    sessions = [reports.generate_session_report(it)["operations"] for it in ("before", "after")]
    assert [it["op"]["count"] for it in sessions] == [50, 40]
    assert [it["op"]["source"] for it in sessions] == ["history", "memory"]
    hours = [NOON + timedelta(hours=n) for n in range(3)]
    periods = [(it, it + timedelta(minutes=30)) for it in hours]
    found = reports.compare_performance(*periods[:2])
    assert [found[it]["op"]["count"] for it in ("period1", "period2")] == [50, 40]
    with monitor.session("before"):
        monitor.record_many("op", [30.0] * 15, "s")
    found = reports.compare_sessions("before", "after")
    assert [found[it]["op"]["count"] for it in ("period1", "period2")] == [65, 25]
    expected = (sum(10.0 + n % 7 for n in range(50)) + 15 * 30.0) / 65
    assert found["period1"]["op"]["mean"] == pytest.approx(expected)
    found = reports.compare_performance(periods[0], periods[2])
    assert [found[it]["op"]["count"] for it in ("period1", "period2")] == [50, 15]


CLOSED = """
import json, os, sys
from ptpd_monitoring import APIPerformanceTracker, History, PerformanceMonitor, PerformanceReport
path, others = sys.argv[1], sys.argv[2] == "True"
history, other = History(path), History(path) if others else None
monitor = PerformanceMonitor(10, history=history)
tracker = APIPerformanceTracker(10, history=history)

def record(count, status):
    monitor.record_many("op", [1.0] * count, "s")
    for _ in range(count):
        tracker.track_request("/a", 0.5, status)

def report():
    found = PerformanceReport(monitor, tracker).generate_daily_report(tz="UTC")
    api = found["api"]
    return [found["operations"]["op"]["count"], api["total_requests"], api["total_errors"]]

record(20, 200)
history.close()
record(5, 500)
child = os.fork()
record(2, 500)
if child == 0:
    record(1, 500)
    assert report() == [28, 28, 8], report()
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
print(json.dumps(report()))
"""


# A file that another handle keeps open is taken over by the child as a writer of its own.
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("others", [True, False])
def test_a_fork_after_the_history_was_closed_has_all_that_its_parent_had(
    path: Path, others: bool
) -> None:
    assert json.loads(run(CLOSED, path, others)) == [27, 27, 7]


WRITER = """
import sys
from ptpd_monitoring import History, PerformanceMonitor
from ptpd_monitoring.testing import ManualClock
# By the system's clock the samples would be too old to be kept.
clock = ManualClock(wall=float(sys.argv[2]))
monitor = PerformanceMonitor(clock=clock, history=History(sys.argv[1], clock=clock))
monitor.record_many("op", [10.0, 20.0], "s")
with monitor.session("roll-7"):
    monitor.record_metric("op", 30.0, "s")
"""


def test_other_processes_samples_are_added_and_own_ones_not_twice(
    path: Path, clock: ManualClock
) -> None:
    monitor = PerformanceMonitor(clock=clock, history=opened(path, clock))
    with monitor.session("roll-7"):
        monitor.record_metric("op", 1.0, "s")
    run(WRITER, path, NOON.timestamp())
    for _ in range(2):
        found = daily(monitor)["operations"]["op"]
        assert (found["count"], found["mean"]) == (4, pytest.approx(61 / 4))
        assert (found["source"], found["accuracy"]) == ("memory and history", HISTOGRAM)
    session = PerformanceReport(monitor).generate_session_report("roll-7")
    assert session["operations"]["op"] == {
        "count": 2,
        "total": 31.0,
        "mean": 15.5,
        "unit": "s",
        "source": "memory and history",
        "accuracy": "exact",
    }


FORK = """
import json, os, sys
from datetime import datetime, timezone
from ptpd_monitoring import APIPerformanceTracker, PerformanceMonitor, PerformanceReport
monitor = PerformanceMonitor(history=sys.argv[1])
tracker = APIPerformanceTracker(history=sys.argv[1])
monitor.record_many("op", [1.0, 2.0], "s")
tracker.track_request("/a", 0.5, 200)
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    monitor.record_metric("op", 4.0, "s")
    tracker.track_request("/a", 0.5, 500)
    os.write(writing, b"!")
    # Its parent has to have written, or has not yet; both must do.
    report = PerformanceReport(monitor, tracker).generate_daily_report(tz="UTC")
    assert report["operations"]["op"]["count"] in (1, 3), report
    sys.exit()
os.read(reading, 1)
assert os.waitpid(child, 0)[1] == 0
report = PerformanceReport(monitor, tracker).generate_daily_report(tz="UTC")
print(json.dumps([report["operations"]["op"]["count"], report["api"]["total_requests"],
                  report["api"]["total_errors"]]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_fork_neither_doubles_nor_loses_samples(path: Path) -> None:
    assert json.loads(run(FORK, path)) == [3, 2, 1]


def test_periods_of_different_days_are_compared_from_disk(path: Path, clock: ManualClock) -> None:
    chance = np.random.default_rng(5)
    with opened(path, clock) as history:
        monitor = PerformanceMonitor(10, clock=clock, history=history)
        for scale in (1.0, 1.3):
            monitor.record_many("op", chance.lognormal(0, 0.2, 2_000).tolist(), "s")
            monitor.record_many("slow", (scale * chance.lognormal(0, 0.2, 2_000)).tolist(), "s")
            clock.advance(86_400)
        first, second = ((start, start + timedelta(minutes=1)) for start in (NOON, NOON + DAY))
        found = PerformanceReport(monitor).compare_performance(first, second)
    assert found["period1"]["op"]["accuracy"] == HISTOGRAM
    assert found["changes"]["op"]["verdict"] == "unchanged"
    assert found["changes"]["slow"]["verdict"] == "degraded"
    assert found["changes"]["slow"]["percentage"] == pytest.approx(30, abs=3)


def test_sessions_are_compared_across_processes(path: Path) -> None:
    with History(path) as history:
        monitor = PerformanceMonitor(history=history)
        for session, factor in (("before", 1.0), ("after", 2.0)):
            with monitor.session(session):
                monitor.record_many("op", [factor * (10 + n % 7) for n in range(50)], "s")
    found = PerformanceReport(PerformanceMonitor(history=path)).compare_sessions("before", "after")
    assert (found["session1"], found["session2"]) == ("before", "after")
    assert found["changes"]["op"]["verdict"] == "degraded"
    assert found["changes"]["op"]["percentage"] == pytest.approx(100)
    assert found["period1"]["op"]["count"] == 50


def test_a_history_that_cannot_be_read_is_said_and_memory_reported(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_text("this is no history\n" * 100)
    monitor = PerformanceMonitor(history=path)
    monitor.record_many("op", [1.0, 2.0], "s")
    report = PerformanceReport(monitor).generate_daily_report()
    assert report["operations"]["op"]["count"] == 2
    assert str(path) in report["history"]["problem"]
    assert path.read_text().startswith("this is no history")


def test_a_report_of_the_past_is_drawn_over_the_day(path: Path, clock: ManualClock) -> None:
    with opened(path, clock) as history:
        monitor = PerformanceMonitor(1, clock=clock, history=history)
        for minute in range(300):
            monitor.record_many("op", [0.1, 0.2 + minute % 7], "seconds")
            clock.advance(60)
        report = daily(monitor)
        page = PerformanceReport.export_report(report, "html")
        assert page is not None
        assert page.count("<svg") == 2
        assert "Percentiles and throughput over time" in page
        assert HISTOGRAM in page


def test_throughput_of_a_day_is_right_when_its_minutes_are_gone(
    path: Path, clock: ManualClock
) -> None:
    with opened(path, clock) as history:
        monitor = PerformanceMonitor(1, clock=clock, history=history)
        clock.set_wall(NOON.timestamp() - 12 * 3600)
        for _ in range(240):  # ten an hour, all day
            monitor.record_metric("op", 0.1, "seconds")
            clock.advance(360)
        pages = []
        for _ in range(2):
            page = PerformanceReport.export_report(daily(monitor), "html")
            assert page is not None
            pages.append(page)
            clock.advance(4 * 86_400)
            history.fold()
    whole, folded = pages
    # By quarters of an hour three of them at most; then by hours.
    assert "96 slots" in whole
    assert "at most 12.0 samples an hour" in whole
    assert "24 slots" in folded
    assert "at most 10.0 samples an hour" in folded
    assert '<path class="p50 dot"' not in folded


def test_throughput_is_that_of_a_closed_history_and_of_what_came_after_it(
    path: Path, clock: ManualClock
) -> None:
    history = opened(path, clock)
    monitor = PerformanceMonitor(5, clock=clock, history=history)
    for minute in range(9):
        if minute == 5:
            history.close()
        monitor.record_many("op", [0.1] * 3 + [0.2] * (minute == 6), "seconds")
        clock.advance(60)
    report = PerformanceReport(monitor).generate_period_report(
        (NOON, NOON + timedelta(minutes=10)), tz="UTC"
    )
    # Of thirteen after the closing memory has the newest five, of two minutes.
    assert report["operations"]["op"]["count"] == 20
    page = PerformanceReport.export_report(report, "html")
    assert page is not None
    assert ">7 slots" in page
    assert "at most 3.00 samples a minute" in page


def test_throughput_of_a_few_minutes_is_that_of_minutes(path: Path, clock: ManualClock) -> None:
    with opened(path, clock) as history:
        monitor = PerformanceMonitor(1, clock=clock, history=history)
        for _ in range(50):
            monitor.record_metric("op", 0.1, "seconds")
            clock.advance(6)
        report = PerformanceReport(monitor).generate_period_report(
            (NOON, NOON + timedelta(seconds=299)), tz="UTC"
        )
        page = PerformanceReport.export_report(report, "html")
    assert page is not None
    assert "5 slots" in page
    assert "at most 10.0 samples a minute" in page


def test_a_day_that_hours_of_the_file_do_not_fit_says_what_it_counts(
    path: Path, clock: ManualClock
) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    day = datetime(2026, 11, 11, tzinfo=zone)
    with opened(path, clock) as history:
        monitor = PerformanceMonitor(1, clock=clock, history=history)
        for minute in (15, 75):  # a quarter past midnight there, and past one
            clock.set_wall((day + timedelta(minutes=minute)).timestamp())
            monitor.record_metric("op", 0.1, "seconds")
        clock.set_wall((day + DAY).timestamp())
        monitor.clear_metrics()
        reports = PerformanceReport(monitor)

        def counts() -> list[tuple[int, Any]]:
            found = [
                reports.generate_daily_report(it, tz="Asia/Kolkata") for it in (day - DAY, day)
            ]
            return [
                (report["operations"].get("op", {}).get("count", 0), report["period"])
                for report in found
            ]

        bounds = {
            "start": "2026-11-11T00:00:00+05:30",
            "end": "2026-11-12T00:00:00+05:30",
            "timezone": "Asia/Kolkata",
        }
        before, itself = counts()
        assert (before[0], itself) == (0, (2, bounds))
        clock.advance(4 * 86_400)
        history.fold()
        before, itself = counts()
        # The hours of UTC begin at half past there.
        assert before[0] == 1
        assert before[1]["counted"]["end"] == "2026-11-11T00:30:00+05:30"
        counted = {"start": "2026-11-11T00:30:00+05:30", "end": "2026-11-12T00:30:00+05:30"}
        assert itself == (1, {**bounds, "counted": counted})
        comparison = reports.compare_performance(
            (day - DAY, day - timedelta(microseconds=1)),
            (day, day + DAY - timedelta(microseconds=1)),
        )
        assert set(comparison["counted"]) == {"period1", "period2"}
        for format_ in ("html", "md"):
            assert "ounted from disk" in str(PerformanceReport.export_report(comparison, format_))


def test_a_period_in_memory_does_not_say_that_rows_were_counted(
    path: Path, clock: ManualClock
) -> None:
    begin = NOON + timedelta(seconds=30)
    clock.set_wall((begin + timedelta(minutes=1)).timestamp())
    with opened(path, clock) as history:
        monitor = PerformanceMonitor(2, clock=clock, history=history)
        tracker = APIPerformanceTracker(2, clock=clock, history=history)
        reports = PerformanceReport(monitor, tracker)

        def counted() -> bool:
            return "counted" in reports.generate_period_report((begin, begin + DAY))["period"]

        for _ in range(2):
            monitor.record_metric("op", 0.1, "seconds")
            tracker.track_request("/", 0.1, 200)
        assert not counted()
        # One more than memory keeps: all of them are counted from the disk.
        tracker.track_request("/", 0.1, 200)
        assert counted()
        reports = PerformanceReport(monitor)
        assert not counted()
        monitor.record_metric("op", 0.1, "seconds")
        assert counted()


def test_the_first_problem_of_two_files_is_told(tmp_path: Path, clock: ManualClock) -> None:
    bad = tmp_path / "bad.db"
    bad.write_text("this is no history\n" * 100)
    with opened(tmp_path / "good.db", clock) as good:
        monitor = PerformanceMonitor(clock=clock, history=good)
        tracker = APIPerformanceTracker(clock=clock, history=bad)
        report = PerformanceReport(monitor, tracker).generate_daily_report(NOON, tz="UTC")
    assert report["history"]["path"] == str(bad)
    assert str(bad) in report["history"]["problem"]


UNITS = """
import sys
from ptpd_monitoring import History, PerformanceMonitor
from ptpd_monitoring.testing import ManualClock
clock = ManualClock(wall=float(sys.argv[2]))
monitor = PerformanceMonitor(clock=clock, history=History(sys.argv[1], clock=clock))
monitor.record_many("op", [0.1] * 20, "seconds")
"""


def test_units_that_processes_mixed_are_told_and_make_no_verdict(
    path: Path, clock: ManualClock
) -> None:
    with opened(path, clock) as history:
        monitor = PerformanceMonitor(clock=clock, history=history)
        monitor.record_many("op", [100.0] * 20, "ms")
        clock.advance(3600)
        monitor.record_many("op", [100.0] * 20, "ms")
        run(UNITS, path, NOON.timestamp() + 3600)
        found = daily(monitor)["operations"]["op"]
        assert (found["unit"], found["units"]) == ("ms", ["ms", "seconds"])
        hour = timedelta(hours=1)
        moments = [(it, it + timedelta(minutes=1)) for it in (NOON, NOON + hour)]
        comparison = PerformanceReport(monitor).compare_performance(moments[0], moments[1])
    # Both were first recorded at the same moment.
    assert sorted(comparison["period2"]["op"]["units"]) == ["ms", "seconds"]
    assert comparison["changes"]["op"]["verdict"] == "not enough data"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.floats(0.5, 1e3),
            st.integers(0, 5 * 3600),
            st.sampled_from(["record", "clear", "flush", "close"]),
        ),
        max_size=60,
    ),
    st.integers(1, 30),
)
@settings(deadline=None, max_examples=40)
def test_a_day_has_every_sample_once_whatever_happened(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, float, int, str]],
    max_history: int,
) -> None:
    clock = ManualClock(wall=NOON.timestamp())
    path = tmp_path_factory.mktemp("history") / "history.db"
    taken: list[tuple[str, str, float]] = []
    # After the history was closed memory has the newest alone.
    alone: dict[str, deque[tuple[str, str, float]]] = {}
    now = NOON
    with opened(path, clock) as history:
        monitor = PerformanceMonitor(max_history, clock=clock, history=history)
        for name, value, seconds, what in steps:
            if what == "clear":
                monitor.clear_metrics(name)
                alone.pop(name, None)
            elif what == "flush":
                assert history.flush()
            elif what == "close":
                history.close()
            else:
                clock.advance(seconds)
                now += timedelta(seconds=seconds)
                monitor.record_metric(name, value, "s")
                of_name = alone.setdefault(name, deque(maxlen=max_history))
                (of_name if history.closed else taken).append((now.date().isoformat(), name, value))
        model: dict[str, dict[str, list[float]]] = {}
        for day, name, value in [*taken, *(it for of_name in alone.values() for it in of_name)]:
            model.setdefault(day, {}).setdefault(name, []).append(value)
        # The last two days are kept by the minute; before, an hour belongs to the day it starts in.
        for day, expected in model.items():
            found = daily(monitor, datetime.fromisoformat(f"{day}T12:00:00+00:00"))["operations"]
            assert {name: stats["count"] for name, stats in found.items()} == {
                name: len(values) for name, values in expected.items()
            }
            for name, values in expected.items():
                assert found[name]["mean"] == pytest.approx(np.mean(values), rel=1e-12)
                assert found[name]["max"] == max(values)
