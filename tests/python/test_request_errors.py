"""The last errors of a tracker, its methods told apart, and forgetting all of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from history_support import query
from ptpd_monitoring import APIPerformanceTracker, History
from ptpd_monitoring.testing import ManualClock

WALL = 1_700_000_000
START = datetime.fromtimestamp(WALL)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=WALL)


@pytest.fixture
def tracker(clock: ManualClock) -> APIPerformanceTracker:
    return APIPerformanceTracker(clock=clock)


def test_the_last_different_errors_are_told_with_how_often_and_when(
    tracker: APIPerformanceTracker, clock: ManualClock
) -> None:
    for endpoint, status, error in [
        ("/print", 503, "no paper"),
        ("/print", 200, None),
        ("/curves", 404, None),
        ("/print", 503, "no paper"),
    ]:
        tracker.track_request(endpoint, 0.1, status, error=error)
        clock.advance(1)
    paper = {
        "endpoint": "/print",
        "method": "GET",
        "status": 503,
        "error": "no paper",
        "count": 2,
        "first": START,
        "last": START + timedelta(seconds=3),
    }
    curves = {
        "endpoint": "/curves",
        "method": "GET",
        "status": 404,
        "error": None,
        "count": 1,
        "first": START + timedelta(seconds=2),
        "last": START + timedelta(seconds=2),
    }
    assert tracker.get_errors() == [paper, curves]
    assert list(tracker.get_errors()[0]) == list(paper)
    assert tracker.get_errors("/curves") == tracker.get_errors(endpoint="/curves") == [curves]
    assert tracker.get_errors("/none") == []
    with pytest.raises(TypeError, match="endpoint must be a str"):
        tracker.get_errors(5)  # type: ignore[arg-type]


def test_errors_outlive_the_requests_that_push_theirs_out(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(max_history=5, clock=clock)
    tracker.track_request("/print", 0.1, 500, error="no paper")
    for _ in range(100):
        tracker.track_request("/print", 0.1, 200)
    assert tracker.get_error_rate("/print") == 0.0
    assert [error["error"] for error in tracker.get_errors()] == ["no paper"]


def test_errors_are_bounded_and_one_endpoint_leaves_those_of_others(
    tracker: APIPerformanceTracker, clock: ManualClock
) -> None:
    tracker.track_request("/quiet", 0.1, 500, error="rare")
    for number in range(1_000):
        clock.advance(1)
        tracker.track_request("/noisy", 0.1, 500, error=f"no print {number}")
    assert [error["error"] for error in tracker.get_errors("/noisy")] == [
        f"no print {number}" for number in range(999, 979, -1)
    ]
    assert [error["error"] for error in tracker.get_errors("/quiet")] == ["rare"]
    for number in range(300):
        clock.advance(1)
        tracker.track_request(f"/{number}", 0.1, 404)
    assert len(tracker.get_errors()) == 200
    assert tracker.get_errors("/quiet") == []


def test_a_long_text_is_shortened(tracker: APIPerformanceTracker) -> None:
    for ending in ("a", "b"):
        tracker.track_request("/print", 0.1, 500, error="x" * 5_000 + ending)
    (error,) = tracker.get_errors()
    assert (error["count"], error["error"]) == (2, "x" * 999 + "…")


def test_methods_of_an_endpoint_are_told_apart() -> None:
    rng = np.random.default_rng(4)
    tracker = APIPerformanceTracker()
    seconds = {"GET": rng.random(200), "POST": rng.random(70), "get": rng.random(3)}
    for method, durations in seconds.items():
        for number, duration in enumerate(durations):
            status = 500 if method == "POST" and number % 7 == 0 else 200
            tracker.track_request("/films", float(duration), status, method)
    for method, durations in seconds.items():
        stats = tracker.get_endpoint_stats("/films", method=method)
        assert stats["count"] == len(durations)
        assert stats["p95_ms"] == pytest.approx(np.percentile(durations * 1_000, 95), rel=1e-12)
        assert stats["error_count"] == (10 if method == "POST" else 0)
    assert tracker.get_error_rate("/films", method="POST") == 1 / 7
    assert tracker.get_endpoint_stats("/films", None, "POST") == tracker.get_endpoint_stats(
        "/films", method="POST"
    )
    assert tracker.get_endpoint_stats("/films")["count"] == 273
    assert tracker.get_endpoint_stats("/films", method="DELETE") == {"count": 0}
    assert tracker.get_endpoint_stats("/none", method="GET") == {"count": 0}
    with pytest.raises(TypeError, match="method must be a str"):
        tracker.get_endpoint_stats("/films", method=5)  # type: ignore[arg-type]


def test_a_method_and_a_range_of_time_go_together(
    tracker: APIPerformanceTracker, clock: ManualClock
) -> None:
    for method in ("GET", "POST", "GET", "POST"):
        tracker.track_request("/films", 0.1, 200, method)
        clock.advance(1)
    inner = (START + timedelta(seconds=1), START + timedelta(seconds=2))
    assert tracker.get_endpoint_stats("/films", inner, "GET")["count"] == 1


def test_clearing_forgets_all_but_what_is_counted(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(max_endpoints=1, clock=clock)
    for endpoint in ("/a", "/b"):
        tracker.track_request(endpoint, 0.1, 500, error="text")
    assert tracker.clear() is None
    assert tracker.generate_api_report() == {"total_requests": 0}
    assert tracker.get_endpoint_stats("/a") == {"count": 0}
    assert tracker.get_response_times() == {}
    assert tracker.get_errors() == []
    assert len(tracker._requests) == 0
    assert tracker.overflowed == 1
    # There is room for another one.
    tracker.track_request("/b", 0.1, 500, error="later")
    assert [request.error for request in tracker._requests] == ["later"]
    assert list(tracker.get_response_times()) == ["/b"]
    tracker.clear()
    tracker.clear()


def test_a_history_keeps_errors_and_what_a_tracker_forgets(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with History(path) as history:
        tracker = APIPerformanceTracker(history=history)
        for _ in range(3):
            tracker.track_request("/print", 0.1, 503, "POST", "no paper")
        tracker.clear()
        tracker.track_request("/print", 0.1, 404)
        assert history.flush()
        assert history.check() == []
    sql = (
        "SELECT name, method, status, error, errors.count FROM errors"
        " JOIN series ON series.id = series WHERE seconds = ? ORDER BY status"
    )
    expected = [("/print", "GET", 404, "", 1), ("/print", "POST", 503, "no paper", 3)]
    assert query(path, sql, 60) == expected
    assert query(path, sql, 3_600) == expected
    assert query(path, "SELECT sum(count) FROM hours") == [(4,)]
