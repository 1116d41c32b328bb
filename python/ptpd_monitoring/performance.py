"""Temporary stand-in of the native classes; replaced by the real re-exports."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from typing import Any


class _Model:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class PerformanceMetric(_Model):
    pass


class ResourceUsage(_Model):
    cpu_percent: float
    memory_percent: float
    disk_percent: float


class APIMetric(_Model):
    pass


class CacheStats(_Model):
    pass


class PerformanceMonitor:
    def __init__(self, max_history: int = 10000) -> None:
        self._max_history = max_history
        self._counts: dict[str, int] = {}

    @contextlib.contextmanager
    def timer(self, name: str) -> Iterator[None]:
        try:
            yield
        finally:
            self._counts[name] = self._counts.get(name, 0) + 1

    def get_statistics(self, name: str) -> dict[str, Any]:
        return {"count": self._counts.get(name, 0)}


class ImageProcessingProfiler:
    pass


class APIPerformanceTracker:
    pass


class CacheManager:
    pass


class ResourceMonitor:
    def __init__(self, cpu_threshold: float = 80.0) -> None:
        self.cpu_threshold = cpu_threshold

    def get_cpu_usage(self) -> float:
        return 0.5

    def get_memory_usage(self) -> dict[str, float]:
        return {
            "percent": 1.5,
            "used_mb": 10.0,
            "available_mb": 90.0,
            "total_mb": 100.0,
        }

    def get_disk_usage(self, path: str | os.PathLike[str] = "/") -> dict[str, float]:
        usage = shutil.disk_usage(path)
        scale = 1024.0**3
        return {
            "percent": 100.0 * usage.used / usage.total,
            "used_gb": usage.used / scale,
            "free_gb": usage.free / scale,
            "total_gb": usage.total / scale,
        }

    def check_resources(self) -> ResourceUsage:
        return ResourceUsage(
            cpu_percent=self.get_cpu_usage(),
            memory_percent=self.get_memory_usage()["percent"],
            disk_percent=self.get_disk_usage()["percent"],
        )

    def get_alerts_for_high_usage(self) -> list[dict[str, Any]]:
        usage = self.check_resources()
        figures = {
            "cpu": usage.cpu_percent,
            "memory": usage.memory_percent,
            "disk": usage.disk_percent,
        }
        return [{"resource": key, "usage": value} for key, value in figures.items() if value > 90]


class PerformanceReport:
    pass


_lock = threading.Lock()
_monitor = PerformanceMonitor()
_others: dict[str, Any] = {}


def get_monitor() -> PerformanceMonitor:
    return _monitor


def get_profiler() -> ImageProcessingProfiler:
    with _lock:
        return _others.setdefault("profiler", ImageProcessingProfiler())  # type: ignore[no-any-return]


def get_api_tracker() -> APIPerformanceTracker:
    with _lock:
        return _others.setdefault("tracker", APIPerformanceTracker())  # type: ignore[no-any-return]


def get_cache() -> CacheManager:
    with _lock:
        return _others.setdefault("cache", CacheManager())  # type: ignore[no-any-return]


def get_resource_monitor() -> ResourceMonitor:
    with _lock:
        return _others.setdefault("resources", ResourceMonitor())  # type: ignore[no-any-return]


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
