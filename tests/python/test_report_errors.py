"""Errors, methods, and 4xx beside 5xx in reports, from memory and from disk."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timezone
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

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=NOON.timestamp())


def fill(tracker: APIPerformanceTracker, clock: ManualClock) -> None:
    for method, status, error in [
        ("GET", 200, None),
        ("GET", 404, "no such film"),
        ("GET", 404, "no such film"),
        ("POST", 503, "no paper"),
        ("POST", 200, None),
        ("GET", 404, "no such film"),
    ]:
        tracker.track_request("/films", 0.25, status, method, error)
        clock.advance(1)
    tracker.track_request("/curves", 0.5, 200)


def daily(tracker: APIPerformanceTracker, clock: ManualClock) -> dict[str, Any]:
    reports = PerformanceReport(PerformanceMonitor(clock=clock), tracker)
    report: dict[str, Any] = reports.generate_daily_report(NOON.date(), tz="UTC")
    return report


ERRORS = [
    {
        "endpoint": "/films",
        "method": "POST",
        "status": 503,
        "error": "no paper",
        "count": 1,
        "first": "2026-06-15T12:00:03+00:00",
        "last": "2026-06-15T12:00:03+00:00",
    },
    {
        "endpoint": "/films",
        "method": "GET",
        "status": 404,
        "error": "no such film",
        "count": 3,
        "first": "2026-06-15T12:00:01+00:00",
        "last": "2026-06-15T12:00:05+00:00",
    },
]


def judged(report: dict[str, Any]) -> None:
    failed = report["request_errors"]
    assert failed["endpoints"] == {
        "/films": {"client_errors": 3, "server_errors": 1},
        "/curves": {"client_errors": 0, "server_errors": 0},
    }
    # An endpoint with one method says nothing twice.
    assert failed["methods"] == {
        "GET /films": {"client_errors": 3, "server_errors": 0},
        "POST /films": {"client_errors": 0, "server_errors": 1},
    }
    methods = report["api"]["methods"]
    counts = {name: (one["count"], one["error_count"]) for name, one in methods.items()}
    assert counts == {"GET /films": (4, 3), "POST /films": (2, 1)}
    assert failed["errors"] == ERRORS


def errors_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    errors: list[dict[str, Any]] = report["request_errors"]["errors"]
    return errors


def test_a_report_of_memory_tells_errors_and_methods(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    fill(tracker, clock)
    judged(daily(tracker, clock))
    # Of another day they are not.
    clock.advance(86_400)
    tracker.track_request("/films", 0.25, 500, error="no ink")
    errors = errors_of(daily(tracker, clock))
    assert [error["error"] for error in errors] == ["no paper", "no such film"]


def test_a_report_of_a_history_tells_those_of_all_processes(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "history.db"
    with History(path, clock=clock) as history:
        tracker = APIPerformanceTracker(history=history, clock=clock)
        fill(tracker, clock)
        judged(daily(tracker, clock))
        tracker.clear()
        # What is gone from memory is on disk.
        judged(daily(tracker, clock))
        other = APIPerformanceTracker(history=history, clock=clock)
        other.track_request("/films", 0.25, 503, "POST", "no paper")
        paper = errors_of(daily(tracker, clock))[0]
        assert (paper["error"], paper["count"], paper["last"]) == (
            "no paper",
            2,
            "2026-06-15T12:00:06+00:00",
        )
    # What comes after the history was closed is in memory alone, and counts as well.
    tracker.track_request("/films", 0.25, 503, "POST", "no paper")
    errors = errors_of(daily(tracker, clock))
    assert [(error["error"], error["count"]) for error in errors[:1]] == [("no paper", 3)]


def test_errors_beyond_memory_come_from_disk_once(tmp_path: Path, clock: ManualClock) -> None:
    with History(tmp_path / "history.db", clock=clock) as history:
        tracker = APIPerformanceTracker(max_history=5, history=history, clock=clock)
        for number in range(40):
            tracker.track_request("/films", 0.1, 500, error=f"kind {number % 2}")
            clock.advance(1)
        errors = errors_of(daily(tracker, clock))
        assert sorted((error["error"], error["count"]) for error in errors) == [
            ("kind 0", 20),
            ("kind 1", 20),
        ]


def test_the_errors_of_the_server_come_first_and_no_more_than_a_hundred(
    clock: ManualClock,
) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    for number in range(300):
        for _ in range(1 + number % 3):
            tracker.track_request(f"/{number}", 0.1, 404)
    tracker.track_request("/films", 0.1, 500, error="rare")
    errors = errors_of(daily(tracker, clock))
    assert len(errors) == 100
    assert errors[0]["error"] == "rare"
    assert {error["count"] for error in errors[1:]} == {3}


def test_the_report_of_a_tracker_stays_as_it_is_documented(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    tracker.track_request("/films", 0.25, 500, error="no paper")
    report = tracker.generate_api_report()
    assert report["endpoints"]["/films"] == tracker.get_endpoint_stats("/films")
    assert not {"methods", "errors"} & set(report)
    tracker.track_request("/films", 0.25, 200, "POST")
    report = tracker.generate_api_report()
    assert report["methods"] == {
        f"{method} /films": tracker.get_endpoint_stats("/films", method=method)
        for method in ("GET", "POST")
    }


def test_a_report_without_errors_has_no_list_of_them(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    tracker.track_request("/films", 0.25, 200)
    report = daily(tracker, clock)
    assert report["api"] == tracker.generate_api_report()
    assert "request_errors" not in report
    tracker.clear()
    assert daily(tracker, clock)["api"] == {"total_requests": 0}


def test_every_format_tells_errors_and_methods(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    fill(tracker, clock)
    tracker.track_request("/films", 0.1, 500, error="<script>alert(1)</script> | `x`")
    report = daily(tracker, clock)
    text = PerformanceReport.export_report(report, "json")
    assert text is not None
    assert errors_of(json.loads(text))[0]["error"].startswith("<script>")
    page = PerformanceReport.export_report(report, "html")
    markdown = PerformanceReport.export_report(report, "md")
    assert page is not None
    assert markdown is not None
    for document in (page, markdown):
        for expected in ("no paper", "no such film", "GET /films", "POST /films", "4xx", "5xx"):
            assert expected in document, expected
    assert "<script>alert" not in page
    assert "2026-06-15 12:00:05 +00:00" in markdown


def test_csv_has_rows_of_endpoints_methods_and_errors(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(clock=clock)
    fill(tracker, clock)
    text = PerformanceReport.export_report(daily(tracker, clock), "csv")
    assert text is not None
    rows = list(csv.DictReader(io.StringIO(text)))
    named = [(row["kind"], row["operation"], row["error"]) for row in rows]
    assert named == [
        ("request", "/films", ""),
        ("request", "/curves", ""),
        ("request", "GET /films", ""),
        ("request", "POST /films", ""),
        ("error", "/films", "no paper"),
        ("error", "/films", "no such film"),
    ]
    films, _, get, post, paper, film = rows
    assert [row["client_errors"] for row in (films, get, post)] == ["3", "3", "0"]
    assert [row["server_errors"] for row in (films, get, post)] == ["1", "0", "1"]
    assert (paper["method"], paper["status"], paper["count"]) == ("POST", "503", "1")
    assert (film["method"], film["status"], film["count"]) == ("GET", "404", "3")
    assert film["last"].startswith("2026-06-15T12:00:05")


def test_a_report_without_the_new_figures_is_drawn_without_them() -> None:
    report = {
        "date": "2026-06-15",
        "operations": {},
        "api": {"total_requests": 1, "endpoints": {"/films": {"count": 1, "error_count": 0}}},
    }
    markdown = PerformanceReport.export_report(report, "md")
    assert markdown is not None
    assert "/films" in markdown
    assert "4xx" not in markdown
    assert "Errors, those" not in markdown


def test_the_command_line_draws_errors_and_methods(tmp_path: Path) -> None:
    pytest.importorskip("rich")
    path = tmp_path / "history.db"
    with History(path) as history:
        tracker = APIPerformanceTracker(history=history)
        tracker.track_request("/films", 0.25, 404, "GET", "no such film\x1b[31m")
        tracker.track_request("/films", 0.25, 503, "POST", "no paper")
    done = run("report", "--last", "1h", "--history", path)
    assert done.returncode == 0, done.stderr
    for expected in ("GET /films", "POST /films", "no paper", "no such film", "503", "4xx", "5xx"):
        assert expected in done.stdout
    assert "\x1b" not in done.stdout
