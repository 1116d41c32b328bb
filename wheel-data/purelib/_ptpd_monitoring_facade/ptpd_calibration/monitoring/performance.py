"""The module ``ptpd_monitoring.performance`` under its documented name."""

import sys

from ptpd_monitoring import performance
from ptpd_monitoring.performance import (
    APIMetric,
    APIPerformanceTracker,
    CacheManager,
    CacheStats,
    History,
    ImageProcessingProfiler,
    PerformanceMetric,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
    ResourceUsage,
    get_api_tracker,
    get_cache,
    get_monitor,
    get_profiler,
    get_resource_monitor,
)

__all__ = [
    "APIMetric",
    "APIPerformanceTracker",
    "CacheManager",
    "CacheStats",
    "History",
    "ImageProcessingProfiler",
    "PerformanceMetric",
    "PerformanceMonitor",
    "PerformanceReport",
    "ResourceMonitor",
    "ResourceUsage",
    "get_api_tracker",
    "get_cache",
    "get_monitor",
    "get_profiler",
    "get_resource_monitor",
]

# One module under two names: what is patched in one is patched in the other.
sys.modules[__name__] = performance
