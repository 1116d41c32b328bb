"""Garbage that is collected in the middle of an object's making."""

import gc
from collections.abc import Callable

import pytest

from cycles import PATH
from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    History,
    ImageProcessingProfiler,
    PerformanceMetric,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
)


class Metric(PerformanceMetric):
    pass


MONITOR = PerformanceMonitor()


@pytest.mark.parametrize(
    "make",
    [
        PerformanceMonitor,
        APIPerformanceTracker,
        CacheManager,
        ResourceMonitor,
        lambda: ImageProcessingProfiler(MONITOR),
        lambda: PerformanceReport(MONITOR),
        lambda: History(PATH),
        lambda: PerformanceMonitor(history=PATH),
        lambda: APIPerformanceTracker(history=PATH),
        lambda: ResourceMonitor(history=PATH),
        lambda: CacheManager(max_bytes=9, weigher=max),
        lambda: Metric(metric_name="m", value=1.0, unit="u"),
    ],
)
def test_a_collection_at_every_allocation_meets_no_half_made_object(
    make: Callable[[], object],
) -> None:
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        made = [make() for _ in range(300)]
    finally:
        gc.set_threshold(*before)
    assert len(made) == 300
