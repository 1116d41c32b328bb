"""Recording samples and reading them back."""

from __future__ import annotations

import array
import math
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from ptpd_monitoring import PerformanceMetric, PerformanceMonitor
from ptpd_monitoring.testing import ManualClock

WALL = 1_700_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=WALL)


@pytest.fixture
def monitor(clock: ManualClock) -> PerformanceMonitor:
    return PerformanceMonitor(clock=clock)


@pytest.mark.parametrize(
    "value",
    [
        0,
        -3,
        True,
        1.5,
        2**63 + 1025,
        -(10**30),
        Decimal("0.1"),
        Fraction(1, 3),
        np.float64(2.5),
        np.float32(0.1),
        np.float16(0.5),
        np.int8(-7),
        np.uint64(2**64 - 1),
        math.inf,
        -math.inf,
        5e-324,
        sys.float_info.max,
    ],
    ids=repr,
)
def test_any_kind_of_real_number_is_recorded_as_the_nearest_double(
    monitor: PerformanceMonitor, value: Any
) -> None:
    monitor.record_metric("op", value, "u")
    (metric,) = monitor.get_metrics("op")
    assert type(metric.value) is float
    assert metric.value == float(value)


def test_nan_and_negative_zero_are_kept(monitor: PerformanceMonitor) -> None:
    monitor.record_metric("op", math.nan, "u")
    monitor.record_metric("op", -0.0, "u")
    nan, zero = (metric.value for metric in monitor.get_metrics("op"))
    assert math.isnan(nan)
    assert math.copysign(1, zero) == -1


def test_an_object_with_float_or_index_is_a_number(monitor: PerformanceMonitor) -> None:
    class Length:
        def __float__(self) -> float:
            return 1.25

    class Count:
        def __index__(self) -> int:
            return 7

    monitor.record_metric("op", Length(), "u")
    monitor.record_metric("op", Count(), "u")
    assert monitor.values("op").tolist() == [1.25, 7]


@pytest.mark.parametrize(
    "wrong", ["1.5", b"1", None, 1j, [1.0], {}, object(), np.str_("1"), np.zeros(2)], ids=repr
)
def test_a_value_that_is_no_number_is_refused_by_name_and_value(
    monitor: PerformanceMonitor, wrong: object
) -> None:
    with pytest.raises(TypeError, match="value must be a number") as caught:
        monitor.record_metric("op", wrong, "u")
    assert repr(wrong)[:80] in str(caught.value)
    assert monitor.operations() == []


def test_a_value_beyond_every_double_is_refused(monitor: PerformanceMonitor) -> None:
    with pytest.raises(ValueError, match=r"value must be .*, got 1000000"):
        monitor.record_metric("op", 10**400, "u")
    assert monitor.operations() == []


def test_an_error_of_the_values_own_is_not_hidden(monitor: PerformanceMonitor) -> None:
    class Broken:
        def __float__(self) -> float:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        monitor.record_metric("op", Broken(), "u")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((None, 1, "u"), "name"),
        (("op", 1, 5), "unit"),
        (("op", 1, None), "unit"),
        (("op", 1, "u", [("a", 1)]), "metadata"),
        (("op", 1, "u", "text"), "metadata"),
    ],
)
def test_other_arguments_of_the_wrong_type_are_refused_by_name(
    monitor: PerformanceMonitor, arguments: tuple[Any, ...], named: str
) -> None:
    with pytest.raises(TypeError, match=named):
        monitor.record_metric(*arguments)
    assert monitor.operations() == []


def test_a_sample_is_a_performance_metric_with_all_its_fields(
    monitor: PerformanceMonitor,
) -> None:
    assert monitor.record_metric("users", 1250, "users", {"shard": 1}) is None
    (metric,) = monitor.get_metrics("users")
    assert metric == PerformanceMetric(
        metric_name="users",
        value=1250.0,
        unit="users",
        timestamp=datetime.fromtimestamp(WALL),
        metadata={"shard": 1},
    )
    assert metric.timestamp.tzinfo is None


def test_arguments_can_be_given_by_name(monitor: PerformanceMonitor) -> None:
    monitor.record_metric(name="op", value=1, unit="u", metadata=None)
    monitor.record_many(name="op", values=[2], unit="u")
    assert len(monitor.get_metrics(operation_name="op", time_range=None)) == 2


def test_metadata_is_copied_on_the_way_in(monitor: PerformanceMonitor) -> None:
    metadata = {"k": 1}
    monitor.record_metric("op", 1, "u", metadata)
    metadata["k"] = 2
    metadata["new"] = 3
    assert monitor.get_metrics("op")[0].metadata == {"k": 1}


def test_metadata_is_copied_on_the_way_out(monitor: PerformanceMonitor) -> None:
    monitor.record_metric("op", 1, "u", {"k": 1})
    monitor.record_metric("op", 1, "u")
    for metric in monitor.get_metrics("op"):
        metric.metadata["k"] = 2
        metric.metadata["new"] = 3
        metric.value = 99
        metric.timestamp = datetime(2000, 1, 1)
    first, second = monitor.get_metrics("op")
    assert (first.metadata, first.value) == ({"k": 1}, 1)
    assert (second.metadata, second.value) == ({}, 1)
    assert first.timestamp == datetime.fromtimestamp(WALL)


def test_one_metrics_metadata_is_the_same_dict_at_every_look(monitor: PerformanceMonitor) -> None:
    monitor.record_metric("op", 1, "u")
    (metric,) = monitor.get_metrics("op")
    metric.metadata["k"] = 1
    assert metric.metadata == {"k": 1}


def test_unknown_operations_have_no_samples(monitor: PerformanceMonitor) -> None:
    assert monitor.get_metrics("no") == []
    assert monitor.values("no").tolist() == []
    assert monitor.timestamps("no").tolist() == []


# Many at once


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: [1, 2.5, Fraction(1, 4)], [1, 2.5, 0.25]),
        (lambda: (1, np.float32(0.5)), [1, 0.5]),
        (lambda: range(3), [0, 1, 2]),
        (lambda: (number / 2 for number in range(3)), [0, 0.5, 1]),
        (lambda: array.array("f", [0.5, 1.5]), [0.5, 1.5]),
        (lambda: array.array("q", [-1, 2**53]), [-1, 2**53]),
        (lambda: np.array([0.1, 0.2], dtype=np.float32), np.float32([0.1, 0.2]).tolist()),
        (lambda: np.array([1, 2], dtype=np.int32), [1, 2]),
        (lambda: np.array([1, 2], dtype=np.uint8), [1, 2]),
        (lambda: np.array([True, False]), [1, 0]),
        (lambda: np.array([1.5, 2.5], dtype=">f8"), [1.5, 2.5]),
        (lambda: np.arange(10.0)[::3], [0, 3, 6, 9]),
        (lambda: np.arange(5.0)[::-1], [4, 3, 2, 1, 0]),
        (lambda: np.arange(6.0).reshape(2, 3)[:, 1], [1, 4]),
        (lambda: np.broadcast_to(np.float64(2), (3,)), [2, 2, 2]),
        (lambda: np.array([], dtype=float), []),
        (list, []),
        (lambda: memoryview(array.array("d", [1.5])), [1.5]),
    ],
)
def test_sequences_and_arrays_of_any_number_type_are_recorded_in_order(
    monitor: PerformanceMonitor, make: Callable[[], Any], expected: list[float]
) -> None:
    assert monitor.record_many("op", make(), "u") is None
    assert monitor.values("op").tolist() == expected
    assert monitor.operations() == (["op"] if expected else [])


def test_all_of_many_values_have_the_same_time_and_unit(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    monitor.record_many("op", [1, 2, 3], "ms")
    clock.advance(1)
    metrics = monitor.get_metrics("op")
    assert {metric.timestamp for metric in metrics} == {datetime.fromtimestamp(WALL)}
    assert {metric.unit for metric in metrics} == {"ms"}
    assert [metric.metadata for metric in metrics] == [{}, {}, {}]


def test_later_changes_of_the_array_do_not_reach_the_samples(monitor: PerformanceMonitor) -> None:
    values = np.arange(3.0)
    monitor.record_many("op", values, "u")
    values[:] = 9
    assert monitor.values("op").tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ("123", TypeError),
        (b"123", TypeError),
        (bytearray(b"1"), TypeError),
        (5, TypeError),
        (None, TypeError),
        (np.array(["1", "2"]), TypeError),
        (np.array([1j]), TypeError),
        (np.array(["2024-01-01"], dtype="datetime64[s]"), TypeError),
        (np.zeros((2, 2)), ValueError),
        (np.array(1.0), ValueError),
        ([1.0, 2.0, "3"], TypeError),
        ([1.0, None], TypeError),
        ([[1.0]], TypeError),
        ([1.0, 10**400], ValueError),
    ],
    ids=repr,
)
def test_values_that_are_not_all_numbers_change_nothing(
    monitor: PerformanceMonitor, wrong: object, kind: type[Exception]
) -> None:
    monitor.record_metric("op", 7, "u")
    with pytest.raises(kind, match="values"):
        monitor.record_many("op", wrong, "u")
    assert monitor.values("op").tolist() == [7]


def test_the_bad_one_of_many_values_is_named_by_its_place(monitor: PerformanceMonitor) -> None:
    with pytest.raises(TypeError, match=r"values\[2\] must be a number, got 'x'"):
        monitor.record_many("op", [1, 2, "x"], "u")


def test_an_iterator_that_raises_changes_nothing(monitor: PerformanceMonitor) -> None:
    def numbers() -> Any:
        yield 1
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        monitor.record_many("op", numbers(), "u")
    assert monitor.operations() == []


# As arrays


def test_values_and_times_are_new_arrays_of_their_own(
    monitor: PerformanceMonitor, clock: ManualClock
) -> None:
    monitor.record_metric("op", 1, "u")
    clock.advance(0.123456789)
    monitor.record_metric("op", 2, "u")
    values, times = monitor.values("op"), monitor.timestamps("op")
    assert (values.dtype, times.dtype) == (np.dtype("float64"), np.dtype("datetime64[ns]"))
    assert values.tolist() == [1, 2]
    assert times.astype("int64").tolist() == [WALL * 10**9, WALL * 10**9 + 123_456_789]
    values[:] = 0
    assert monitor.values("op").tolist() == [1, 2]


def test_times_are_utc_whatever_the_local_zone() -> None:
    script = (
        "from ptpd_monitoring import PerformanceMonitor\n"
        "from ptpd_monitoring.testing import ManualClock\n"
        "monitor = PerformanceMonitor(clock=ManualClock(wall=1_700_000_000))\n"
        "monitor.record_metric('op', 1, 'u')\n"
        "print(monitor.timestamps('op')[0], monitor.get_metrics('op')[0].timestamp)\n"
    )
    environment = {**os.environ, "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "2023-11-14T22:13:20.000000000 2023-11-15 07:13:20\n"


# Time ranges


def filled(clock: ManualClock, monitor: PerformanceMonitor) -> list[datetime]:
    """Five samples, one a second; their times."""
    for value in range(5):
        monitor.record_metric("op", value, "u")
        clock.advance(1)
    return [metric.timestamp for metric in monitor.get_metrics("op")]


def chosen(monitor: PerformanceMonitor, start: datetime, end: datetime) -> list[float]:
    return [metric.value for metric in monitor.get_metrics("op", (start, end))]


def test_a_range_holds_both_its_ends(clock: ManualClock, monitor: PerformanceMonitor) -> None:
    times = filled(clock, monitor)
    assert chosen(monitor, times[1], times[3]) == [1, 2, 3]
    assert chosen(monitor, times[2], times[2]) == [2]
    tick = timedelta(microseconds=1)
    assert chosen(monitor, times[1] + tick, times[3] - tick) == [2]
    assert chosen(monitor, times[4] + tick, times[4] + 2 * tick) == []


def test_a_range_made_from_a_shown_time_holds_its_sample(
    clock: ManualClock, monitor: PerformanceMonitor
) -> None:
    clock.advance(0.000_000_999)
    monitor.record_metric("op", 1, "u")
    (metric,) = monitor.get_metrics("op")
    assert chosen(monitor, metric.timestamp, metric.timestamp) == [1]


@pytest.mark.parametrize(
    "zone", [timezone.utc, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))]
)
def test_aware_times_mean_the_same_moment(
    clock: ManualClock, monitor: PerformanceMonitor, zone: timezone
) -> None:
    times = [time.astimezone(zone) for time in filled(clock, monitor)]
    assert chosen(monitor, times[1], times[3]) == [1, 2, 3]
    assert [m.value for m in monitor.get_metrics("op", [times[0], times[1]])] == [0, 1]


def test_the_ends_of_the_calendar_bound_nothing(
    clock: ManualClock, monitor: PerformanceMonitor
) -> None:
    times = filled(clock, monitor)
    assert chosen(monitor, datetime.min, datetime.max) == [0, 1, 2, 3, 4]
    assert chosen(monitor, datetime.min, times[1]) == [0, 1]
    assert chosen(monitor, times[3], datetime.max) == [3, 4]
    for zone in [timezone.utc, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]:
        ends = datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone)
        assert chosen(monitor, *ends) == [0, 1, 2, 3, 4]


def test_a_reversed_range_is_refused_by_name_and_value(
    clock: ManualClock, monitor: PerformanceMonitor
) -> None:
    times = filled(clock, monitor)
    with pytest.raises(ValueError, match="time_range must start before it ends") as caught:
        monitor.get_metrics("op", (times[1], times[0]))
    assert repr(times[1])[:20] in str(caught.value)
    with pytest.raises(ValueError, match="time_range"):
        monitor.get_metrics("unknown", (times[1], times[0]))


@pytest.mark.parametrize(
    "wrong",
    [
        5,
        "ab",
        (),
        (datetime.now(),),
        (datetime.now(),) * 3,
        (date.today(), date.today()),
        (0, 1),
        (None, datetime.now()),
        ("2024-01-01", "2024-01-02"),
    ],
    ids=repr,
)
def test_a_range_of_the_wrong_type_is_refused_by_name(
    monitor: PerformanceMonitor, wrong: object
) -> None:
    with pytest.raises(TypeError, match="time_range"):
        monitor.get_metrics("op", wrong)


def test_the_repeated_hour_of_autumn_is_told_apart_by_fold() -> None:
    script = (
        "from datetime import datetime, timezone\n"
        "from ptpd_monitoring import PerformanceMonitor\n"
        "from ptpd_monitoring.testing import ManualClock\n"
        "clock = ManualClock(wall=datetime(2024, 10, 27, 0, 30, tzinfo=timezone.utc).timestamp())\n"
        "monitor = PerformanceMonitor(clock=clock)\n"
        "monitor.record_metric('op', 1, 'u')\n"
        "clock.advance(3600)\n"
        "monitor.record_metric('op', 2, 'u')\n"
        "first, second = [metric.timestamp for metric in monitor.get_metrics('op')]\n"
        "assert first == second == datetime(2024, 10, 27, 2, 30)\n"
        "assert (first.fold, second.fold) == (0, 1)\n"
        "for time, value in [(first, 1), (second, 2)]:\n"
        "    (found,) = monitor.get_metrics('op', (time, time))\n"
        "    assert found.value == value\n"
    )
    environment = {**os.environ, "TZ": "Europe/Berlin"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
