"""What a history holds when there is much of something, or it is written seldom."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from history_support import counts, query
from ptpd_monitoring import APIPerformanceTracker, History, PerformanceMonitor, PerformanceReport
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc).timestamp()
DAY = 86_400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def test_a_day_in_memory_reaches_the_file_as_a_whole(path: Path) -> None:
    clock = ManualClock(NOON)
    history = History(path, flush_interval=DAY, clock=clock)
    monitor = PerformanceMonitor(history=history, clock=clock)
    for minute in range(1_440):
        with monitor.session(f"job {minute % 10}"):
            monitor.record_metric("op", 1, "s")
        clock.advance(60)
    assert history.flush()
    assert counts(path) == counts(path, "minutes") == {"op": 1_440}
    shares = query(
        path,
        "SELECT session, sum(count) FROM minutes JOIN series ON series.id = series"
        " WHERE kind = 'session' GROUP BY session ORDER BY session",
    )
    assert shares == [(f"job {number}", 144) for number in range(10)]
    assert history.info()["dropped"] == 0


def test_sessions_without_end_are_told_apart_between_two_flushes(path: Path) -> None:
    history = History(path, flush_interval=DAY)
    monitor = PerformanceMonitor(history=history)
    for number in range(2_000):
        with monitor.session(f"job {number}"):
            monitor.record_metric("op", 1, "s")
    assert history.flush()
    sessions = "SELECT count(DISTINCT session) FROM series WHERE kind = 'session'"
    assert query(path, sessions) == [(2_000,)]


def test_monitors_that_come_and_go_share_rows_and_reports_count_each_sample_once(
    path: Path,
) -> None:
    clock = ManualClock(NOON)
    history = History(path, flush_interval=DAY, clock=clock)
    for number in range(1, 41):
        monitor = PerformanceMonitor(history=history, clock=clock)
        tracker = APIPerformanceTracker(history=history, clock=clock)
        monitor.record_metric("op", 1, "s")
        tracker.track_request("/", 0.5, 200)
        day = PerformanceReport(monitor, tracker).generate_daily_report(
            datetime.fromtimestamp(NOON, timezone.utc).date(), tz="UTC"
        )
        assert day["operations"]["op"]["count"] == number
        assert day["api"]["total_requests"] == number
        clock.advance(1)
        del monitor, tracker
    assert query(path, "SELECT count(*) FROM minutes") == [(2 * 16,)]
    assert counts(path) == {"op": 40}


def test_what_is_deleted_by_somebody_who_looks_is_what_the_program_would(path: Path) -> None:
    clock = ManualClock(NOON)
    with History(path, retention_days=90, clock=clock) as history:
        PerformanceMonitor(history=history, clock=clock).record_metric("op", 1, "s")
    clock.advance(60 * DAY)
    look = History(path, record=False, clock=clock)
    look.fold()
    info = look.info()
    assert (info["retention_days"], info["hours"], info["minutes"]) == (90, 1, 0)
    History(path, record=False, retention_days=30, clock=clock).fold()
    assert look.info()["hours"] == 0
