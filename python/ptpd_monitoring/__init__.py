"""In-process performance monitoring with a Rust core.

The names are also in ``ptpd_calibration.monitoring``, where they are documented.
"""

from ._stand_in import install, installed, uninstall
from .performance import (
    APIMetric,
    APIPerformanceTracker,
    CacheManager,
    CacheStats,
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
    "install",
    "installed",
    "uninstall",
]
