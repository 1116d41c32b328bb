"""ImageProcessingProfiler: names, figures, images, estimates, bottlenecks."""

from __future__ import annotations

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
from PIL import Image

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
        (lambda: None, (), "<lambda>"),
        (wrapped, (), "plain"),
        (functools.lru_cache(plain), (), "plain"),
        (functools.partial(plain, 1), (), "plain"),
        (functools.partial(functools.partial(plain, 1), 2), (), "plain"),
        (functools.partial(Filter()), (), "Filter"),
        (functools.partial(Filter().method), (), "method"),
        (functools.partial(max, 1), (2,), "max"),
        (Filter().method, (), "method"),
        (Filter.of_class, (), "of_class"),
        (Filter().static, (), "static"),
        (Filter(), (), "Filter"),
        (Filter, (), "Filter"),
        (len, ([],), "len"),
        ([].append, (1,), "append"),
        (np.sort, ([1],), "sort"),
        (np.add, (1, 2), "add"),
        (operator.itemgetter(0), ([1],), "itemgetter"),
        (Raising(), (), "Raising"),
        (mock.MagicMock(), (), "MagicMock"),
    ],
    ids=repr,
)
def test_a_profile_is_named_by_the_function_or_class_behind_the_callable(
    profiler: ImageProcessingProfiler, function: Any, arguments: tuple[Any, ...], name: str
) -> None:
    _, profile = profiler.profile_operation(function, *arguments)
    assert profile["operation"] == name
    assert profiler.monitor.operations() == [f"{name}_wall_time", f"{name}_memory"]


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


# Images


class Lazy:
    """An argument that fails when it is looked at, as proxies of web frameworks do."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("outside of a request")


class Huge:
    """Looks like an image of Pillow's, of more pixels than can be counted."""

    mode = "L"
    size = (2**40, 2**40)

    def getbands(self) -> tuple[str, ...]:
        return ("L",)


@pytest.mark.parametrize(
    ("value", "pixels"),
    [
        (np.zeros((4, 6)), 24),
        (np.zeros((4, 6, 1), np.uint8), 24),
        (np.zeros((4, 6, 3), np.uint16), 24),
        (np.zeros((4, 6, 4)), 24),
        (np.zeros((4, 6, 5)), None),
        (np.zeros((2, 4, 6, 3)), None),
        (np.zeros(24), None),
        (np.float64(3), None),
        (np.zeros((0, 6)), None),
        (Image.new("L", (6, 4)), 24),
        (Image.new("RGBA", (6, 4)), 24),
        ([[1, 2], [3, 4]], None),
        ("image.png", None),
        (Lazy(), None),
        (Huge(), None),
        (mock.MagicMock(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_pixels_are_those_of_an_argument_or_a_result_that_is_an_image(
    profiler: ImageProcessingProfiler, clock: ManualClock, value: Any, pixels: int | None
) -> None:
    def process(_: object = None, *, image: object = None, result: object = None) -> object:
        clock.advance(2)
        return result

    for arguments, named in [((value,), {}), ((), {"image": value}), ((), {"result": value})]:
        _, profile = profiler.profile_operation(process, *arguments, **named)
        assert profile.get("pixels") == pixels
        assert profile.get("pixels_per_s") == (None if pixels is None else pixels / 2)


def test_the_first_argument_that_is_an_image_counts(profiler: ImageProcessingProfiler) -> None:
    def process(*_: object, **__: object) -> object:
        return np.zeros((9, 9))

    _, profile = profiler.profile_operation(process, 5, np.zeros((2, 3)), x=np.zeros((4, 4)))
    assert profile["pixels"] == 6


def test_pixels_of_a_call_that_raises_are_counted(profiler: ImageProcessingProfiler) -> None:
    def fail(_: object) -> None:
        raise ValueError

    with pytest.raises(ValueError):
        profiler.profile_operation(fail, np.zeros((2, 3)))
    assert profiler.monitor.get_metrics("fail_wall_time")[0].metadata["pixels"] == 6


# Speed and estimates


def test_speed_is_pixels_over_the_mean_wall_time(profiler: ImageProcessingProfiler) -> None:
    record_wall_times(profiler, "op", 0.5, 1.0, 1.5)
    assert profiler.get_processing_speed((1920, 1080), "op") == 1920 * 1080
    assert profiler.get_processing_speed([10, 5.0], "op") == 50
    assert profiler.get_processing_speed(image_size=(np.int64(4), 2), operation_name="op") == 8
    assert profiler.get_processing_speed(np.zeros((3, 5)).shape, "op") == 15
    assert profiler.get_processing_speed(np.array([3, 5]), "op") == 15


def test_there_is_no_speed_without_data_or_with_a_mean_of_zero(
    profiler: ImageProcessingProfiler,
) -> None:
    assert profiler.get_processing_speed((10, 10), "op") is None
    record_wall_times(profiler, "op", 0.0, 0.0)
    assert profiler.get_processing_speed((10, 10), "op") is None
    record_wall_times(profiler, "nan", math.nan)
    assert profiler.get_processing_speed((10, 10), "nan") is None


def test_a_batch_takes_images_times_mean_times_eleven_tenths(
    profiler: ImageProcessingProfiler,
) -> None:
    assert profiler.estimate_batch_time([(10, 10)], "op") is None
    assert profiler.estimate_batch_time([], "op") is None
    record_wall_times(profiler, "op", 1.0, 3.0)
    batch = [(1920, 1080), (1024, 768), (800, 600)]
    assert profiler.estimate_batch_time(batch, "op") == pytest.approx(3 * 2.0 * 1.1)
    assert profiler.estimate_batch_time(iter(batch), "op") == pytest.approx(6.6)
    assert profiler.estimate_batch_time([], "op") == 0


def test_a_batch_scales_with_its_pixels_where_earlier_images_are_known(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    def process(image: Any) -> None:
        clock.advance(image.size / 100)
        if image.size == 1:
            raise ValueError("too small")

    for shape in [(10, 10), (10, 30)]:
        profiler.profile_operation(process, np.zeros(shape))
    with pytest.raises(ValueError, match="small"):
        profiler.profile_operation(process, np.zeros((1, 1)))
    assert profiler.estimate_batch_time([(20, 10), (5, 10)], "process") == pytest.approx(
        250 / 100 * 1.1
    )


@pytest.mark.parametrize("wrong", [(0, 5), (5, -1), (math.nan, 1), (math.inf, 1)])
def test_a_size_out_of_range_is_refused_by_name_and_value(
    profiler: ImageProcessingProfiler, wrong: tuple[float, float]
) -> None:
    with pytest.raises(ValueError, match=r"image_size .*got \("):
        profiler.get_processing_speed(wrong, "op")
    with pytest.raises(ValueError, match=r"images .*got \("):
        profiler.estimate_batch_time([(1, 1), wrong], "op")


@pytest.mark.parametrize("wrong", [5, (1,), (1, 2, 3), "ab", ("1", "2"), None])
def test_a_size_of_the_wrong_type_is_refused_by_name(
    profiler: ImageProcessingProfiler, wrong: object
) -> None:
    with pytest.raises(TypeError, match="image_size"):
        profiler.get_processing_speed(wrong, "op")
    with pytest.raises(TypeError, match="images"):
        profiler.estimate_batch_time([wrong], "op")
    with pytest.raises(TypeError, match="images"):
        profiler.estimate_batch_time(5, "op")


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
