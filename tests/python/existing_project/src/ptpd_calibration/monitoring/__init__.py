"""The existing package's monitoring, in pure Python."""

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
]
