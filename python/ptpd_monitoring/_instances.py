"""The global instances: one of each a process, made when first asked for."""

from __future__ import annotations

from ._native import (
    APIPerformanceTracker,
    CacheManager,
    History,
    ImageProcessingProfiler,
    PerformanceMonitor,
    ResourceMonitor,
    read_settings,
)

# Whoever imports monitoring waits for this module, so it imports nothing heavy, not even `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _T = TypeVar("_T")

_instances: dict[str, Any] = {}


def _once(make: Callable[[], _T]) -> Callable[[], _T]:
    """Make the instance at the first call, also of two threads at once; a failure is no call.

    Without a lock, which a fork by another thread would leave locked in the child: two threads may
    both make one, and the first to put it down wins. What is made while the instances are forgotten
    is made again, as its history may have been closed.
    """
    name = make.__name__

    def get() -> _T:
        while True:
            instances = _instances
            found: _T | None = instances.get(name)
            if found is not None:
                return found
            try:
                made = make()
            except ValueError:
                if instances is _instances:
                    raise
            else:
                if instances is _instances:
                    kept: _T = instances.setdefault(name, made)
                    return kept

    for attribute in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(get, attribute, getattr(make, attribute))
    return get


def reference(instance: object) -> tuple[Callable[[], object], tuple[()]]:
    """What makes of a global instance that of the process in which it is called.

    Raises TypeError of any other instance: what that holds stays in its process.
    """
    for name, found in _instances.items():
        if found is instance:
            return (globals()[name], ())
    kind = type(instance).__name__
    raise TypeError(
        f"this {kind} can be neither pickled nor copied, as what it records stays in this process; "
        "only the global instance can, as a reference to that of whoever loads it: use what the "
        "get_... function of ptpd_monitoring returns, or make one there"
    )


def forget() -> None:
    """Have the getters make new instances, and close the history of those that there were."""
    global _instances  # in one step, and without a lock
    forgotten, _instances = _instances, {}
    if (history := forgotten.get(_history.__name__)) is not None:
        history.close()


@_once
def _history() -> History | None:
    """The history that the other instances share, if ``PTPD_MONITORING_HISTORY`` names its file."""
    settings = read_settings("history", "retention_days")
    if settings.history is None:
        return None
    return History(settings.history, retention_days=settings.retention_days)


@_once
def get_monitor() -> PerformanceMonitor:
    """The process's ``PerformanceMonitor``.

    Configured by ``PTPD_MONITORING_MAX_HISTORY`` and ``_MAX_OPERATIONS``, and with a history on
    disk by ``_HISTORY`` and ``_RETENTION_DAYS``. Raises ValueError naming the variable if the
    value of one of these cannot be used.
    """
    settings = read_settings("max_history", "max_operations")
    return PerformanceMonitor(
        settings.max_history, max_operations=settings.max_operations, history=_history()
    )


@_once
def get_profiler() -> ImageProcessingProfiler:
    """The process's ``ImageProcessingProfiler``; its monitor is ``get_monitor()``."""
    return ImageProcessingProfiler(get_monitor())


@_once
def get_api_tracker() -> APIPerformanceTracker:
    """The process's ``APIPerformanceTracker``.

    Configured by ``PTPD_MONITORING_MAX_HISTORY`` and ``_MAX_ENDPOINTS``, and with a history on disk
    by ``_HISTORY`` and ``_RETENTION_DAYS``. Raises ValueError naming the variable if the value of
    one of these cannot be used.
    """
    settings = read_settings("max_history", "max_endpoints")
    return APIPerformanceTracker(
        settings.max_history, max_endpoints=settings.max_endpoints, history=_history()
    )


@_once
def get_cache() -> CacheManager:
    """The process's ``CacheManager``.

    Configured by ``PTPD_MONITORING_CACHE_SIZE``, ``_CACHE_TTL`` and ``_CACHE_MAX_BYTES``. Raises
    ValueError naming the variable if the value of one of these cannot be used.
    """
    settings = read_settings("cache_size", "cache_ttl", "cache_max_bytes")
    return CacheManager(
        max_size=settings.cache_size,
        default_ttl=settings.cache_ttl,
        max_bytes=settings.cache_max_bytes,
    )


@_once
def get_resource_monitor() -> ResourceMonitor:
    """The process's ``ResourceMonitor``, configured by ``PTPD_MONITORING_*_THRESHOLD``.

    With ``PTPD_MONITORING_HISTORY`` readings are taken for the history as long as it lives. Raises
    ValueError naming the variable if the value of one of these cannot be used.
    """
    settings = read_settings("cpu_threshold", "memory_threshold", "disk_threshold")
    return ResourceMonitor(
        cpu_threshold=settings.cpu_threshold,
        memory_threshold=settings.memory_threshold,
        disk_threshold=settings.disk_threshold,
        history=_history(),
    )
