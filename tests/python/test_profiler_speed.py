"""Speed and estimates of profiled operations."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import pytest

from ptpd_monitoring import ImageProcessingProfiler, PerformanceMonitor
from ptpd_monitoring.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=1_700_000_000)


@pytest.fixture
def profiler(clock: ManualClock) -> ImageProcessingProfiler:
    return ImageProcessingProfiler(PerformanceMonitor(clock=clock))


def record_wall_times(profiler: ImageProcessingProfiler, name: str, *times: float) -> None:
    for seconds in times:
        profiler.monitor.record_metric(f"{name}_wall_time", seconds, "seconds")


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


class Darkroom:
    """Develops a hundred pixels a second; at once, and without success, what is missing."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock

    def __call__(self, image: Any, *, missing: bool = False) -> None:
        if missing:
            raise FileNotFoundError
        self.clock.advance(getattr(image, "size", 5_000) / 100)


def test_speed_and_estimate_go_by_the_pixels_that_calls_had(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    for shape in [(10, 20), (40, 60)]:
        profiler.profile_operation(Darkroom(clock), np.zeros(shape))
    for size in [(6_000, 4_000), (6, 4)]:
        speed = profiler.get_processing_speed(size, "Darkroom")
        assert speed == pytest.approx(100)
        seconds = profiler.estimate_batch_time([size] * 3, "Darkroom")
        assert seconds == pytest.approx(3 * size[0] * size[1] / speed * 1.1)
    assert profiler.get_throughput("Darkroom") == {
        "calls": 2,
        "failed": 0,
        "sized_calls": 2,
        "pixels": 2_600,
        "seconds": 26,
        "pixels_per_s": 100,
    }


def test_calls_that_failed_are_left_out_of_speed_and_estimate(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    image = np.zeros((10, 20))
    profiler.profile_operation(Darkroom(clock), image)
    profiler.profile_operation(Darkroom(clock), "unknown")

    def figures() -> tuple[float | None, float | None]:
        return (
            profiler.get_processing_speed((10, 20), "Darkroom"),
            profiler.estimate_batch_time([(10, 20)], "Darkroom"),
        )

    before = figures()
    for _ in range(45):
        with pytest.raises(FileNotFoundError):
            profiler.profile_operation(Darkroom(clock), image, missing=True)
    assert figures() == before
    throughput = profiler.get_throughput("Darkroom")
    assert (throughput["calls"], throughput["failed"]) == (2, 45)


def test_failures_alone_tell_no_speed(
    profiler: ImageProcessingProfiler, clock: ManualClock
) -> None:
    for image in (np.zeros((10, 20)), "unknown"):
        with pytest.raises(FileNotFoundError):
            profiler.profile_operation(Darkroom(clock), image, missing=True)
    assert profiler.get_processing_speed((10, 20), "Darkroom") is None
    assert profiler.estimate_batch_time([(10, 20)], "Darkroom") is None
    throughput = profiler.get_throughput("Darkroom")
    assert (throughput["calls"], throughput["pixels_per_s"]) == (0, None)


def test_failures_that_are_recorded_by_hand_are_left_out_as_well(
    profiler: ImageProcessingProfiler,
) -> None:
    for seconds, success in [(1.0, True), (3.0, 1), (1e-6, False), (1e-6, 0)]:
        metadata = {"success": success}
        profiler.monitor.record_metric("op_wall_time", seconds, "seconds", metadata)
    record_wall_times(profiler, "op", 2.0)
    assert profiler.get_processing_speed((10, 10), "op") == 50
    assert profiler.estimate_batch_time([(10, 10)], "op") == pytest.approx(2.2)


def test_pixels_that_are_recorded_by_hand_count(profiler: ImageProcessingProfiler) -> None:
    for pixels in (200, np.int64(200), 200.0):
        profiler.monitor.record_metric("op_wall_time", 2.0, "seconds", {"pixels": pixels})
    assert profiler.get_processing_speed((1, 1), "op") == 100
    for wrong in ("many", None, -5, math.nan, math.inf, 0):
        profiler.monitor.record_metric("op_wall_time", 1e9, "seconds", {"pixels": wrong})
    assert profiler.get_processing_speed((1, 1), "op") == 100


def test_calls_of_unknown_size_are_left_out_and_that_is_said_once(
    profiler: ImageProcessingProfiler, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    profiler.profile_operation(Darkroom(clock), "unknown")
    assert profiler.estimate_batch_time([(10, 10)], "Darkroom") == pytest.approx(55)
    assert not caplog.records
    profiler.profile_operation(Darkroom(clock), np.zeros((10, 20)))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert profiler.get_processing_speed((10, 10), "Darkroom") == pytest.approx(100)
            assert profiler.estimate_batch_time([(10, 10)], "Darkroom") == pytest.approx(1.1)
    (record,) = caplog.records
    assert "1 of 2 calls of Darkroom" in record.getMessage()
    throughput = profiler.get_throughput("Darkroom")
    assert (throughput["calls"], throughput["sized_calls"]) == (2, 1)


class Uncomputed:
    """An array of dask's whose height nobody knows before it is computed."""

    shape = (math.nan, 600)


def test_images_that_are_counted_and_not_their_pixels_are_said(
    profiler: ImageProcessingProfiler, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    profiler.profile_operation(Darkroom(clock), Uncomputed())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert profiler.estimate_batch_time([(10, 10)], "Darkroom") == pytest.approx(55)
    (record,) = caplog.records
    assert "1 of 1 calls of Darkroom" in record.getMessage()
    assert "count images" in record.getMessage()


def test_nothing_is_known_of_an_operation_that_never_ran(
    profiler: ImageProcessingProfiler,
) -> None:
    assert profiler.get_throughput("none") == {
        "calls": 0,
        "failed": 0,
        "sized_calls": 0,
        "pixels": 0,
        "seconds": 0,
        "pixels_per_s": None,
    }
    with pytest.raises(TypeError, match="operation_name"):
        profiler.get_throughput(5)


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
