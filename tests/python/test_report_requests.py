"""Requests in comparisons, from memory and from disk."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    PerformanceReport,
)
from ptpd_monitoring.testing import ManualClock

stats = pytest.importorskip("scipy.stats")

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
PERIODS = ((NOON, NOON + timedelta(minutes=5)), (NOON + HOUR, NOON + HOUR + timedelta(minutes=5)))
FIGURES = [
    "absolute", "percentage", "direction", "confidence_interval", "p_value", "effect_size",
    "verdict", "reason", "error_rate", "client_error_rate",
]  # fmt: skip


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=NOON.timestamp())


def durations(number: int, scale: float = 1.0) -> list[float]:
    return [scale * (0.010 + 0.0001 * (k % 7)) for k in range(number)]


def track(
    tracker: APIPerformanceTracker,
    endpoint: str,
    method: str,
    seconds: list[float],
    statuses: dict[int, int],
) -> None:
    """Track requests, the first ones with other statuses than 200: so many of each."""
    others = iter([status for status, number in statuses.items() for _ in range(number)])
    for duration in seconds:
        tracker.track_request(endpoint, duration, next(others, 200), method)


def fill(tracker: APIPerformanceTracker, clock: ManualClock) -> None:
    """One method to an endpoint gets slower, the other one fails."""
    track(tracker, "/films", "GET", durations(400), {404: 8})
    track(tracker, "/films", "POST", durations(400), {500: 1, 404: 4})
    track(tracker, "/gone", "GET", durations(20), {})
    clock.advance(3600)
    track(tracker, "/films", "GET", durations(300, 1.5), {404: 3})
    track(tracker, "/films", "POST", durations(300), {503: 12, 500: 3, 404: 6})


def verdicts(api: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        name: (change["verdict"], change["error_rate"]["verdict"])
        for name, change in api["changes"].items()
    }


def test_requests_of_a_tracker_are_compared_by_method_and_endpoint(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    fill(tracker, clock)
    found = PerformanceReport(PerformanceMonitor(clock=clock), tracker).compare_performance(
        *PERIODS
    )
    assert list(found) == ["period1", "period2", "changes", "api", "thresholds"]
    api = found["api"]
    assert list(api) == ["period1", "period2", "changes"]
    assert list(api["period1"]) == ["GET /films", "POST /films", "GET /gone"]
    assert verdicts(api) == {
        "GET /films": ("degraded", "unchanged"),
        "POST /films": ("unchanged", "degraded"),
    }
    before, after = api["period1"]["POST /films"], api["period2"]["POST /films"]
    assert list(before) == [
        "mean", "count", "median", "p95", "p99", "nan_count", "unit",
        "error_rate", "client_error_rate",
    ]  # fmt: skip
    assert before["unit"] == "milliseconds"
    assert before["mean"] == pytest.approx(1_000 * sum(durations(400)) / 400)
    assert (before["count"], before["error_rate"], before["client_error_rate"]) == (
        400,
        1 / 400,
        4 / 400,
    )
    assert (after["count"], after["error_rate"], after["client_error_rate"]) == (
        300,
        15 / 300,
        6 / 300,
    )
    change = api["changes"]["POST /films"]
    assert list(change) == FIGURES
    # The test is Fisher's exact one, two-sided as twice the smaller tail.
    tails = [
        float(stats.fisher_exact([[15, 285], [1, 399]], alternative=side)[1])
        for side in ("less", "greater")
    ]
    assert change["error_rate"] == {
        "period1": 1 / 400,
        "period2": 15 / 300,
        "p_value": pytest.approx(2 * min(tails)),
        "verdict": "degraded",
    }
    assert change["client_error_rate"] == {"period1": 4 / 400, "period2": 6 / 300}
    assert api["changes"]["GET /films"]["percentage"] == pytest.approx(50, abs=1)
    assert json.loads(PerformanceReport.export_report(found)) == found


@pytest.mark.parametrize("with_tracker", [True, False])
def test_requests_on_disk_are_compared_with_or_without_a_tracker(
    tmp_path: Path, clock: ManualClock, with_tracker: bool
) -> None:
    with History(tmp_path / "h.db", retention_days=36_500, clock=clock) as history:
        fill(APIPerformanceTracker(clock=clock, history=history), clock)
        assert history.flush()
    history = History(tmp_path / "h.db", record=False)
    tracker = APIPerformanceTracker(history=history) if with_tracker else None
    found = PerformanceReport(PerformanceMonitor(history=history), tracker).compare_performance(
        *PERIODS
    )
    assert found["period1"] == found["changes"] == {}
    assert verdicts(found["api"]) == {
        "GET /films": ("degraded", "unchanged"),
        "POST /films": ("unchanged", "degraded"),
    }
    before = found["api"]["period1"]["POST /films"]
    assert (before["count"], before["error_rate"], before["client_error_rate"]) == (
        400,
        1 / 400,
        4 / 400,
    )
    assert (before["source"], before["accuracy"]) == ("history", "histogram, 1.1 %")
    assert found["history"]["path"] == str(tmp_path / "h.db")


def test_requests_that_fell_out_of_memory_count_once(tmp_path: Path, clock: ManualClock) -> None:
    with History(tmp_path / "h.db", flush_interval=3600.0, clock=clock) as history:
        tracker = APIPerformanceTracker(50, clock=clock, history=history)
        fill(tracker, clock)
        monitor = PerformanceMonitor(clock=clock, history=history)
        for reports in (PerformanceReport(monitor, tracker), PerformanceReport(monitor)):
            api = reports.compare_performance(*PERIODS)["api"]
            counts = {
                name: (api["period1"][name]["count"], api["period2"][name]["count"])
                for name in api["changes"]
            }
            assert counts == {"GET /films": (400, 300), "POST /films": (400, 300)}
            assert api["changes"]["POST /films"]["error_rate"]["period2"] == 15 / 300


def test_a_comparison_of_operations_alone_says_nothing_of_requests(
    tmp_path: Path, clock: ManualClock
) -> None:
    monitor = PerformanceMonitor(clock=clock)
    monitor.record_many("op", durations(20), "seconds")
    assert "api" not in PerformanceReport(monitor).compare_performance(PERIODS[0], PERIODS[0])
    with History(tmp_path / "h.db", clock=clock) as history:
        kept = PerformanceMonitor(clock=clock, history=history)
        kept.record_many("op", durations(20), "seconds")
        assert "api" not in PerformanceReport(kept).compare_performance(PERIODS[0], PERIODS[0])
    tracker = APIPerformanceTracker(clock=clock)
    found = PerformanceReport(monitor, tracker).compare_performance(*PERIODS)
    assert found["api"] == {"period1": {}, "period2": {}, "changes": {}}


def test_the_daily_report_still_knows_endpoints_and_not_methods(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    fill(tracker, clock)
    daily = PerformanceReport(PerformanceMonitor(clock=clock), tracker).generate_daily_report(
        NOON, tz="UTC"
    )
    assert list(daily["api"]["endpoints"]) == ["/films", "/gone"]
    assert daily["api"]["endpoints"]["/films"]["error_count"] == 8 + 5 + 3 + 21


def test_every_format_tells_of_requests(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    fill(tracker, clock)
    monitor = PerformanceMonitor(clock=clock)
    reports = PerformanceReport(monitor, tracker)
    found = reports.compare_performance(*PERIODS)
    rows = list(csv.DictReader(io.StringIO(reports.export_report(found, "csv"))))
    assert [(row["operation"], row["error_rate_verdict"], row["verdict"]) for row in rows] == [
        ("GET /films", "unchanged", "degraded"),
        ("POST /films", "degraded", "unchanged"),
    ]
    for format_ in ("md", "html"):
        text = reports.export_report(found, format_)
        assert "One endpoint fails more often and one endpoint got slower" in text
        assert text.index("POST /films") < text.index("GET /films")
    # Of both distributions, found by the endpoint's name.
    assert reports.export_report(found, "html").count("<svg") == 2
    daily = reports.generate_daily_report(NOON, tz="UTC")
    daily["comparison"] = found
    page = reports.export_report(daily, "html")
    assert page.count("Compared: one endpoint fails more often") == 1
