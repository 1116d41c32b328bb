"""APIPerformanceTracker, to the letter of its documentation."""

from __future__ import annotations

import asyncio
import http
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from ptpd_monitoring import APIMetric, APIPerformanceTracker
from ptpd_monitoring.testing import ManualClock

WALL = 1_700_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=WALL)


@pytest.fixture
def tracker(clock: ManualClock) -> APIPerformanceTracker:
    return APIPerformanceTracker(clock=clock)


def test_a_request_is_kept_with_all_its_fields(tracker: APIPerformanceTracker) -> None:
    assert tracker.track_request("/a", 0.125, 404, "POST", "not found") is None
    tracker.track_request(endpoint="/b", duration=2, status=200)
    assert list(tracker._requests) == [
        APIMetric(
            endpoint="/a",
            duration_ms=125.0,
            status_code=404,
            timestamp=datetime.fromtimestamp(WALL),
            method="POST",
            error="not found",
        ),
        APIMetric(
            endpoint="/b",
            duration_ms=2000.0,
            status_code=200,
            timestamp=datetime.fromtimestamp(WALL),
            method="GET",
            error=None,
        ),
    ]


@pytest.mark.parametrize(
    ("status", "errors"), [(0, 0), (100, 0), (200, 0), (399, 0), (400, 1), (404, 1), (599, 1)]
)
def test_an_error_is_a_status_from_400_on(
    tracker: APIPerformanceTracker, status: int, errors: int
) -> None:
    tracker.track_request("/a", 0.1, status)
    stats = tracker.get_endpoint_stats("/a")
    assert (stats["error_count"], stats["error_rate"]) == (errors, float(errors))
    assert tracker.get_error_rate("/a") == errors


def test_an_error_text_alone_is_no_error(tracker: APIPerformanceTracker) -> None:
    tracker.track_request("/a", 0.1, 200, error="odd")
    assert tracker.get_error_rate("/a") == 0.0


def test_a_status_may_be_an_enumeration_or_a_numpy_integer(tracker: APIPerformanceTracker) -> None:
    tracker.track_request("/a", 0.1, http.HTTPStatus.NOT_FOUND)
    tracker.track_request("/a", 0.1, np.int32(500))
    codes = [request.status_code for request in tracker._requests]
    assert codes == [404, 500]
    assert {type(code) for code in codes} == {int}


@pytest.mark.parametrize(
    ("arguments", "kind", "named"),
    [
        ((None, 0.1, 200), TypeError, "endpoint"),
        (("\ud800", 0.1, 200), ValueError, "endpoint"),
        (("/a", "0.1", 200), TypeError, "duration"),
        (("/a", None, 200), TypeError, "duration"),
        (("/a", -math.inf, 200), ValueError, "duration"),
        (("/a", math.nan, 200), ValueError, "duration"),
        (("/a", math.inf, 200), ValueError, "duration"),
        (("/a", 0.1, "200"), TypeError, "status"),
        (("/a", 0.1, 200.0), TypeError, "status"),
        (("/a", 0.1, True), TypeError, "status"),
        (("/a", 0.1, None), TypeError, "status"),
        (("/a", 0.1, -1), ValueError, "status"),
        (("/a", 0.1, 10**9), ValueError, "status"),
        (("/a", 0.1, 200, 5), TypeError, "method"),
        (("/a", 0.1, 200, "GET", ValueError("x")), TypeError, "error"),
    ],
    ids=repr,
)
def test_a_wrong_argument_is_refused_by_name_and_nothing_tracked(
    tracker: APIPerformanceTracker, arguments: tuple[Any, ...], kind: type[Exception], named: str
) -> None:
    with pytest.raises(kind, match=rf"^{named} must be"):
        tracker.track_request(*arguments)
    assert tracker.generate_api_report() == {"total_requests": 0}


@pytest.mark.parametrize("wrong", [0, -5])
def test_a_history_of_nothing_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match=f"max_history must be .*{wrong}"):
        APIPerformanceTracker(max_history=wrong)
    with pytest.raises(TypeError, match="max_history"):
        APIPerformanceTracker(max_history="many")


# Context managers


def test_a_block_is_tracked_as_200(tracker: APIPerformanceTracker, clock: ManualClock) -> None:
    with tracker.track("/a", "POST"):
        clock.advance(0.25)
    with tracker.track(endpoint="/b"):
        pass
    assert [
        (r.endpoint, r.method, r.duration_ms, r.status_code, r.error) for r in tracker._requests
    ] == [
        ("/a", "POST", 250.0, 200, None),
        ("/b", "GET", 0.0, 200, None),
    ]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (ValueError("reason"), "reason"),
        (KeyError("k"), "'k'"),
        (Exception(), "Exception"),
        (Exception(" \n"), "Exception"),
        (TimeoutError(), "TimeoutError"),
        (KeyboardInterrupt("stop"), "stop"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(3), "3"),
        (SystemExit("no paper"), "no paper"),
        (Unprintable(), "Unprintable"),
        (ValueError("ü🦀\n"), "ü🦀\n"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_block_that_raises_is_tracked_as_500_and_its_exception_goes_on(
    tracker: APIPerformanceTracker,
    clock: ManualClock,
    raised: BaseException,
    text: str,
    asynchronous: bool,
) -> None:
    async def asynchronously() -> None:
        async with tracker.track("/a"):
            clock.advance(1)
            raise raised

    def synchronously() -> None:
        with tracker.track("/a"):
            clock.advance(1)
            raise raised

    def run() -> None:
        if not asynchronous:
            synchronously()
        # Not by an event loop, which has plans of its own for some of these exceptions.
        elif asynchronously().send(None) is None:
            pytest.fail("waited for something")

    with pytest.raises(type(raised)) as caught:
        run()
    assert caught.value is raised
    (request,) = tracker._requests
    assert (request.status_code, request.error, request.duration_ms) == (500, text, 1000.0)


def test_async_with_tracks_overlapping_tasks_each_on_its_own(
    tracker: APIPerformanceTracker, clock: ManualClock
) -> None:
    shared = tracker.track("/shared")

    async def work(gate: asyncio.Event) -> None:
        async with tracker.track("/own") as entered, shared:
            assert entered is not None
            await gate.wait()

    async def main() -> None:
        gates = [asyncio.Event() for _ in range(3)]
        tasks = []
        for gate in gates:
            tasks.append(asyncio.create_task(work(gate)))
            await asyncio.sleep(0)
            clock.advance(1)
        for gate, task in zip(gates, tasks, strict=True):
            gate.set()
            await task
            clock.advance(1)

    asyncio.run(main())
    assert tracker.get_response_times() == {"/shared": [3000.0] * 3, "/own": [3000.0] * 3}


def test_threads_track_at_the_same_time_and_nothing_is_lost() -> None:
    tracker = APIPerformanceTracker()
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        barrier.wait()
        for _ in range(200):
            with tracker.track("/shared"):
                pass
            tracker.track_request(f"/own{number}", 0.001, 200)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    report = tracker.generate_api_report()
    assert report["total_requests"] == 3_200
    assert report["endpoints"]["/shared"]["count"] == 1_600


@pytest.mark.parametrize(
    ("arguments", "kind", "named"),
    [
        ((None,), TypeError, "endpoint"),
        (("/a", 5), TypeError, "method"),
        (("\ud800",), ValueError, "endpoint"),
        (("/a", "\ud800"), ValueError, "method"),
    ],
)
def test_a_wrong_argument_of_a_block_is_refused_before_it_runs(
    tracker: APIPerformanceTracker, arguments: tuple[Any, ...], kind: type[Exception], named: str
) -> None:
    with pytest.raises(kind, match=named):
        tracker.track(*arguments)


def test_blocks_go_through_a_replaced_track_request(
    tracker: APIPerformanceTracker, clock: ManualClock
) -> None:
    calls: list[tuple[Any, ...]] = []
    tracker.track_request = lambda *args: calls.append(args)  # type: ignore[method-assign]
    with tracker.track("/a", "PUT"):
        clock.advance(2)
    with pytest.raises(ValueError, match="reason"), tracker.track("/b"):
        raise ValueError("reason")
    assert calls == [("/a", 2.0, 200, "PUT", None), ("/b", 0.0, 500, "GET", "reason")]
    assert len(tracker._requests) == 0


def test_blocks_go_through_an_overridden_track_request() -> None:
    class Loud(APIPerformanceTracker):
        def track_request(self, endpoint: str, *rest: Any, **named: Any) -> None:
            super().track_request(endpoint.upper(), *rest, **named)

    tracker = Loud()
    with tracker.track("/a"):
        pass
    assert list(tracker.get_response_times()) == ["/A"]


# Figures


def test_figures_equal_numpys() -> None:
    rng = np.random.default_rng(3)
    tracker = APIPerformanceTracker()
    durations: dict[str, list[float]] = {}
    errors: dict[str, int] = {}
    for seconds in rng.lognormal(-3, 1, 3_000):
        endpoint = f"/{rng.integers(7)}"
        status = int(rng.choice([200, 302, 404, 500]))
        tracker.track_request(endpoint, seconds, status)
        durations.setdefault(endpoint, []).append(float(seconds) * 1_000)
        errors[endpoint] = errors.get(endpoint, 0) + (status >= 400)
    assert tracker.get_response_times() == durations
    for endpoint, ms in durations.items():
        expected = {
            "count": len(ms),
            "error_count": errors[endpoint],
            "error_rate": errors[endpoint] / len(ms),
            "min_ms": np.min(ms),
            "max_ms": np.max(ms),
            "mean_ms": np.mean(ms),
            "median_ms": np.median(ms),
            "p90_ms": np.percentile(ms, 90),
            "p95_ms": np.percentile(ms, 95),
            "p99_ms": np.percentile(ms, 99),
        }
        stats = tracker.get_endpoint_stats(endpoint)
        assert stats == expected
        assert list(stats) == list(expected)
        assert [type(value) for value in stats.values()] == [int, int] + [float] * 8
        assert tracker.get_error_rate(endpoint) == expected["error_rate"]
    report = tracker.generate_api_report()
    together = [ms for group in durations.values() for ms in group]
    assert list(report) == [
        "total_requests",
        "total_errors",
        "overall_error_rate",
        "overall_mean_ms",
        "overall_median_ms",
        "overall_p95_ms",
        "endpoints",
        "slowest_endpoints",
        "highest_error_endpoints",
    ]
    assert report["total_requests"] == 3_000
    assert report["total_errors"] == sum(errors.values())
    assert report["overall_error_rate"] == sum(errors.values()) / 3_000
    assert report["overall_mean_ms"] == pytest.approx(np.mean(together), rel=1e-14)
    assert report["overall_median_ms"] == np.median(together)
    assert report["overall_p95_ms"] == np.percentile(together, 95)
    assert report["endpoints"] == {name: tracker.get_endpoint_stats(name) for name in durations}
    assert (
        report["slowest_endpoints"]
        == sorted(
            (
                {"endpoint": name, "p95_ms": float(np.percentile(ms, 95))}
                for name, ms in durations.items()
            ),
            key=lambda entry: -entry["p95_ms"],
        )[:5]
    )
    assert (
        report["highest_error_endpoints"]
        == sorted(
            (
                {"endpoint": name, "error_rate": errors[name] / len(ms)}
                for name, ms in durations.items()
            ),
            key=lambda entry: -entry["error_rate"],
        )[:5]
    )


def test_rankings_hold_five_and_leave_ties_in_order_of_first_use(
    tracker: APIPerformanceTracker,
) -> None:
    for name in "gfedcba":
        tracker.track_request(f"/{name}", 0.1, 200)
    report = tracker.generate_api_report()
    assert [entry["endpoint"] for entry in report["slowest_endpoints"]] == [
        "/g",
        "/f",
        "/e",
        "/d",
        "/c",
    ]
    assert report["highest_error_endpoints"] == [
        {"endpoint": f"/{name}", "error_rate": 0.0} for name in "gfedc"
    ]


def test_nothing_tracked_gives_exactly_the_documented_nothing(
    tracker: APIPerformanceTracker,
) -> None:
    assert tracker.generate_api_report() == {"total_requests": 0}
    assert tracker.get_endpoint_stats("/no") == {"count": 0}
    assert tracker.get_error_rate("/no") == 0.0
    assert tracker.get_response_times() == {}


def test_the_history_is_bounded_over_all_endpoints_together(clock: ManualClock) -> None:
    tracker = APIPerformanceTracker(max_history=3, clock=clock)
    for number in range(10):
        tracker.track_request(f"/{number % 4}", number, 500, "GET", f"error {number}")
    assert [(r.endpoint, r.duration_ms, r.error) for r in tracker._requests] == [
        ("/3", 7_000, "error 7"),
        ("/0", 8_000, "error 8"),
        ("/1", 9_000, "error 9"),
    ]
    assert tracker.get_endpoint_stats("/2") == {"count": 0}
    assert tracker.generate_api_report()["total_requests"] == 3
    assert list(tracker.get_response_times()) == ["/3", "/0", "/1"]


def test_errors_stay_with_their_requests_as_older_ones_fall_off() -> None:
    tracker = APIPerformanceTracker(max_history=7)
    for number in range(60):
        error = f"error {number}" if number % 3 == 0 else None
        tracker.track_request("/a", number, 200, f"M{number % 5}", error)
        for request in tracker._requests:
            at = int(request.duration_ms / 1_000)
            assert request.error == (f"error {at}" if at % 3 == 0 else None)
            assert request.method == f"M{at % 5}"


def test_a_range_of_time_holds_both_its_ends(
    tracker: APIPerformanceTracker, clock: ManualClock
) -> None:
    for number in range(5):
        tracker.track_request("/a", number, 500 if number == 3 else 200)
        clock.advance(1)
    start = datetime.fromtimestamp(WALL)
    inner = (start + timedelta(seconds=1), start + timedelta(seconds=3))
    stats = tracker.get_endpoint_stats("/a", inner)
    assert (stats["count"], stats["min_ms"], stats["max_ms"]) == (3, 1_000, 3_000)
    assert tracker.get_error_rate("/a", inner) == 1 / 3
    aware = tuple(end.astimezone(timezone(timedelta(hours=3))) for end in inner)
    assert tracker.get_endpoint_stats("/a", time_range=aware) == stats
    assert tracker.get_error_rate("/a", (datetime.min, datetime.max)) == 1 / 5
    before = (start - timedelta(days=2), start - timedelta(days=1))
    assert tracker.get_endpoint_stats("/a", before) == {"count": 0}
    assert tracker.get_error_rate("/a", before) == 0.0
    for method in (tracker.get_endpoint_stats, tracker.get_error_rate):
        with pytest.raises(ValueError, match="time_range"):
            method("/a", inner[::-1])
        with pytest.raises(TypeError, match="time_range"):
            method("/a", 5)
        with pytest.raises(TypeError, match="endpoint"):
            method(None)
