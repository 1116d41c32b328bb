"""PerformanceReport: days, comparisons, exports."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ptpd_monitoring import (
    APIPerformanceTracker,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
    ResourceUsage,
)
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2024, 5, 15, 12)


def clock_at(moment: datetime) -> ManualClock:
    return ManualClock(wall=moment.timestamp())


@pytest.fixture
def clock() -> ManualClock:
    return clock_at(NOON)


@pytest.fixture
def monitor(clock: ManualClock) -> PerformanceMonitor:
    return PerformanceMonitor(clock=clock)


class StubResources:
    """A resource monitor with readings of its own."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def check_resources(self) -> ResourceUsage:
        self.calls.append("check_resources")
        return ResourceUsage(
            cpu_percent=97.25,
            memory_percent=50.0,
            memory_used_mb=1.0,
            memory_available_mb=2.0,
            disk_percent=3.0,
            disk_used_gb=4.0,
            disk_free_gb=5.0,
            timestamp=NOON,
        )

    def get_alerts_for_high_usage(self) -> list[dict[str, Any]]:
        self.calls.append("get_alerts_for_high_usage")
        return [{"resource": "cpu", "severity": "critical"}]


# The daily report


def test_todays_report_has_the_statistics_of_every_operation(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    for value in [1, 2, 4]:
        monitor.record_metric("load", value, "s")
    with monitor.timer("save"):
        clock.advance(3)
    report = PerformanceReport(monitor).generate_daily_report()
    period = report.pop("period")
    assert list(period) == ["start", "end", "timezone"]
    assert report == {
        "date": "2024-05-15",
        "generated_at": (NOON + timedelta(seconds=3)).isoformat(),
        "operations": {name: monitor.get_statistics(name) for name in ["load", "save"]},
    }
    assert list(report["operations"]) == ["load", "save"]


def test_a_report_of_nothing_has_no_operations(monitor: PerformanceMonitor) -> None:
    assert PerformanceReport(monitor).generate_daily_report()["operations"] == {}


def test_midnight_divides_the_days(monitor: PerformanceMonitor, clock: ManualClock) -> None:
    clock.set_wall(datetime(2024, 5, 15, 23, 59, 59).timestamp())
    monitor.record_metric("op", 1, "early")
    clock.advance(0.999_999_999)
    monitor.record_metric("op", 2, "last")
    clock.advance(0.000_000_001)
    monitor.record_metric("op", 3, "first")
    report = PerformanceReport(monitor)
    today = report.generate_daily_report()
    assert today["date"] == "2024-05-16"
    assert (today["operations"]["op"]["count"], today["operations"]["op"]["unit"]) == (1, "first")
    yesterday = report.generate_daily_report(date(2024, 5, 15))
    assert yesterday["date"] == "2024-05-15"
    assert yesterday["operations"]["op"]["mean"] == 1.5
    assert yesterday["operations"]["op"]["unit"] == "early"
    assert report.generate_daily_report(date(2024, 5, 14))["operations"] == {}


@pytest.mark.parametrize(
    "day", [date(2024, 2, 29), date(2023, 12, 31), date(2024, 1, 1), date(1970, 1, 2)]
)
def test_leap_days_and_new_year_are_days_like_others(
    monitor: PerformanceMonitor, clock: ManualClock, day: date
) -> None:
    midnight = datetime(day.year, day.month, day.day)
    for value, moment in enumerate([midnight, midnight + timedelta(hours=23.75)]):
        clock.set_wall(moment.timestamp())
        monitor.record_metric("op", value, "u")
    clock.set_wall((midnight + timedelta(hours=24.25)).timestamp())
    monitor.record_metric("op", 99, "u")
    report = PerformanceReport(monitor).generate_daily_report(day)
    assert report["date"] == day.isoformat()
    assert report["operations"]["op"]["count"] == 2


def test_a_day_may_be_given_as_any_moment_of_it(monitor: PerformanceMonitor) -> None:
    monitor.record_metric("op", 1, "u")
    report = PerformanceReport(monitor)
    expected = report.generate_daily_report(NOON.date())
    for day in (
        None,
        NOON,
        datetime(2024, 5, 15),
        datetime(2024, 5, 15, 23, 59, 59, 999_999),
        NOON.astimezone(timezone.utc),
        NOON.astimezone(timezone(timedelta(hours=14))),
    ):
        assert report.generate_daily_report(day) == expected
    assert report.generate_daily_report(date=NOON.date()) == expected


@pytest.mark.parametrize("day", [date.min, date.max, date(1600, 1, 1), date(3000, 1, 1)])
def test_a_day_beyond_what_stamps_can_hold_is_empty(monitor: PerformanceMonitor, day: date) -> None:
    monitor.record_metric("op", 1, "u")
    report = PerformanceReport(monitor).generate_daily_report(day)
    assert (report["date"], report["operations"]) == (day.isoformat(), {})


@pytest.mark.parametrize("wrong", ["2024-05-15", 5, (2024, 5, 15)])
def test_a_day_of_the_wrong_type_is_refused_by_name_and_value(
    monitor: PerformanceMonitor, wrong: object
) -> None:
    with pytest.raises(TypeError, match="date") as caught:
        PerformanceReport(monitor).generate_daily_report(wrong)
    assert repr(wrong) in str(caught.value)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2024-03-31", 23),
        ("Europe/Berlin", "2024-10-27", 25),
        ("Europe/Berlin", "2024-02-29", 24),
        ("America/New_York", "2024-03-10", 23),
        ("America/New_York", "2024-11-03", 25),
        ("America/New_York", "2024-12-31", 24),
        ("UTC", "2024-03-31", 24),
    ],
)
def test_days_have_as_many_hours_as_the_zone_gives_them(zone: str, day: str, hours: int) -> None:
    script = (
        "import sys\n"
        "from datetime import date, datetime, timedelta\n"
        "from ptpd_monitoring import APIPerformanceTracker, PerformanceMonitor, PerformanceReport\n"
        "from ptpd_monitoring.testing import ManualClock\n"
        "day = date.fromisoformat(sys.argv[1])\n"
        "start = datetime(day.year, day.month, day.day) - timedelta(days=1)\n"
        "clock = ManualClock(wall=start.timestamp())\n"
        "monitor, tracker = PerformanceMonitor(clock=clock), APIPerformanceTracker(clock=clock)\n"
        "for _ in range(3 * 24 * 60):\n"
        "    monitor.record_metric('minute', 1, 'u')\n"
        "    tracker.track_request('/minute', 0.1, 200)\n"
        "    clock.advance(60)\n"
        "report = PerformanceReport(monitor, tracker).generate_daily_report(day)\n"
        "assert report['date'] == sys.argv[1]\n"
        "print(report['operations']['minute']['count'], report['api']['total_requests'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, day],
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(hours * 60)] * 2


def test_the_api_part_counts_that_day_only(monitor: PerformanceMonitor, clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    tracker.track_request("/old", 9, 500)
    clock.advance(24 * 3_600)
    tracker.track_request("/new", 1, 200)
    report = PerformanceReport(monitor, api_tracker=tracker)
    today = report.generate_daily_report()["api"]
    assert (today["total_requests"], today["total_errors"]) == (1, 0)
    assert list(today["endpoints"]) == ["/new"]
    assert today["slowest_endpoints"] == [{"endpoint": "/new", "p95_ms": 1_000.0}]
    assert list(report.generate_daily_report(NOON)["api"]["endpoints"]) == ["/old"]
    empty = report.generate_daily_report(NOON - timedelta(days=5))
    assert empty["api"] == {"total_requests": 0}
    assert tracker.generate_api_report()["total_requests"] == 2


def test_a_day_with_all_the_trackers_requests_is_its_own_report(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    for number in range(20):
        tracker.track_request(f"/{number % 7}", number / 10, 200 + 100 * (number % 4))
    report = PerformanceReport(monitor, tracker).generate_daily_report()
    assert report["api"] == tracker.generate_api_report()


def test_resources_and_alerts_come_from_the_resource_monitor(monitor: PerformanceMonitor) -> None:
    resources = StubResources()
    report = PerformanceReport(monitor, resource_monitor=resources).generate_daily_report()
    assert list(report) == [
        "date",
        "generated_at",
        "period",
        "operations",
        "resources",
        "resource_alerts",
    ]
    assert report["resources"] == resources.check_resources().model_dump(mode="json")
    assert report["resource_alerts"] == [{"resource": "cpu", "severity": "critical"}]
    assert set(resources.calls) == {"check_resources", "get_alerts_for_high_usage"}
    json.dumps(report)


def test_a_real_resource_monitor_can_be_reported(monitor: PerformanceMonitor) -> None:
    report = PerformanceReport(monitor, None, ResourceMonitor()).generate_daily_report()
    assert 0 <= report["resources"]["memory_percent"] <= 100
    assert isinstance(report["resource_alerts"], list)


def test_what_was_not_given_is_not_in_the_report(monitor: PerformanceMonitor) -> None:
    report = PerformanceReport(monitor, None, None).generate_daily_report()
    assert list(report) == ["date", "generated_at", "period", "operations"]


def test_the_sources_can_be_read(monitor: PerformanceMonitor) -> None:
    tracker, resources = APIPerformanceTracker(), StubResources()
    report = PerformanceReport(monitor=monitor, api_tracker=tracker, resource_monitor=resources)
    assert report.monitor is monitor
    assert report.api_tracker is tracker
    assert report.resource_monitor is resources
    assert PerformanceReport(monitor).api_tracker is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((5,), "monitor"), ((None,), "monitor"), ((PerformanceMonitor(), 5), "api_tracker")],
)
def test_sources_of_the_wrong_type_are_refused_by_name(
    arguments: tuple[Any, ...], named: str
) -> None:
    with pytest.raises(TypeError, match=named):
        PerformanceReport(*arguments)
    with pytest.raises(TypeError):
        PerformanceReport()


# Comparing periods


Values = dict[str, list[float]]


@pytest.fixture
def compare(
    monitor: PerformanceMonitor, clock: ManualClock
) -> Callable[[Values, Values], dict[str, Any]]:
    """Compare two days with the given values."""

    def compared(before: Values, after: Values) -> dict[str, Any]:
        for moment, day in [(NOON, before), (NOON + timedelta(days=1), after)]:
            clock.set_wall(moment.timestamp())
            for name, values in day.items():
                monitor.record_many(name, values, "u")
        hour = timedelta(hours=1)
        return PerformanceReport(monitor).compare_performance(
            (NOON - hour, NOON + hour), (NOON + 23 * hour, NOON + 25 * hour)
        )

    return compared


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ([1, 3], [1], (-1.0, -50.0, "improved")),
        ([2], [3, 3], (1.0, 50.0, "degraded")),
        ([2], [1, 3], (0.0, 0.0, "unchanged")),
        ([0], [0], (0.0, 0.0, "unchanged")),
        ([0], [5], (5.0, math.inf, "degraded")),
        ([0], [-5], (-5.0, -math.inf, "improved")),
        ([-2], [-1], (1.0, 50.0, "degraded")),
        ([math.inf], [math.inf], (0.0, 0.0, "unchanged")),
    ],
)
def test_a_change_has_an_amount_a_percentage_and_a_direction(
    compare: Callable[[Values, Values], dict[str, Any]],
    before: list[float],
    after: list[float],
    change: tuple[float, float, str],
) -> None:
    found = compare({"op": before}, {"op": after})["changes"]["op"]
    assert list(found)[:3] == ["absolute", "percentage", "direction"]
    assert tuple(found.values())[:3] == change


@pytest.mark.parametrize(("before", "after"), [([math.nan], [1]), ([1], [math.nan])])
def test_a_mean_that_is_no_number_has_no_direction(
    compare: Callable[[Values, Values], dict[str, Any]], before: list[float], after: list[float]
) -> None:
    comparison = compare({"op": before, "good": [1]}, {"op": after, "good": [2]})
    found = comparison["changes"]["op"]
    assert found["direction"] not in {"improved", "degraded", "unchanged"}
    assert math.isnan(found["absolute"])
    assert comparison["changes"]["good"]["percentage"] == 100


def test_only_operations_of_both_periods_have_changes(
    compare: Callable[[Values, Values], dict[str, Any]],
) -> None:
    comparison = compare({"gone": [1], "both": [1, 2]}, {"new": [1], "both": [3]})
    assert list(comparison)[:3] == ["period1", "period2", "changes"]
    assert {
        part: {name: {key: entry[key] for key in keys} for name, entry in comparison[part].items()}
        for part, keys in {
            "period1": ["mean", "count"],
            "period2": ["mean", "count"],
            "changes": ["absolute", "percentage", "direction"],
        }.items()
    } == {
        "period1": {"gone": {"mean": 1.0, "count": 1}, "both": {"mean": 1.5, "count": 2}},
        "period2": {"both": {"mean": 3.0, "count": 1}, "new": {"mean": 1.0, "count": 1}},
        "changes": {"both": {"absolute": 1.5, "percentage": 100.0, "direction": "degraded"}},
    }


def test_a_period_holds_both_its_ends(monitor: PerformanceMonitor, clock: ManualClock) -> None:
    for value in range(5):
        monitor.record_metric("op", value, "u")
        clock.advance(1)
    second = timedelta(seconds=1)
    periods = [(NOON + second, NOON + 3 * second), (NOON + 4 * second, NOON + 4 * second)]
    comparison = PerformanceReport(monitor).compare_performance(
        period1=periods[0], period2=periods[1]
    )
    for period, mean, count in [("period1", 2.0, 3), ("period2", 4.0, 1)]:
        found = comparison[period]["op"]
        assert (found["mean"], found["count"]) == (mean, count)


def test_figures_of_periods_equal_numpys(
    compare: Callable[[Values, Values], dict[str, Any]],
) -> None:
    values = np.random.default_rng(1).lognormal(size=1_001).tolist()
    assert compare({"op": values}, {})["period1"]["op"] == {
        "mean": np.mean(values),
        "count": 1_001,
        "median": np.median(values),
        "p95": np.percentile(values, 95),
        "p99": np.percentile(values, 99),
        "nan_count": 0,
        "unit": "u",
    }


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (None, TypeError),
        (5, TypeError),
        ((NOON,), TypeError),
        ((NOON.date(), NOON.date()), TypeError),
        ((NOON, NOON - timedelta(seconds=1)), ValueError),
    ],
)
def test_a_wrong_period_is_refused_by_name(
    monitor: PerformanceMonitor, wrong: Any, kind: type[Exception]
) -> None:
    report = PerformanceReport(monitor)
    with pytest.raises(kind, match="period1"):
        report.compare_performance(wrong, (NOON, NOON))
    with pytest.raises(kind, match="period2"):
        report.compare_performance((NOON, NOON), wrong)


# Exports


def test_a_json_report_reads_back_equal(monitor: PerformanceMonitor) -> None:
    monitor.record_metric("öp", 0.1, "s")
    tracker = APIPerformanceTracker()
    tracker.track_request("/a", 0.1, 200)
    generator = PerformanceReport(monitor, tracker, StubResources())
    for report in (
        generator.generate_daily_report(),
        generator.generate_session_report("s"),
        generator.compare_performance((NOON, NOON), (NOON, NOON)),
    ):
        text = generator.export_report(report)
        assert text is not None
        assert json.loads(text) == report
        assert list(json.loads(text)) == list(report)
        assert generator.export_report(report, "JSON") == text


def rows(text: str | None) -> list[dict[str, str]]:
    assert text is not None
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_csv_report_has_a_row_for_each_operation(monitor: PerformanceMonitor) -> None:
    monitor.record_many('a, "quoted"\n', [0.1, 0.2], "s")
    monitor.record_metric("b", 3, "ms")
    generator = PerformanceReport(monitor)
    report = generator.generate_daily_report()
    found = rows(generator.export_report(report, "csv"))
    assert list(found[0]) == ["operation", *report["operations"]["b"]]
    assert [row.pop("operation") for row in found] == list(report["operations"])
    for row, statistics in zip(found, report["operations"].values(), strict=True):
        assert row.pop("unit") == statistics.pop("unit")
        assert {key: float(value) for key, value in row.items()} == statistics


def test_a_csv_comparison_has_a_row_for_each_change(
    compare: Callable[[Values, Values], dict[str, Any]], monitor: PerformanceMonitor
) -> None:
    comparison = compare(
        {"a": [1], "b": [0, 0], "c": [math.nan]}, {"a": [2], "b": [1, 1], "c": [1]}
    )
    unknown = dict.fromkeys(("low", "high", "low_percentage", "high_percentage"), "")
    intervals = {
        "a": unknown,
        "b": {"low": "1.0", "high": "1.0", "low_percentage": "inf", "high_percentage": "inf"},
        "c": unknown,
    }
    few = "not enough data"
    figures = {
        "a": ["1.0", "100.0", "degraded", "1.0", "1.0", few, ""],
        "b": ["1.0", "inf", "degraded", str(comparison["changes"]["b"]["p_value"]), "1.0", few, ""],
        "c": ["nan", "nan", "unknown", "", "", few, ""],
    }
    names = [
        "absolute", "percentage", "direction", "p_value", "effect_size", "verdict", "reason",
    ]  # fmt: skip
    text = PerformanceReport(monitor).export_report(comparison, format="csv")
    assert rows(text) == [
        {
            "operation": name,
            **dict(zip(names, figures[name], strict=True)),
            **{f"confidence_interval_{end}": text for end, text in intervals[name].items()},
        }
        for name in "abc"
    ]
    assert text.splitlines()[0].split(",") == [
        "operation", "absolute", "percentage", "direction",
        "confidence_interval_low", "confidence_interval_high",
        "confidence_interval_low_percentage", "confidence_interval_high_percentage",
        "p_value", "effect_size", "verdict", "reason",
    ]  # fmt: skip


def test_numbers_that_are_not_finite_are_null_in_json_and_text_in_csv(
    monitor: PerformanceMonitor,
) -> None:
    report = {"operations": {"op": {"mean": math.nan, "max": math.inf, "min": -math.inf}}}
    generator = PerformanceReport(monitor)
    text = generator.export_report(report)
    assert text is not None
    assert json.loads(text, parse_constant=pytest.fail) == {
        "operations": {"op": {"mean": None, "max": None, "min": None}}
    }
    (row,) = rows(generator.export_report(report, "csv"))
    assert row == {"operation": "op", "mean": "nan", "max": "inf", "min": "-inf"}


def test_operations_with_different_figures_share_the_columns_of_all(
    monitor: PerformanceMonitor,
) -> None:
    report = {"operations": {"a": {"x": 1}, "b": {"y": None, "x": 10**30}, "c": {"z": [1, "k"]}}}
    found = rows(PerformanceReport(monitor).export_report(report, "csv"))
    assert found == [
        {"operation": "a", "x": "1", "y": "", "z": ""},
        {"operation": "b", "x": str(10**30), "y": "", "z": ""},
        {"operation": "c", "x": "", "y": "", "z": '[1,"k"]'},
    ]


@pytest.mark.parametrize("report", [{}, {"operations": {}}, {"other": 1}, {"operations": 5}])
def test_a_report_without_operations_is_a_csv_of_its_header(report: dict[str, Any]) -> None:
    text = PerformanceReport.export_report(report, "csv")
    assert text == "operation,count,min,max,mean,median,std,unit,p50,p90,p95,p99\r\n"


def test_what_json_cannot_hold_does_not_stop_an_export(monitor: PerformanceMonitor) -> None:
    report: dict[str, Any] = {"when": NOON, "where": Path("a"), "numbers": np.arange(2), 5: {1}}
    report["itself"] = report
    text = PerformanceReport(monitor).export_report(report)
    assert text is not None
    found = json.loads(text)
    assert found["when"] == NOON.isoformat()
    assert (found["where"], found["numbers"], found["5"]) == ("a", [0, 1], [1])
    assert isinstance(found["itself"], str)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_written_to_and_nothing_returned(
    monitor: PerformanceMonitor, tmp_path: Path, kind: type[Any]
) -> None:
    generator = PerformanceReport(monitor)
    report = generator.generate_daily_report()
    path = tmp_path / "report.json"
    path.write_text("old")
    assert generator.export_report(report, format="json", path=kind(path)) is None
    assert json.loads(path.read_text()) == report
    with pytest.raises(FileNotFoundError):
        generator.export_report(report, path=tmp_path / "missing" / "report.json")


def test_wrong_arguments_of_an_export_are_refused_by_name(
    monitor: PerformanceMonitor, tmp_path: Path
) -> None:
    export = PerformanceReport(monitor).export_report
    with pytest.raises(ValueError, match="Unsupported format: xml"):
        export({}, "xml", tmp_path / "out")
    for arguments, named in [
        (("text",), "report"),
        ((None,), "report"),
        (([],), "report"),
        (({}, 5), "format"),
        (({}, "json", 5), "path"),
    ]:
        with pytest.raises(TypeError, match=named):
            export(*arguments)
    assert list(tmp_path.iterdir()) == []


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=3),
    st.sampled_from(["loss", "ms", "hours", "MB", "percent"]),
)
@example([0.3, sys.float_info.max], "loss")
@example([1.0, 1e-322], "ms")
@example([-sys.float_info.max, sys.float_info.max], "hours")
@example([sys.float_info.max, -1e292, -1e292], "loss")
@settings(max_examples=50)
def test_a_page_is_drawn_of_values_however_far_apart(values: list[float], unit: str) -> None:
    monitor = PerformanceMonitor()
    monitor.record_many("op", values, unit)
    report = PerformanceReport(monitor)
    daily = report.generate_daily_report()
    page = report.export_report(daily, "html")
    assert page is not None
    # A percentile between values whose difference overflows may be NaN, as NumPy's is.
    figures = daily["operations"]["op"]
    if not any(math.isnan(figures[name]) for name in ("p50", "p95", "p99")):
        assert "NaN" not in page
    drawn = re.findall("<svg.*?</svg>", page, re.DOTALL)
    assert len(drawn) >= 1
    assert not any("NaN" in drawing for drawing in drawn)
