"""Runs that fail: in histories, reports, comparisons and the terminal, whoever recorded them."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ptpd_monitoring import (
    History,
    ImageProcessingProfiler,
    PerformanceMonitor,
    PerformanceReport,
    cli,
)
from ptpd_monitoring.testing import ManualClock

NOW = 1_700_000_000
UTC = timezone.utc


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=NOW)


def run(monitor: PerformanceMonitor, times: int, failing: int, name: str = "develop") -> None:
    """Run something so many times, of which the first ones fail."""

    def develop(number: int) -> None:
        with monitor.timer(name):
            if number < failing:
                raise OSError

    for number in range(times):
        with contextlib.suppress(OSError):
            develop(number)


def entry(monitor: PerformanceMonitor, name: str = "develop") -> dict[str, Any]:
    found = PerformanceReport(monitor).generate_daily_report(tz="UTC")["operations"][name]
    return {key: found[key] for key in ("count", "failures", "failure_rate") if key in found}


def test_failures_are_the_same_in_memory_in_the_history_and_of_both(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "history.db"
    with History(path, clock=clock) as history:
        first = PerformanceMonitor(history=history, clock=clock)
        run(first, 8, 2)
        first.record_metric("dmax", 1.4, "density")
        expected = {"count": 8, "failures": 2, "failure_rate": 0.25}
        assert entry(first) == expected
        assert entry(first, "dmax") == {"count": 1, "failures": 0, "failure_rate": 0.0}
        # Another process's, for all that a second monitor can tell.
        second = PerformanceMonitor(history=history, clock=clock)
        run(second, 4, 1)
        expected = {"count": 12, "failures": 3, "failure_rate": 0.25}
        assert entry(second) == entry(first) == expected
        small = PerformanceMonitor(max_history=2, history=history, clock=clock)
        run(small, 4, 4)
        assert entry(small)["failures"] == 7
    with History(path, record=False, clock=clock) as history:
        assert entry(PerformanceMonitor(history=history, clock=clock)) == {
            "count": 16,
            "failures": 7,
            "failure_rate": 7 / 16,
        }
        recent = {one["name"]: one["failures"] for one in history.recent(1)["operations"]}
        assert recent == {"develop": 7, "dmax": 0}
        kinds = {
            row["kind"]: row["count"] for row in history.rows("minutes") if row["name"] == "develop"
        }
        assert kinds["failure"] >= 1


def test_without_a_history_only_what_can_fail_has_failures(clock: ManualClock) -> None:
    monitor = PerformanceMonitor(clock=clock)
    run(monitor, 4, 1)
    monitor.record_metric("dmax", 1.4, "density")
    assert entry(monitor) == {"count": 4, "failures": 1, "failure_rate": 0.25}
    assert entry(monitor, "dmax") == {"count": 1}


def test_failures_of_a_session_are_its_own(tmp_path: Path, clock: ManualClock) -> None:
    with History(tmp_path / "history.db", clock=clock) as history:
        monitor = PerformanceMonitor(history=history, clock=clock)
        with monitor.session("morning"):
            run(monitor, 4, 3)
        run(monitor, 6, 0)
        assert history.flush()
        counts = {(row["kind"], row["session"]): row["count"] for row in history.rows("minutes")}
        assert counts == {
            ("operation", None): 10,
            ("session", "morning"): 4,
            ("failure", None): 3,
            ("session_failure", "morning"): 3,
        }
        compared = PerformanceReport(monitor).compare_sessions("morning", "morning")
        assert compared["period1"]["develop"]["failures"] == 3


def test_profiled_calls_that_fail_count_too(clock: ManualClock) -> None:
    profiler = ImageProcessingProfiler(PerformanceMonitor(clock=clock))

    def develop(number: int) -> int:
        if number == 0:
            raise ValueError("fogged")
        return number

    for number in range(3):
        with contextlib.suppress(ValueError):
            profiler.profile_operation(develop, number)
    statistics = profiler.monitor.get_statistics("develop_wall_time")
    assert (statistics["failures"], statistics["count"]) == (1, 3)


@pytest.fixture
def worse(tmp_path: Path) -> tuple[Path, PerformanceMonitor]:
    """A history in which what hardly failed an hour ago fails often now."""
    clock = ManualClock(wall=NOW)
    history = History(tmp_path / "history.db", clock=clock)
    monitor = PerformanceMonitor(history=history, clock=clock)
    run(monitor, 400, 2)
    clock.advance(3_600)
    run(monitor, 400, 80)
    history.close()
    return tmp_path / "history.db", monitor


def test_a_comparison_judges_the_share_of_runs_that_fail(
    worse: tuple[Path, PerformanceMonitor],
) -> None:
    reports = PerformanceReport(worse[1])
    start = datetime.fromtimestamp(NOW, UTC) - timedelta(minutes=1)
    periods = [(start, start + timedelta(minutes=30))]
    periods.append((start + timedelta(hours=1), start + timedelta(hours=2)))
    compared = reports.compare_performance(*periods)
    change = compared["changes"]["develop"]["failure_rate"]
    assert change["verdict"] == "degraded"
    assert (change["period1"], change["period2"]) == (0.005, 0.2)
    assert compared["period2"]["develop"]["failures"] == 80
    text = reports.export_report(compared, format="md")
    assert text is not None
    assert "One operation fails more often" in text
    assert re.search(r"develop.*0\.50\W%.*→.*20\.0\W%", text)


def test_a_comparison_at_the_command_line_fails_where_runs_fail_more(
    worse: tuple[Path, PerformanceMonitor], capsys: pytest.CaptureFixture[str]
) -> None:
    start = datetime.fromtimestamp(NOW, UTC)

    def period(hours: float) -> str:
        moment = start + timedelta(hours=hours)
        later = moment + timedelta(minutes=59)
        return f"{moment:%Y-%m-%dT%H:%M}..{later:%Y-%m-%dT%H:%M}"

    command = ["compare", period(0), period(1), "--tz", "UTC", "--history", str(worse[0])]
    assert cli.main(command) == 1
    assert "develop" in capsys.readouterr().out


def test_every_format_of_a_report_tells_how_many_failed(clock: ManualClock) -> None:
    monitor = PerformanceMonitor(clock=clock)
    run(monitor, 4, 1)
    reports = PerformanceReport(monitor)
    report = reports.generate_daily_report(tz="UTC")
    markdown, html = (reports.export_report(report, format=form) for form in ("md", "html"))
    assert markdown is not None
    assert "Failed" in markdown
    assert html is not None
    assert ">Failed<" in re.sub(r"\s", "", html)
    text = reports.export_report(report, format="csv")
    assert text is not None
    row = next(csv.DictReader(io.StringIO(text)))
    assert (row["failures"], row["failure_rate"]) == ("1", "0.25")
