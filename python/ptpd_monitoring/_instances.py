"""The global instances: one of each a process, made when first asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from ._native import (
    APIPerformanceTracker,
    CacheManager,
    ImageProcessingProfiler,
    PerformanceMonitor,
    ResourceMonitor,
    read_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

_lock = threading.RLock()
_instances: dict[str, object] = {}


def _instance(name: str, kind: type[_T], make: Callable[[], _T]) -> _T:
    found = _instances.get(name)
    if found is None:
        # The lock is reentrant: the profiler asks for the monitor.
        with _lock:
            found = _instances.get(name)
            if found is None:
                found = _instances[name] = make()
    assert isinstance(found, kind)
    return found


def get_monitor() -> PerformanceMonitor:
    """The process's ``PerformanceMonitor``, configured by ``PTPD_MONITORING_MAX_HISTORY``.

    Raises ValueError naming the variable if a ``PTPD_MONITORING_*`` value cannot be used.
    """
    return _instance(
        "monitor",
        PerformanceMonitor,
        lambda: PerformanceMonitor(max_history=read_settings().max_history),
    )


def get_profiler() -> ImageProcessingProfiler:
    """The process's ``ImageProcessingProfiler``; its monitor is ``get_monitor()``."""
    return _instance(
        "profiler",
        ImageProcessingProfiler,
        lambda: ImageProcessingProfiler(get_monitor()),
    )


def get_api_tracker() -> APIPerformanceTracker:
    """The process's ``APIPerformanceTracker``, configured by ``PTPD_MONITORING_MAX_HISTORY``.

    Raises ValueError naming the variable if a ``PTPD_MONITORING_*`` value cannot be used.
    """
    return _instance(
        "api_tracker",
        APIPerformanceTracker,
        lambda: APIPerformanceTracker(max_history=read_settings().max_history),
    )


def get_cache() -> CacheManager:
    """The process's ``CacheManager``, configured by ``PTPD_MONITORING_CACHE_SIZE`` and ``_TTL``.

    Raises ValueError naming the variable if a ``PTPD_MONITORING_*`` value cannot be used.
    """

    def make() -> CacheManager:
        settings = read_settings()
        return CacheManager(max_size=settings.cache_size, default_ttl=settings.cache_ttl)

    return _instance("cache", CacheManager, make)


def get_resource_monitor() -> ResourceMonitor:
    """The process's ``ResourceMonitor``, configured by ``PTPD_MONITORING_*_THRESHOLD``.

    Raises ValueError naming the variable if a ``PTPD_MONITORING_*`` value cannot be used.
    """

    def make() -> ResourceMonitor:
        settings = read_settings()
        return ResourceMonitor(
            cpu_threshold=settings.cpu_threshold,
            memory_threshold=settings.memory_threshold,
            disk_threshold=settings.disk_threshold,
        )

    return _instance("resource_monitor", ResourceMonitor, make)
