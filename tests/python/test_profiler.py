"""ImageProcessingProfiler: names, figures, bottlenecks."""

from __future__ import annotations

import contextlib
import functools
import math
import operator
import sys
import threading
from typing import Any
from unittest import mock

import numpy as np
import psutil
import pytest

from ptpd_monitoring import ImageProcessingProfiler, PerformanceMonitor
from ptpd_monitoring.testing import ManualClock
from tries import passes_in_one_of_several

MB = 1024 * 1024


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=1_700_000_000)


@pytest.fixture
def profiler(clock: ManualClock) -> ImageProcessingProfiler:
    return ImageProcessingProfiler(PerformanceMonitor(clock=clock))


def record_wall_times(profiler: ImageProcessingProfiler, name: str, *times: float) -> None:
    for seconds in times:
        profiler.monitor.record_metric(f"{name}_wall_time", seconds, "seconds")


# What a profile says


def test_a_call_gives_its_result_and_its_profile(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    def sharpen(image: str, *, radius: int = 1) -> tuple[str, int]:
        clock.advance(1.5)
        return image, radius

    result, profile = profiler.profile_operation(sharpen, "image", radius=3)
    assert result == ("image", 3)
    assert profile["operation"] == "sharpen"
    assert profile["success"] is True
    assert profile["wall_time_s"] == 1.5
    assert profile["cpu_time_s"] >= 0
    assert {type(profile[key]) for key in profile if key.endswith(("_s", "_mb"))} == {float}
    assert "error" not in profile
    assert "pixels" not in profile


def test_a_call_is_recorded_with_its_profile_as_metadata(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    def sharpen() -> None:
        clock.advance(1.5)

    _, profile = profiler.profile_operation(sharpen)
    assert profiler.monitor.operations() == ["sharpen_wall_time", "sharpen_memory"]
    (wall,) = profiler.monitor.get_metrics("sharpen_wall_time")
    (memory,) = profiler.monitor.get_metrics("sharpen_memory")
    assert (wall.value, wall.unit, wall.metadata) == (1.5, "seconds", profile)
    assert (memory.value, memory.unit) == (profile["memory_delta_mb"], "MB")
    assert memory.metadata == profile
    profile["operation"] = "changed"
    assert profiler.monitor.get_metrics("sharpen_wall_time")[0].metadata["operation"] == "sharpen"


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("raised", "text"),
    [(ValueError("reason"), "reason"), (KeyboardInterrupt(), ""), (Unprintable(), "Unprintable")],
    ids=repr,
)
def test_a_call_that_raises_is_recorded_as_failed_and_its_exception_goes_on(
    profiler: ImageProcessingProfiler, clock: ManualClock, raised: BaseException, text: str
) -> None:
    def fail() -> None:
        clock.advance(2)
        raise raised

    with pytest.raises(type(raised)) as caught:
        profiler.profile_operation(fail)
    assert caught.value is raised
    (wall,) = profiler.monitor.get_metrics("fail_wall_time")
    (memory,) = profiler.monitor.get_metrics("fail_memory")
    assert wall.value == 2
    assert wall.metadata == memory.metadata
    assert wall.metadata["operation"] == "fail"
    assert wall.metadata["success"] is False
    assert wall.metadata["error"] == text


def test_calls_may_nest_and_run_at_the_same_time(profiler: ImageProcessingProfiler) -> None:
    def inner() -> int:
        return 1

    def outer() -> int:
        return profiler.profile_operation(inner)[0] + 1

    def work() -> None:
        for _ in range(20):
            assert profiler.profile_operation(outer)[0] == 2

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(profiler.monitor.get_metrics("outer_wall_time")) == 80
    assert len(profiler.monitor.get_metrics("inner_wall_time")) == 80


def test_the_time_of_the_processor_is_counted() -> None:
    def work() -> None:
        deadline = 200_000
        while deadline:
            deadline -= 1

    _, profile = ImageProcessingProfiler().profile_operation(work)
    assert profile["cpu_time_s"] > 0


def test_keywords_named_like_the_parameters_reach_the_function(
    profiler: ImageProcessingProfiler,
) -> None:
    def collect(**named: int) -> dict[str, int]:
        return named

    given = {"func": 1, "self": 2, "args": 3, "kwargs": 4, "operation": 5}
    result, _ = profiler.profile_operation(collect, **given)
    assert result == given


@pytest.mark.parametrize("wrong", [None, 3, "text"])
def test_only_callables_can_be_profiled(profiler: ImageProcessingProfiler, wrong: object) -> None:
    with pytest.raises(TypeError, match="func"):
        profiler.profile_operation(wrong)
    assert profiler.monitor.operations() == []


# Names


class Filter:
    """Callables of several kinds."""

    def method(self, *_: object) -> None: ...

    @classmethod
    def of_class(cls, *_: object) -> None: ...

    @staticmethod
    def static(*_: object) -> None: ...

    def __call__(self, *_: object) -> None: ...


def plain(*_: object) -> None: ...


@functools.wraps(plain)
def wrapped(*_: object) -> None: ...


class Raising:
    """A callable that answers every question with an error."""

    def __call__(self) -> None: ...

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (plain, (), "plain"),
        (wrapped, (), "plain"),
        (functools.lru_cache(plain), (), "plain"),
        (functools.partial(plain, 1), (), "plain"),
        (functools.partial(functools.partial(plain, 1), 2), (), "plain"),
        (functools.partial(Filter()), (), "Filter"),
        (functools.partial(Filter().method), (), "Filter.method"),
        (functools.partial(max, 1), (2,), "max"),
        (Filter().method, (), "Filter.method"),
        (Filter.of_class, (), "Filter.of_class"),
        (Filter().static, (), "Filter.static"),
        (Filter(), (), "Filter"),
        (Filter, (), "Filter"),
        (len, ([],), "len"),
        ([].append, (1,), "list.append"),
        (np.sort, ([1],), "sort"),
        (np.add, (1, 2), "add"),
        (operator.itemgetter(0), ([1],), "itemgetter"),
        (Raising(), (), "Raising"),
        (mock.MagicMock(), (), "MagicMock"),
    ],
    ids=repr,
)
def test_a_profile_is_named_by_the_function_method_or_class_behind_the_callable(
    profiler: ImageProcessingProfiler, function: Any, arguments: tuple[Any, ...], name: str
) -> None:
    _, profile = profiler.profile_operation(function, *arguments)
    assert profile["operation"] == name
    assert profiler.monitor.operations() == [f"{name}_wall_time", f"{name}_memory"]


class Smaller(Filter):
    """Inherits its methods, but for one that calls the one that it replaces."""

    def method(self, *_: object) -> None:
        ImageProcessingProfiler(RECORDS).profile_operation(super().method)


class Larger(Filter): ...


RECORDS = PerformanceMonitor()


def test_methods_of_two_classes_are_two_operations(profiler: ImageProcessingProfiler) -> None:
    for method in (Larger().method, Larger.of_class, Smaller.of_class, [].sort, bytearray().clear):
        profiler.profile_operation(method)
    names = profiler.monitor.operations()
    assert [name.removesuffix("_wall_time") for name in names if name.endswith("_time")] == [
        "Larger.method",
        "Larger.of_class",
        "Smaller.of_class",
        "list.sort",
        "bytearray.clear",
    ]


@pytest.mark.thread_unsafe(reason="counts what one monitor has recorded")
def test_a_method_and_the_one_that_it_replaces_are_two_operations(
    profiler: ImageProcessingProfiler,
) -> None:
    RECORDS.clear_metrics()
    _, profile = profiler.profile_operation(Smaller().method)
    assert profile["operation"] == "Smaller.method"
    assert RECORDS.operations() == ["Filter.method_wall_time", "Filter.method_memory"]


def test_functions_keep_their_names_wherever_they_are_defined(
    profiler: ImageProcessingProfiler,
) -> None:
    def sharpen() -> None: ...

    assert profiler.profile_operation(sharpen)[1]["operation"] == "sharpen"
    profiler.profile_operation(type("Local", (), {"run": lambda _: None})().run)


def test_lambdas_of_two_places_are_two_operations(profiler: ImageProcessingProfiler) -> None:
    steps = [lambda: 1,
             lambda: 2]  # fmt: skip
    for step in steps * 2:
        profiler.profile_operation(step)
    first, second = (name for name in profiler.monitor.operations() if name.endswith("_time"))
    line = steps[0].__code__.co_firstlineno
    assert first.startswith(f"<lambda> ({__name__}:{line}")
    assert second.startswith(f"<lambda> ({__name__}:{line + 1}")
    assert len(profiler.monitor.get_metrics(first)) == 2


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python does not tell the column")
def test_lambdas_of_one_line_are_two_operations(profiler: ImageProcessingProfiler) -> None:
    for step in (lambda: [1], lambda: [2]):
        profiler.profile_operation(functools.partial(step))
    assert len(profiler.monitor.operations()) == 4


# Memory


@pytest.mark.thread_unsafe(reason="measures the whole process")
def test_memory_figures_are_those_of_the_process() -> None:
    profiler = ImageProcessingProfiler()
    _, profile = profiler.profile_operation(lambda: None)
    rss = psutil.Process().memory_info().rss / MB
    assert profile["memory_after_mb"] == pytest.approx(rss, abs=16)
    assert profile["memory_peak_mb"] >= profile["memory_after_mb"]
    assert profile["memory_peak_mb"] >= profile["memory_after_mb"] - profile["memory_delta_mb"]


@pytest.mark.thread_unsafe(reason="measures the whole process")
def test_memory_that_a_call_keeps_shows_in_the_difference() -> None:
    def check() -> None:
        profiler = ImageProcessingProfiler()
        kept, profile = profiler.profile_operation(lambda: np.ones(64 * MB // 8))
        assert kept.nbytes == 64 * MB
        assert 56 < profile["memory_delta_mb"] < 96

    passes_in_one_of_several(check)


@pytest.mark.thread_unsafe(reason="measures the whole process")
def test_the_peak_sees_memory_that_is_freed_before_the_call_returns() -> None:
    # More than the process ever had, which the system remembers; less may be over between two readings.
    resource = pytest.importorskip("resource", reason="this system does not tell the most it had")
    unit = 1 if sys.platform == "darwin" else 1024
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    size = max(highest - psutil.Process().memory_info().rss, 0) + 64 * MB

    def spike() -> float:
        return float(np.ones(size // 8).sum())

    profiler = ImageProcessingProfiler()
    _, profile = profiler.profile_operation(spike)
    before = profile["memory_after_mb"] - profile["memory_delta_mb"]
    assert profile["memory_peak_mb"] >= before + 56
    assert profile["memory_peak_mb"] >= profile["memory_after_mb"]
    assert profile["memory_delta_mb"] < 32


@pytest.mark.thread_unsafe(reason="measures the whole process")
def test_memory_statistics_agree_with_psutil() -> None:
    def check() -> None:
        stats = ImageProcessingProfiler().get_memory_stats()
        process = psutil.Process().memory_info()
        assert list(stats) == ["rss_mb", "vms_mb", "percent", "available_mb"]
        assert {type(value) for value in stats.values()} == {float}
        assert stats["rss_mb"] == pytest.approx(process.rss / MB, abs=8)
        assert stats["vms_mb"] == pytest.approx(process.vms / MB, rel=0.05)
        assert 0 < stats["percent"] <= 100
        assert 0 < stats["available_mb"] <= psutil.virtual_memory().total / MB

    passes_in_one_of_several(check)


@pytest.mark.thread_unsafe(reason="measures the whole process")
def test_memory_snapshots_are_recorded_and_remembered(profiler: ImageProcessingProfiler) -> None:
    assert profiler.track_memory_usage("load") is None
    profiler.track_memory_usage("load")
    profiler.track_memory_usage("save")
    first, second = profiler.monitor.get_metrics("load_memory_snapshot")
    assert (first.unit, second.unit) == ("MB", "MB")
    assert second.value == pytest.approx(psutil.Process().memory_info().rss / MB, abs=8)
    assert set(profiler._memory_tracking) == {"load", "save"}
    assert profiler._memory_tracking["load"] == second.value
    with pytest.raises(TypeError, match="operation"):
        profiler.track_memory_usage(None)


# Bottlenecks


def test_bottlenecks_are_operations_with_slow_calls_worst_first(
    profiler: ImageProcessingProfiler,
) -> None:
    times = {
        "steady": [1.0] * 10,
        "spiky": [1.0] * 8 + [5.0] * 2,
        "worse": [0.1] * 8 + [4.0] * 2,
        "exactly twice": [1.0] * 8 + [2.0] * 2,
        "zero": [0.0] * 8 + [1.0] * 2,
        "nan": [1.0, math.nan, 9.0],
    }
    for name, values in times.items():
        record_wall_times(profiler, name, *values)
    found = profiler.identify_bottlenecks([*times, "unknown"])
    assert [entry["operation"] for entry in found] == ["worse", "spiky"]
    for entry in found:
        values = times[entry["operation"]]
        assert entry == {
            "operation": entry["operation"],
            "median_time": np.median(values),
            "p90_time": np.percentile(values, 90),
            "max_time": max(values),
            "slowdown_factor": np.percentile(values, 90) / np.median(values),
            "count": 10,
        }


def test_the_percentile_of_bottlenecks_is_honoured(profiler: ImageProcessingProfiler) -> None:
    values = [1.0] * 97 + [3.0, 10.0, 30.0]
    record_wall_times(profiler, "op", *values)
    assert profiler.identify_bottlenecks(["op"]) == []
    assert profiler.identify_bottlenecks(["op"], 95) == []
    for percentile in (98.5, 99, 100):
        (entry,) = profiler.identify_bottlenecks(["op"], threshold_percentile=percentile)
        assert entry["slowdown_factor"] == np.percentile(values, percentile)
        assert entry["p90_time"] == 1.0


def test_calls_that_failed_make_no_bottleneck_and_hide_none(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    def develop(seconds: float) -> None:
        clock.advance(abs(seconds))
        if seconds < 0:
            raise FileNotFoundError

    for seconds in [1.0, 1.0, 1.0, 1.0, 9.0] + [-0.001] * 45:
        with contextlib.suppress(FileNotFoundError):
            profiler.profile_operation(develop, seconds)
    (entry,) = profiler.identify_bottlenecks(["develop"], 100)
    assert (entry["median_time"], entry["slowdown_factor"], entry["count"]) == (1.0, 9.0, 5)
    for _ in range(9):
        with contextlib.suppress(FileNotFoundError):
            profiler.profile_operation(develop, -1_000)
    assert profiler.identify_bottlenecks(["develop"], 100) == [entry]


@pytest.mark.parametrize("wrong", [-1, 100.5, math.nan])
def test_a_percentile_of_bottlenecks_out_of_range_is_refused(
    profiler: ImageProcessingProfiler, wrong: float
) -> None:
    with pytest.raises(ValueError, match="threshold_percentile"):
        profiler.identify_bottlenecks([], wrong)


@pytest.mark.parametrize("wrong", ["op", 5, [1], None])
def test_bottlenecks_are_looked_for_in_a_list_of_names(
    profiler: ImageProcessingProfiler, wrong: object
) -> None:
    with pytest.raises(TypeError, match="operations"):
        profiler.identify_bottlenecks(wrong)


# The monitor behind


def test_a_profiler_has_the_monitor_it_was_given_or_one_of_its_own() -> None:
    monitor = PerformanceMonitor()
    assert ImageProcessingProfiler(monitor).monitor is monitor
    assert ImageProcessingProfiler(monitor=monitor).monitor is monitor
    own = ImageProcessingProfiler(None)
    assert own.monitor is own.monitor
    assert isinstance(own.monitor, PerformanceMonitor)
    assert own.monitor is not ImageProcessingProfiler().monitor
    for wrong in (5, "monitor", PerformanceMonitor):
        with pytest.raises(TypeError, match="monitor"):
            ImageProcessingProfiler(wrong)


class Doubling(PerformanceMonitor):
    """A subclass that records everything twice as large."""

    def record_metric(
        self, name: str, value: float, unit: str, metadata: dict[str, Any] | None = None
    ) -> None:
        super().record_metric(f"doubled {name}", 2 * value, unit, metadata)


def exercise(monitor: PerformanceMonitor, clock: ManualClock) -> None:
    """Record in every way that goes by way of ``record_metric``."""
    profiler = ImageProcessingProfiler(monitor)
    with monitor.timer("timer", {"k": 1}):
        clock.advance(1)
    monitor.start_timer("by name")
    clock.advance(1)
    assert monitor.stop_timer("by name") == 1
    profiler.profile_operation(plain)
    profiler.track_memory_usage("snapshot")


RECORDED = ["timer", "by name", "plain_wall_time", "plain_memory", "snapshot_memory_snapshot"]


def test_an_overridden_record_metric_is_honoured_everywhere(clock: ManualClock) -> None:
    monitor = Doubling(clock=clock)
    exercise(monitor, clock)
    assert monitor.operations() == [f"doubled {name}" for name in RECORDED]
    (metric,) = monitor.get_metrics("doubled timer")
    assert (metric.value, metric.unit) == (2, "seconds")
    assert metric.metadata == {"k": 1, "type": "timer"}


def test_the_two_figures_of_a_call_tell_the_same_whatever_becomes_of_its_profile(
    clock: ManualClock,
) -> None:
    monitor = PerformanceMonitor(clock=clock)
    with monitor.session("roll 7"):
        _, profile = ImageProcessingProfiler(monitor).profile_operation(plain)
    told = profile | {"session_id": "roll 7"}
    profile.clear()
    (seconds,) = monitor.get_metrics("plain_wall_time")
    (memory,) = monitor.get_metrics("plain_memory")
    assert seconds.metadata == memory.metadata == told
    assert seconds.timestamp == memory.timestamp
    seconds.metadata.clear()
    (memory,) = monitor.get_metrics("plain_memory")
    assert memory.metadata == told


def test_a_mock_of_record_metric_is_honoured_everywhere_while_it_is_there(
    clock: ManualClock,
) -> None:
    monitor = PerformanceMonitor(clock=clock)
    with mock.patch.object(monitor, "record_metric") as record:
        exercise(monitor, clock)
    assert [call.args[0] for call in record.call_args_list] == RECORDED
    assert record.call_args_list[0].args == ("timer", 1.0, "seconds", {"k": 1, "type": "timer"})
    assert monitor.operations() == []
    exercise(monitor, clock)
    assert monitor.operations() == RECORDED
