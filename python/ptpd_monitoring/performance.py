"""The public names, in the module that the documentation calls ``monitoring.performance``."""

from ._instances import (
    get_api_tracker,
    get_cache,
    get_monitor,
    get_profiler,
    get_resource_monitor,
)
from ._native import (
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
