"""PerformanceMonitor as an object: its history's bound, its operations, its arguments."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ptpd_monitoring import PerformanceMonitor
from ptpd_monitoring.testing import ManualClock


@pytest.mark.parametrize("bound", [1, 2, 7, 1_000])
def test_history_keeps_the_newest_samples_oldest_first(bound: int) -> None:
    monitor = PerformanceMonitor(max_history=bound)
    for value in range(bound + 50):
        monitor.record_metric("op", value, "u")
        # At first, and as it becomes full.
        if value % bound < 50:
            kept = [metric.value for metric in monitor.get_metrics("op")][-3:]
            assert kept == list(range(max(0, value - min(bound, 3) + 1), value + 1))
    assert monitor.get_statistics("op")["count"] == bound
    assert monitor.values("op").tolist() == list(range(50, bound + 50))


def test_history_is_bounded_for_each_operation_on_its_own() -> None:
    monitor = PerformanceMonitor(max_history=3)
    monitor.record_many("full", range(10), "u")
    monitor.record_metric("other", 1, "u")
    monitor.record_many("full", range(10, 20), "u")
    assert monitor.values("full").tolist() == [17, 18, 19]
    assert monitor.values("other").tolist() == [1]


def test_many_values_at_once_keep_the_newest() -> None:
    monitor = PerformanceMonitor(max_history=4)
    monitor.record_many("op", np.arange(1_000), "u")
    assert monitor.values("op").tolist() == [996, 997, 998, 999]


def test_units_and_metadata_stay_with_their_samples_as_older_ones_fall_off() -> None:
    monitor = PerformanceMonitor(max_history=5)
    for value in range(40):
        metadata = {"at": value} if value % 3 == 0 else None
        monitor.record_metric("op", value, f"u{value // 2}", metadata)
        for metric in monitor.get_metrics("op"):
            at = int(metric.value)
            assert metric.unit == f"u{at // 2}"
            assert metric.metadata == ({"at": at} if at % 3 == 0 else {})


def test_the_default_history_is_ten_thousand() -> None:
    monitor = PerformanceMonitor()
    monitor.record_many("op", np.zeros(10_001), "u")
    assert monitor.get_statistics("op")["count"] == 10_000


@pytest.mark.parametrize("wrong", [0, -1, -(10**30)])
def test_a_history_of_nothing_is_refused_by_name_and_value(wrong: int) -> None:
    with pytest.raises(ValueError, match=r"max_history must be .*got -?\d+"):
        PerformanceMonitor(max_history=wrong)


@pytest.mark.parametrize("wrong", ["10", 1.5, None, True, [1]])
def test_a_history_of_the_wrong_type_is_refused_by_name_and_value(wrong: object) -> None:
    with pytest.raises(TypeError, match="max_history") as caught:
        PerformanceMonitor(max_history=wrong)
    assert repr(wrong) in str(caught.value)


def test_a_history_without_practical_bound_takes_no_memory_before_it_is_used() -> None:
    monitor = PerformanceMonitor(max_history=2**70)
    monitor.record_metric("op", 1, "u")
    assert monitor.get_statistics("op")["count"] == 1


def test_a_clock_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="clock"):
        PerformanceMonitor(clock=object())


def test_initialising_again_with_less_history_drops_the_oldest() -> None:
    monitor = PerformanceMonitor(max_history=10)
    monitor.record_many("op", range(10), "u")
    monitor.__init__(max_history=3)  # type: ignore[misc]
    assert monitor.values("op").tolist() == [7, 8, 9]
    monitor.record_metric("op", 10, "u")
    assert monitor.values("op").tolist() == [8, 9, 10]


def test_operations_are_listed_in_order_of_first_use() -> None:
    monitor = PerformanceMonitor()
    for name in ["b", "a", "c", "a", "b"]:
        monitor.record_metric(name, 1, "u")
    assert monitor.operations() == ["b", "a", "c"]


def test_clearing_one_operation_leaves_the_others_and_their_order() -> None:
    monitor = PerformanceMonitor()
    for name in ["a", "b", "c"]:
        monitor.record_metric(name, 1, "u")
    monitor.clear_metrics("a")
    assert monitor.operations() == ["b", "c"]
    assert monitor.get_statistics("a") == {"count": 0}
    monitor.record_metric("a", 5, "v")
    assert monitor.operations() == ["b", "c", "a"]
    assert monitor.get_statistics("a")["unit"] == "v"


def test_clearing_everything_forgets_all_samples() -> None:
    monitor = PerformanceMonitor()
    for name in ["a", "b"]:
        monitor.record_metric(name, 1, "u", {"k": 1})
    monitor.clear_metrics()
    assert monitor.operations() == []
    assert monitor.export_metrics() == "[]"
    assert monitor.get_metrics("a") == []


def test_clearing_an_unknown_operation_changes_nothing() -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("a", 1, "u")
    monitor.clear_metrics("no")
    assert monitor.operations() == ["a"]


def test_clearing_leaves_running_timers_alone() -> None:
    clock = ManualClock()
    monitor = PerformanceMonitor(clock=clock)
    monitor.start_timer("op")
    with monitor.timer("block"):
        clock.advance(1)
        monitor.clear_metrics()
    assert monitor.stop_timer("op") == 1
    assert monitor.values("block").tolist() == [1]


@pytest.mark.parametrize(
    ("method", "argument"),
    [
        ("start_timer", "operation_name"),
        ("stop_timer", "operation_name"),
        ("timer", "operation_name"),
        ("get_metrics", "operation_name"),
        ("get_average", "operation_name"),
        ("get_percentiles", "operation_name"),
        ("get_statistics", "operation_name"),
        ("values", "operation_name"),
        ("timestamps", "operation_name"),
        ("session", "session_id"),
    ],
)
@pytest.mark.parametrize(
    ("wrong", "kind"),
    [(None, TypeError), (3.5, TypeError), (b"x", TypeError), ("\ud800", ValueError)],
)
def test_a_wrong_name_is_refused_at_once_with_argument_and_value(
    method: str, argument: str, wrong: object, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=argument) as caught:
        getattr(PerformanceMonitor(), method)(wrong)
    assert repr(wrong) in str(caught.value)


def test_any_text_can_be_a_name() -> None:
    monitor = PerformanceMonitor()
    names = ["", " ", "a\0b", "Ü🦀", "x" * 10_000, "%s {}", "\n"]
    for name in names:
        monitor.record_metric(name, 1, "u")
        with monitor.timer(name):
            pass
    assert monitor.operations() == names
    assert all(len(monitor.get_metrics(name)) == 2 for name in names)


def test_recording_reading_and_clearing_from_many_threads_loses_nothing_else() -> None:
    monitor = PerformanceMonitor(max_history=500)
    stop = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                for metric in monitor.get_metrics("shared"):
                    assert metric.metadata == {"value": metric.value}
                monitor.get_statistics("shared")
                monitor.export_metrics("csv")
                monitor.clear_metrics("other")
        except BaseException as failure:
            failures.append(failure)

    def write(number: int) -> None:
        try:
            for value in range(1_000):
                monitor.record_metric("shared", value, "u", {"value": value})
                monitor.record_metric("other", value, "u")
                monitor.record_metric(f"own{number}", value, "u")
        except BaseException as failure:
            failures.append(failure)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert failures == []
    assert len(monitor.get_metrics("shared")) == 500
    for number in range(4):
        assert monitor.values(f"own{number}").tolist() == list(range(500, 1_000))
