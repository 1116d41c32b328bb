"""What a report says where memory has not all of its period."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    PerformanceReport,
)
from ptpd_monitoring.cli import tables
from ptpd_monitoring.testing import ManualClock

MORNING = datetime(2024, 5, 17, 6)
KEYS = {"recorded", "counted_from"}


class Day:
    """A monitor and a tracker that keep the last hundred, and a clock at six in the morning."""

    def __init__(self) -> None:
        self.clock = ManualClock(wall=MORNING.timestamp())
        self.monitor = PerformanceMonitor(100, clock=self.clock)
        self.tracker = APIPerformanceTracker(100, clock=self.clock)
        self.reports = PerformanceReport(self.monitor, self.tracker)

    def record(self, number: int, seconds: float = 60) -> None:
        for _ in range(number):
            self.monitor.record_metric("op", 1.0, "s")
            self.tracker.track_request("/prints", 0.1, 200)
            self.clock.advance(seconds)

    def daily(self) -> tuple[dict[str, Any], dict[str, Any]]:
        report = self.reports.generate_daily_report()
        return report["operations"]["op"], report["api"]


@pytest.fixture
def day() -> Day:
    return Day()


def local(time: datetime) -> str:
    return time.astimezone().isoformat(timespec="seconds")


def test_a_report_of_a_day_that_memory_has_whole_says_nothing_of_it(day: Day) -> None:
    day.record(100)
    for figures in day.daily():
        assert not KEYS & set(figures)


def test_a_report_says_how_many_of_how_many_it_counts_and_since_when(day: Day) -> None:
    day.record(250)
    operation, api = day.daily()
    since = local(MORNING + timedelta(minutes=150))
    assert (operation["count"], operation["recorded"], operation["counted_from"]) == (
        100,
        250,
        since,
    )
    assert (api["total_requests"], api["recorded"], api["counted_from"]) == (100, 250, since)


def test_what_fell_off_of_other_days_is_not_counted_to_this_one(day: Day) -> None:
    day.record(300)
    day.clock.advance(86_400)
    day.record(130)
    operation, api = day.daily()
    assert operation["recorded"] == api["recorded"] == 130
    day.clock.advance(86_400)
    day.record(50)
    for figures in day.daily():
        assert not KEYS & set(figures)


def test_a_comparison_says_it_of_each_period(day: Day) -> None:
    day.record(120)
    start = MORNING + timedelta(days=1)
    day.clock.set_wall(start.timestamp())
    day.record(80)
    periods = [(at, at + timedelta(hours=12)) for at in (MORNING, start)]
    found = day.reports.compare_performance(*periods)
    first, second = (found[period]["op"] for period in ("period1", "period2"))
    assert (first["count"], first["recorded"]) == (20, 120)
    assert first["counted_from"] == local(MORNING + timedelta(minutes=100))
    assert not KEYS & set(second)


def test_a_session_says_it_where_its_own_samples_fell_off(day: Day) -> None:
    with day.monitor.session("first"):
        day.record(30)
    with day.monitor.session("second"):
        day.record(90)
    report = day.reports.generate_session_report
    first, second = (report(session)["operations"]["op"] for session in ("first", "second"))
    assert (first["count"], first["recorded"]) == (10, 30)
    assert not KEYS & set(second)


def test_with_a_history_nothing_is_missing(tmp_path: Path) -> None:
    clock = ManualClock(wall=MORNING.timestamp())
    with History(tmp_path / "h.db", clock=clock) as history:
        monitor = PerformanceMonitor(100, clock=clock, history=history)
        monitor.record_many("op", [1.0] * 250, "s")
        figures = PerformanceReport(monitor).generate_daily_report()["operations"]["op"]
    assert figures["count"] == 250
    assert not KEYS & set(figures)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
def test_days_of_zones_with_odd_offsets_are_exact(day: Day, zone: str) -> None:
    day.clock.set_wall(datetime.fromisoformat("2024-05-17T14:00:00+00:00").timestamp())
    day.record(1_000)  # over midnight of each
    report = day.reports.generate_daily_report(tz=zone)
    start = datetime.fromisoformat(report["period"]["start"]).timestamp()
    begun = datetime.fromisoformat("2024-05-17T14:00:00+00:00").timestamp()
    today = sum(begun + 60 * minute >= start for minute in range(1_000))
    assert 100 < today < 1_000
    assert report["operations"]["op"]["recorded"] == today


def test_pages_texts_and_the_terminal_say_it(day: Day) -> None:
    day.record(250)
    report = day.reports.generate_daily_report()
    for format_ in ("html", "md"):
        text = str(PerformanceReport.export_report(report, format_))
        assert text.count("the last 100 of 250, since 2024-05-17 08:30:00") >= 2, format_
    assert json.loads(str(PerformanceReport.export_report(report)))["api"]["recorded"] == 250
    from rich.console import Console

    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(tables.drawn(report, 120))
    for name in ("op", "requests"):
        assert f"{name}: the last 100 of 250, since 2024-05-17 08:30:00" in capture.get()
