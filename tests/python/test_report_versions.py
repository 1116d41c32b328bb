"""Releases in reports: marks where they began, and comparisons of what they wrote."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from cli_support import run
from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    PerformanceReport,
)
from ptpd_monitoring.testing import ManualClock

DAY = datetime(2026, 6, 15, tzinfo=timezone.utc)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def write(path: Path, version: str | None, hours: range, factor: float = 1.0) -> None:
    """What a release wrote in these hours of the day, 40 samples and requests each."""
    clock = ManualClock(wall=DAY.timestamp())
    with History(
        path, flush_interval=3600.0, clock=clock, on_sigterm=False, version=version
    ) as history:
        monitor = PerformanceMonitor(clock=clock, history=history)
        tracker = APIPerformanceTracker(clock=clock, history=history)
        for hour in hours:
            clock.set_wall((DAY + timedelta(hours=hour, minutes=20)).timestamp())
            monitor.record_many("op", [factor * (1 + n % 7 / 10) for n in range(40)], "s")
            for n in range(40):
                tracker.track_request(
                    "/a", factor * (0.1 + n % 7 / 100), 500 if n < 20 * (factor - 1) else 200
                )
        history.flush()


def reports(path: Path) -> PerformanceReport:
    clock = ManualClock(wall=(DAY + timedelta(hours=30)).timestamp())
    history = History(path, record=False, clock=clock)
    return PerformanceReport(
        PerformanceMonitor(history=history, clock=clock),
        APIPerformanceTracker(history=history, clock=clock),
    )


@pytest.fixture
def two(path: Path) -> Path:
    """A history of two releases at the same time and one without a name."""
    write(path, "1.4.1", range(14))
    write(path, None, range(3, 6), factor=50.0)
    write(path, "1.4.2", range(13, 20), factor=1.5)
    return path


def test_versions_are_compared_by_what_each_of_them_wrote(two: Path) -> None:
    found = reports(two).compare_versions("1.4.1", "1.4.2")
    assert list(found)[:2] == ["version1", "version2"]
    assert (found["version1"], found["version2"]) == ("1.4.1", "1.4.2")
    before, after = found["period1"]["op"], found["period2"]["op"]
    # Also of the hour in which both ran.
    assert (before["count"], after["count"]) == (14 * 40, 7 * 40)
    assert found["changes"]["op"]["verdict"] == "degraded"
    assert found["changes"]["op"]["percentage"] == pytest.approx(50)
    requests = found["api"]["changes"]["GET /a"]
    assert (requests["verdict"], requests["error_rate"]["verdict"]) == ("degraded", "degraded")
    assert requests["error_rate"]["period2"] == 0.25
    assert found["history"]["problem"] is None
    for format_ in ("html", "md"):
        page = PerformanceReport.export_report(found, format_) or ""
        assert "1.4.1" in page
        assert "one operation has degraded" in page


def test_what_a_running_program_has_not_written_yet_is_compared_too(path: Path) -> None:
    write(path, "1", range(3))
    with History(path, retention_days=36_500, version="2") as history:
        monitor = PerformanceMonitor(history=history)
        monitor.record_many("op", [5.0] * 30, "s")
        found = PerformanceReport(monitor).compare_versions("1", "2")
    assert found["period2"]["op"]["count"] == 30
    assert found["changes"]["op"]["verdict"] == "degraded"


def test_a_version_that_wrote_nothing_is_refused_by_name(two: Path) -> None:
    with pytest.raises(ValueError, match=r'^version2 must be .* "1\.4\.1", "1\.4\.2"; got "1\.4"$'):
        reports(two).compare_versions("1.4.1", "1.4")
    with pytest.raises(ValueError, match=r"^version1 must be "):
        reports(two).compare_versions("", "1.4.2")
    with pytest.raises(ValueError, match="the monitor has none"):
        PerformanceReport(PerformanceMonitor()).compare_versions("1.4.1", "1.4.2")


def test_a_history_without_versions_says_so(path: Path) -> None:
    write(path, None, range(2))
    with pytest.raises(ValueError, match="which names none"):
        reports(path).compare_versions("1", "2")


def test_a_report_marks_where_versions_began(two: Path) -> None:
    found = reports(two).generate_daily_report(DAY, tz="UTC")
    assert found["versions"] == [
        {"version": "1.4.1", "first": "2026-06-15T00:20:00+00:00", "last": "2026-06-15T13:20:00+00:00"},
        {"version": "1.4.2", "first": "2026-06-15T13:20:00+00:00", "last": "2026-06-15T19:20:00+00:00"},
    ]  # fmt: skip
    page = PerformanceReport.export_report(found, "html") or ""
    assert 'class="mark"' in page
    assert "1.4.2 from 13:20" in page
    text = PerformanceReport.export_report(found, "md") or ""
    assert "- Versions: 1.4.1 from 2026-06-15 00:20:00 +00:00, 1.4.2 from 2026-06-15" in text


@pytest.mark.parametrize("hours", [(15, 17), (14, 30)])
def test_versions_that_began_before_are_named_without_a_mark(
    two: Path, hours: tuple[int, int]
) -> None:
    period = tuple(DAY + timedelta(hours=hour) for hour in hours)
    found = reports(two).generate_period_report(period, tz="UTC")
    assert [one["version"] for one in found["versions"]] == ["1.4.2"]
    assert 'class="mark"' not in (PerformanceReport.export_report(found, "html") or "")
    assert "- Versions: 1.4.2\n" in (PerformanceReport.export_report(found, "md") or "")


def test_periods_of_no_version_have_none(two: Path) -> None:
    found = reports(two).generate_daily_report(DAY - timedelta(days=3), tz="UTC")
    assert "versions" not in found


def test_names_of_versions_do_no_harm_in_pages(path: Path) -> None:
    name = "<script>alert(1)</script> | `x` \x1b[31m" + "y" * 100
    write(path, name, range(2, 9))
    found = reports(path).generate_daily_report(DAY, tz="UTC")
    page = PerformanceReport.export_report(found, "html") or ""
    assert "<script>" not in page
    assert "\x1b" not in page
    text = PerformanceReport.export_report(found, "md") or ""
    assert "\x1b" not in text


class TestCommand:
    """``ptpd-monitor compare``."""

    def compare(self, path: Path, *arguments: str) -> Any:
        return run("compare", *arguments, "--history", str(path))

    def test_compares_texts_that_are_no_periods_as_versions(self, two: Path) -> None:
        done = self.compare(two, "1.4.1", "1.4.2")
        assert done.returncode == 1  # something degraded
        assert "560 / 280" in done.stdout
        assert self.compare(two, "version:1.4.1", "version:1.4.1").returncode == 0

    def test_prefixed_names_are_versions_even_if_they_look_like_periods(self, path: Path) -> None:
        write(path, "2026-06-14", range(3))
        write(path, "today", range(3, 6))
        done = self.compare(path, "version:2026-06-14", "version:today")
        assert (done.returncode, "120 / 120" in done.stdout) == (0, True)

    def test_says_which_versions_there_are(self, two: Path) -> None:
        done = self.compare(two, "1.4.1", "1.5")
        assert done.returncode == 2
        assert '"1.4.1", "1.4.2"; got "1.5"' in done.stderr

    def test_a_period_and_a_version_do_not_go_together(self, two: Path) -> None:
        done = self.compare(two, "1.4.1", "today")
        assert done.returncode == 2
        assert "'1.4.1' is no period" in done.stderr

    def test_without_a_history_a_misspelt_period_is_one(self) -> None:
        done = run("compare", "yesterdy", "tody")
        assert done.returncode == 2
        assert "'yesterdy' is no period" in done.stderr
