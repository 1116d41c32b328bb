"""In-process performance monitoring with a Rust core.

The names are also in ``ptpd_calibration.monitoring``, where they are documented.
"""

try:
    from ._stand_in import install, installed, uninstall
    from .performance import (
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
except ModuleNotFoundError as error:
    if error.name != f"{__name__}._native":
        raise
    from ._builds import no_native_module

    raise ImportError(no_native_module(), name=error.name) from error

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
    "install",
    "installed",
    "uninstall",
]
