"""Reports of days in named zones: where they begin, and what lies in them."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ptpd_monitoring import History, PerformanceMonitor, PerformanceReport
from ptpd_monitoring.testing import ManualClock

ZONES = ["Europe/Berlin", "America/New_York", "Pacific/Auckland"]

# Both changes of the clock, a leap day and New Year, as each zone has them.
DAYS = [
    ("Europe/Berlin", date(2026, 3, 29), 23),
    ("Europe/Berlin", date(2026, 10, 25), 25),
    ("America/New_York", date(2026, 3, 8), 23),
    ("America/New_York", date(2026, 11, 1), 25),
    ("Pacific/Auckland", date(2026, 4, 5), 25),
    ("Pacific/Auckland", date(2026, 9, 27), 23),
    *((zone, day, 24) for zone in ZONES for day in (date(2028, 2, 29), date(2027, 1, 1))),
]


@pytest.mark.parametrize("rows", [None, "minutes", "hours"])
@pytest.mark.parametrize(("zone", "day", "hours"), DAYS)
def test_a_day_of_a_zone_holds_its_own_samples_and_states_its_bounds(
    zone: str, day: date, hours: int, rows: str | None, tmp_path: Path
) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(zone))
    assert (end.timestamp() - start.timestamp()) / 3600 == hours
    clock = ManualClock(wall=start.timestamp() - 1)

    def opened() -> History | None:
        # From memory alone, or from the file once those are gone that were recorded.
        path = tmp_path / "history.db"
        return History(path, flush_interval=3600.0, clock=clock) if rows else None

    history = opened()
    monitor = PerformanceMonitor(clock=clock, history=history)
    # One in each hour of three days; the name says whether it belongs to the day.
    for hour in range(-24, hours + 24):
        clock.set_wall(start.timestamp() + hour * 3600)
        monitor.record_metric("within" if 0 <= hour < hours else "outside", 1, "s")
    for bound, name in ((start, "outside"), (end, "within")):
        clock.set_wall(bound.timestamp() - 0.001)
        monitor.record_metric(name, 1, "s")
    if history:
        history.close()
        history = opened()
        assert history
        monitor = PerformanceMonitor(clock=clock, history=history)
        if rows == "hours":
            clock.advance(4 * 86_400)
            history.fold()
        info = history.info()
        assert (info["minutes"] > hours, info["hours"] > hours) == (rows == "minutes", True)
    for tz in (zone, ZoneInfo(zone)):
        report = PerformanceReport(monitor).generate_daily_report(day, tz=tz)
        assert report["date"] == day.isoformat()
        assert report["period"] == {
            "start": start.isoformat(),
            "end": end.isoformat(),
            "timezone": zone,
        }
        assert list(report["operations"]) == ["within"]
        found = report["operations"]["within"]
        assert (found["count"], found.get("source")) == (hours + 1, "history" if rows else None)
    if history:
        history.close()


@pytest.mark.parametrize("zone", ZONES)
def test_today_is_the_day_that_the_zone_has_now(zone: str) -> None:
    now = datetime(2026, 12, 31, 23, 30, tzinfo=timezone.utc)
    monitor = PerformanceMonitor(clock=ManualClock(wall=now.timestamp()))
    report = PerformanceReport(monitor).generate_daily_report(tz=zone)
    assert report["date"] == now.astimezone(ZoneInfo(zone)).date().isoformat()


def test_an_aware_datetime_means_the_day_it_falls_on_in_the_zone() -> None:
    report = PerformanceReport(PerformanceMonitor())
    moment = datetime(2026, 6, 30, 23, 0, tzinfo=timezone.utc)
    assert report.generate_daily_report(moment, tz="Asia/Tokyo")["date"] == "2026-07-01"
    assert report.generate_daily_report(moment, tz="America/Lima")["date"] == "2026-06-30"


def test_a_report_of_a_period_has_its_samples_and_its_bounds() -> None:
    clock = ManualClock(wall=1_000_000)
    monitor = PerformanceMonitor(clock=clock)
    for _ in range(5):
        monitor.record_metric("op", 1, "s")
        clock.advance(60)
    moments = [datetime.fromtimestamp(wall, timezone.utc) for wall in (1_000_060, 1_000_120)]
    report = PerformanceReport(monitor).generate_period_report(moments, tz="UTC")
    assert list(report) == ["generated_at", "period", "operations"]
    assert report["operations"]["op"]["count"] == 2
    assert report["period"]["start"] == "1970-01-12T13:47:40+00:00"


@pytest.mark.parametrize("tz", ["Mars/Olympus", "", "+02:00"])
def test_a_zone_that_does_not_exist_is_a_value_error_that_names_it(tz: str) -> None:
    report = PerformanceReport(PerformanceMonitor())
    with pytest.raises(ValueError, match="tz must be an IANA time zone") as caught:
        report.generate_daily_report(tz=tz)
    assert repr(tz).strip("'") in str(caught.value)


@pytest.mark.parametrize("tz", [5, 2.0, timezone(timedelta(minutes=30)), b"UTC"])
def test_a_zone_of_another_type_is_a_type_error(tz: Any) -> None:
    with pytest.raises(TypeError, match="tz"):
        PerformanceReport(PerformanceMonitor()).generate_daily_report(tz=tz)
