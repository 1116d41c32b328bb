"""Local times and local days in many zones, against Python's own zone data."""

from __future__ import annotations

import os
import zoneinfo
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

import pytest

from ptpd_monitoring import PerformanceMonitor, PerformanceReport
from ptpd_monitoring.testing import ManualClock

# Zones whose days change their length, some of them at midnight itself.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Lisbon",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "America/Havana",
    "Atlantic/Azores",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
]
YEARS = [2011, 2019, 2024, 2026, 2035]
QUARTER = timedelta(minutes=15)
# A part of a second that a double holds exactly.
EDGE = timedelta(seconds=1 / 64)


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, set_zone: Callable[[str], None]) -> zoneinfo.ZoneInfo:
    """The local zone."""
    try:
        found = zoneinfo.ZoneInfo(request.param)
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("this machine has no data on the zone")
    set_zone(request.param)
    return found


def changes(zone: zoneinfo.ZoneInfo) -> list[datetime]:
    """The quarters of an hour, in UTC, at which the zone's offset changes."""
    found = []
    for year in YEARS:
        moment = datetime(year, 1, 1, tzinfo=timezone.utc)
        while moment.year == year:
            following = moment + timedelta(days=1)
            if moment.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
                while moment.astimezone(zone).utcoffset() == (
                    (moment + QUARTER).astimezone(zone).utcoffset()
                ):
                    moment += QUARTER
                found.append(moment + QUARTER)
            moment = following
    return found


def test_a_shown_time_is_pythons_local_time_with_its_fold(zone: zoneinfo.ZoneInfo) -> None:
    clock = ManualClock()
    monitor = PerformanceMonitor(clock=clock)
    moments = [datetime(year, month, 1, tzinfo=timezone.utc) for year in YEARS for month in (1, 7)]
    for change in changes(zone):
        moments += [change + step * QUARTER for step in range(-12, 13)]
        moments += [change - EDGE]
    for moment in moments:
        clock.set_wall(moment.timestamp())
        monitor.record_metric("op", 1, "u")
    shown = [(m.timestamp, m.timestamp.fold) for m in monitor.get_metrics("op")]
    local = [moment.astimezone(zone).replace(tzinfo=None) for moment in moments]
    assert shown == [(moment, moment.fold) for moment in local]
    exported = monitor.export_metrics("csv", times="offset")
    assert [line.split(",")[3] for line in exported.splitlines()[1:]] == [
        moment.astimezone(zone).isoformat() for moment in moments
    ]


def day_span(day: date, zone: zoneinfo.ZoneInfo) -> list[datetime]:
    """The quarters of an hour, in UTC, that lie in the local ``day``."""
    start = datetime(day.year, day.month, day.day, tzinfo=timezone.utc) - timedelta(hours=30)
    quarters = (start + step * QUARTER for step in range(4 * 90))
    return [moment for moment in quarters if moment.astimezone(zone).date() == day]


def test_the_daily_report_counts_the_whole_local_day_and_nothing_else(
    zone: zoneinfo.ZoneInfo,
) -> None:
    lengths = set()
    days = {date(2024, 2, 29), date(2025, 12, 31), date(2026, 1, 1)}
    for change in changes(zone):
        day = change.astimezone(zone).date()
        days |= {day - timedelta(days=1), day, day + timedelta(days=1)}
    clock = ManualClock()
    for day in days:
        span = day_span(day, zone)
        if not span:
            continue
        lengths.add(len(span) / 4)
        monitor = PerformanceMonitor(clock=clock)
        for name, moment in [
            ("before", span[0] - EDGE),
            ("first", span[0]),
            ("last", span[-1] + QUARTER - EDGE),
            ("after", span[-1] + QUARTER),
        ]:
            clock.set_wall(moment.timestamp())
            monitor.record_metric(name, 1, "u")
        report = PerformanceReport(monitor).generate_daily_report(day)
        assert list(report["operations"]) == ["first", "last"], day
    if os.environ["TZ"] in {"Europe/Berlin", "America/New_York", "Atlantic/Azores"}:
        assert lengths == {23, 24, 25}


def test_a_day_that_the_zone_skipped_has_no_samples(zone: zoneinfo.ZoneInfo) -> None:
    clock = ManualClock()
    monitor = PerformanceMonitor(clock=clock)
    moment = datetime(2011, 12, 28, tzinfo=timezone.utc)
    for _ in range(4 * 24 * 5):
        clock.set_wall(moment.timestamp())
        monitor.record_metric("op", 1, "u")
        moment += QUARTER
    report = PerformanceReport(monitor)
    counts = {}
    for day in range(29, 32):
        operations = report.generate_daily_report(date(2011, 12, day))["operations"]
        counts[day] = operations.get("op", {"count": 0})["count"]
    skipped = os.environ["TZ"] == "Pacific/Apia"
    assert counts == {29: 96, 30: 0 if skipped else 96, 31: 96}
