"""What there is to stand in for: the same names, in pure Python."""

import contextlib
from collections.abc import Iterator

PURE_PYTHON = True


class PerformanceMonitor:
    """A monitor that counts."""

    def __init__(self, max_history: int = 10000) -> None:
        self._max_history = max_history
        self._counts: dict[str, int] = {}

    @contextlib.contextmanager
    def timer(self, operation_name: str) -> Iterator[None]:
        """Count the operation."""
        try:
            yield
        finally:
            self._counts[operation_name] = self._counts.get(operation_name, 0) + 1

    def get_statistics(self, operation_name: str) -> dict[str, int]:
        """Return the count."""
        return {"count": self._counts.get(operation_name, 0)}


class APIMetric:
    """In pure Python."""


class APIPerformanceTracker:
    """In pure Python."""


class CacheManager:
    """In pure Python."""


class CacheStats:
    """In pure Python."""


class ImageProcessingProfiler:
    """In pure Python."""


class PerformanceMetric:
    """In pure Python."""


class PerformanceReport:
    """In pure Python."""


class ResourceMonitor:
    """In pure Python."""


class ResourceUsage:
    """In pure Python."""


_monitor = PerformanceMonitor()
_profiler = ImageProcessingProfiler()
_api_tracker = APIPerformanceTracker()
_cache = CacheManager()
_resource_monitor = ResourceMonitor()


def get_monitor() -> PerformanceMonitor:
    """Return the one instance of the process."""
    return _monitor


def get_profiler() -> ImageProcessingProfiler:
    """Return the one instance of the process."""
    return _profiler


def get_api_tracker() -> APIPerformanceTracker:
    """Return the one instance of the process."""
    return _api_tracker


def get_cache() -> CacheManager:
    """Return the one instance of the process."""
    return _cache


def get_resource_monitor() -> ResourceMonitor:
    """Return the one instance of the process."""
    return _resource_monitor
