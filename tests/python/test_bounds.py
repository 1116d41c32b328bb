"""What happens past the bounds of names, endpoints, methods, running timers and texts."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ptpd_monitoring import (
    APIPerformanceTracker,
    ImageProcessingProfiler,
    PerformanceMonitor,
    PerformanceReport,
)

LOGGER = "ptpd_calibration.monitoring"
OTHERS = "(other operations)"
MAX_RUNNING = 10_000
MAX_METHODS = 100


def full_monitor() -> PerformanceMonitor:
    monitor = PerformanceMonitor(max_operations=2)
    monitor.record_metric("a", 1, "u")
    monitor.record_metric("b", 2, "u")
    return monitor


def with_block(monitor: PerformanceMonitor) -> None:
    with monitor.timer("new"):
        pass


def by_name(monitor: PerformanceMonitor) -> None:
    monitor.start_timer("new")
    monitor.stop_timer("new")


def decorated(monitor: PerformanceMonitor) -> None:
    monitor.timer("new")(lambda: None)()


WAYS: list[tuple[Callable[[PerformanceMonitor], Any], int]] = [
    (lambda monitor: monitor.record_metric("new", 3, "u"), 1),
    (lambda monitor: monitor.record_metric("new", 3, "u", {"k": 1}), 1),
    (lambda monitor: monitor.record_many("new", [3, 4, 5], "u"), 3),
    (with_block, 1),
    (by_name, 1),
    (decorated, 1),
    (lambda monitor: ImageProcessingProfiler(monitor).profile_operation(len, []), 2),
    (lambda monitor: ImageProcessingProfiler(monitor).track_memory_usage("new"), 1),
]


@pytest.mark.parametrize(("way", "samples"), WAYS)
def test_a_new_name_past_the_bound_goes_to_the_others_however_it_is_recorded(
    way: Callable[[PerformanceMonitor], Any], samples: int
) -> None:
    monitor = full_monitor()
    assert (monitor.overflowed, monitor.max_operations) == (0, 2)
    way(monitor)
    assert monitor.operations() == ["a", "b", OTHERS]
    assert len(monitor.get_metrics(OTHERS)) == samples
    assert monitor.overflowed == samples
    assert monitor.get_statistics("new") == {"count": 0}


def test_known_names_are_recorded_as_ever_when_names_are_full() -> None:
    monitor = full_monitor()
    monitor.record_metric("c", 3, "u")
    monitor.record_metric("a", 4, "u", {"k": 1})
    assert monitor.values("a").tolist() == [1, 4]
    assert monitor.get_metrics("a")[1].metadata == {"k": 1}
    assert monitor.overflowed == 1


def test_the_overflow_keeps_units_metadata_and_sessions_apart() -> None:
    monitor = full_monitor()
    with monitor.session("s"):
        monitor.record_metric("c", 3, "MB", {"k": 1})
    with monitor.timer("d"):
        pass
    first, second = monitor.get_metrics(OTHERS)
    assert (first.unit, first.metadata) == ("MB", {"k": 1, "session_id": "s"})
    assert (second.unit, second.metadata) == ("seconds", {"type": "timer"})
    session = PerformanceReport(monitor).generate_session_report("s")
    assert session["operations"][OTHERS]["count"] == 1


def test_clearing_frees_names_again() -> None:
    monitor = full_monitor()
    monitor.record_metric("c", 3, "u")
    monitor.clear_metrics("a")
    monitor.record_metric("c", 4, "u")
    assert monitor.values("c").tolist() == [4]
    monitor.clear_metrics()
    for name in ("x", "y", "z"):
        monitor.record_metric(name, 1, "u")
    assert monitor.operations() == ["x", "y", OTHERS]
    assert monitor.overflowed == 2


def test_reports_and_exports_show_the_others_like_any_operation() -> None:
    monitor = full_monitor()
    monitor.record_metric("c", 3, "u")
    assert OTHERS in PerformanceReport(monitor).generate_daily_report()["operations"]
    assert f'"{OTHERS}"' in monitor.export_metrics()
    assert monitor.export_metrics("csv", operation_name=OTHERS).count(OTHERS) == 1


@pytest.mark.parametrize(
    ("make", "argument"),
    [(PerformanceMonitor, "max_operations"), (APIPerformanceTracker, "max_endpoints")],
)
def test_a_wrong_bound_is_refused_by_name_and_value_and_changes_nothing(
    make: Any, argument: str
) -> None:
    made = make(7, **{argument: 9})
    for wrong in (0, -1, -(10**30)):
        with pytest.raises(ValueError, match=rf"{argument} must be .*got -?\d+"):
            make(**{argument: wrong})
        with pytest.raises(ValueError, match=argument):
            made.__init__(3, **{argument: wrong})
    for strange in ("10", 1.5, None, True):
        with pytest.raises(TypeError, match=argument) as caught:
            make(**{argument: strange})
        assert repr(strange) in str(caught.value)
    with pytest.raises(ValueError, match="max_history"):
        made.__init__(0, **{argument: 3})
    assert (made._max_history, getattr(made, argument)) == (7, 9)
    made.__init__(8, **{argument: 10**30})
    assert getattr(made, argument) >= 2**62


def test_a_subclass_without_our_init_is_bounded_by_default() -> None:
    class Lazy(PerformanceMonitor):
        def __init__(self) -> None:
            pass

    assert Lazy().max_operations == 10_000


def test_the_default_bound_is_ten_thousand_names() -> None:
    monitor = PerformanceMonitor()
    for number in range(10_002):
        monitor.record_metric(f"op{number}", 1, "u")
    assert len(monitor.operations()) == 10_001
    assert monitor.overflowed == 2


def overflow(monitor: PerformanceMonitor) -> None:
    for name in ("p", "q", "r"):
        monitor.record_metric(name, 1, "u")


def forget_timers(monitor: PerformanceMonitor) -> None:
    for number in range(MAX_RUNNING + 2):
        monitor.start_timer(str(number))


@pytest.mark.parametrize(
    ("work", "told"), [(overflow, "max_operations"), (forget_timers, "timers_forgotten")]
)
def test_the_log_warns_of_the_first_beyond_a_bound_and_once_only(
    work: Callable[[PerformanceMonitor], None], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = full_monitor()
    with caplog.at_level(logging.WARNING, LOGGER):
        work(monitor)
        work(monitor)
        work(full_monitor())
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert all(record.name == LOGGER and told in record.message for record in caplog.records)


def test_the_oldest_of_too_many_running_timers_is_forgotten_and_counted() -> None:
    monitor = PerformanceMonitor()
    forget_timers(monitor)
    assert monitor.timers_forgotten == 2
    assert len(monitor._timers) == MAX_RUNNING
    assert "1" not in monitor._timers
    assert monitor.stop_timer("2") is not None


@pytest.mark.thread_unsafe(reason="the logger is the whole process's")
def test_a_logging_handler_may_use_the_monitor_that_warns() -> None:
    monitor = full_monitor()

    class Recorder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            monitor.record_metric("logged", 1, "records")
            monitor.clear_metrics("a")
            monitor.get_statistics("b")
            monitor.start_timer("x")

    handler = Recorder()
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    try:
        worker = threading.Thread(target=lambda: monitor.record_metric("c", 1, "u"), daemon=True)
        worker.start()
        worker.join(120)
        assert not worker.is_alive()
    finally:
        logger.removeHandler(handler)
    assert monitor.overflowed == 2
    assert monitor.operations() == ["b", OTHERS]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_logger_that_fails_loses_no_sample_and_no_exception_of_the_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*args: object) -> None:
        raise OSError("no log today")

    unraisable: list[Any] = []
    monkeypatch.setattr(logging.getLogger(LOGGER), "warning", broken)
    monkeypatch.setattr(sys, "unraisablehook", lambda hook: unraisable.append(hook.exc_value))
    monitor = full_monitor()
    with pytest.raises(KeyError, match="of the block"), monitor.timer("c"):
        raise KeyError("of the block")
    assert monitor.overflowed == 1
    assert [str(error) for error in unraisable] == ["no log today"]


def test_endpoints_past_the_bound_count_together_and_old_ones_make_room() -> None:
    tracker = APIPerformanceTracker(max_history=4, max_endpoints=2)
    for endpoint in ("/a", "/b", "/c", "/d"):
        tracker.track_request(endpoint, 0.5, 200)
    assert list(tracker.get_response_times()) == ["/a", "/b", "(other endpoints)"]
    assert tracker.get_endpoint_stats("(other endpoints)")["count"] == 2
    assert (tracker.overflowed, tracker.max_endpoints) == (2, 2)
    tracker.track_request("/e", 0.5, 200)  # /a has fallen off
    with pytest.raises(KeyError), tracker.track("/f"):
        raise KeyError
    assert list(tracker.get_response_times()) == ["(other endpoints)", "/e", "/f"]
    assert tracker.overflowed == 2


def test_the_log_warns_once_of_endpoints_and_once_of_methods(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tracker = APIPerformanceTracker(max_endpoints=1)
    with caplog.at_level(logging.WARNING, LOGGER):
        for number in range(MAX_METHODS + 3):
            tracker.track_request(f"/{number}", 0.1, 200, method=f"M{number}")
    assert ["max_endpoints" in r.message for r in caplog.records] == [True, False]
    assert "'/1'" in caplog.records[0].message
    assert "methods_overflowed" in caplog.records[1].message
    assert (tracker.overflowed, tracker.methods_overflowed) == (MAX_METHODS + 2, 3)
    assert [request.method for request in tracker._requests][-4:] == ["M99"] + ["(other)"] * 3


@pytest.mark.parametrize("character", ["x", "ß", "🦀"])
def test_a_long_error_is_cut_visibly_and_a_short_one_is_not(character: str) -> None:
    tracker = APIPerformanceTracker()
    for length in (999, 1_000, 1_001, 50_000):
        tracker.track_request("/", 0.1, 500, error=character * length)
    with pytest.raises(ValueError), tracker.track("/"):
        raise ValueError(character * 2_000)
    kept = [request.error for request in tracker._requests]
    cut = character * 999 + "…"
    assert kept == [character * 999, character * 1_000, cut, cut, cut]
