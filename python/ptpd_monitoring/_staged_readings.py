"""Readings that a test suite stages by patching psutil.

Suites written for the pure-Python module patch ``psutil.cpu_percent``, ``psutil.virtual_memory``
and ``psutil.disk_usage``, in psutil or as ``ptpd_calibration.monitoring.performance.psutil``.
The native module reads the system without psutil, so the pytest plugin, and nothing else, makes
the resource monitor take its readings from these functions for as long as they are patched.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from numbers import Real
from typing import Any

from ptpd_monitoring import performance

__all__ = ["honour_staged_readings"]

_MB = 1024**2
_GB = 1024**3
_MEMORY = {
    "percent": ("percent", 1),
    "used_mb": ("used", _MB),
    "available_mb": ("available", _MB),
    "total_mb": ("total", _MB),
}
_DISK = {
    "percent": ("percent", 1),
    "used_gb": ("used", _GB),
    "free_gb": ("free", _GB),
    "total_gb": ("total", _GB),
}
_ABSENT = object()


def honour_staged_readings() -> Callable[[], None]:
    """Put the methods that look at psutil first into ``ResourceMonitor``; return the undoing.

    Without psutil there is nothing that a suite could have patched, and nothing is done.
    """
    try:
        import psutil
    except ImportError:
        return lambda: None

    originals = {
        name: getattr(psutil, name) for name in ("cpu_percent", "virtual_memory", "disk_usage")
    }

    def staged(name: str) -> Callable[..., Any] | None:
        # Looked up in the module, because a suite may have patched `psutil` there as a whole.
        function: Callable[..., Any] = getattr(vars(performance)["psutil"], name)
        return None if function is originals[name] else function

    undo = [_replace(performance, "psutil", psutil)]
    for name, method in _methods(staged).items():
        undo.append(_replace(performance.ResourceMonitor, name, method))

    def restore() -> None:
        for step in reversed(undo):
            step()

    return restore


def _replace(owner: Any, name: str, value: object) -> Callable[[], None]:
    before = vars(owner).get(name, _ABSENT)
    setattr(owner, name, value)
    if before is _ABSENT:
        return lambda: delattr(owner, name)
    return lambda: setattr(owner, name, before)


def _methods(
    staged: Callable[[str], Callable[..., Any] | None],
) -> dict[str, Callable[..., Any]]:
    monitor = performance.ResourceMonitor
    native_cpu = monitor.get_cpu_usage
    native_memory = monitor.get_memory_usage
    native_disk = monitor.get_disk_usage

    def get_cpu_usage(self: performance.ResourceMonitor) -> float:
        read = staged("cpu_percent")
        percent = read(interval=0.1) if read is not None else None
        return float(percent) if isinstance(percent, Real) else native_cpu(self)

    def get_memory_usage(self: performance.ResourceMonitor) -> dict[str, float]:
        read = staged("virtual_memory")
        if read is None:
            return native_memory(self)
        return _figures(read(), _MEMORY, lambda: native_memory(self))

    def get_disk_usage(
        self: performance.ResourceMonitor, path: str | os.PathLike[str] = "/"
    ) -> dict[str, float]:
        read = staged("disk_usage")
        if read is None:
            return native_disk(self, path)
        return _figures(read(path), _DISK, lambda: native_disk(self, path))

    return {
        "get_cpu_usage": get_cpu_usage,
        "get_memory_usage": get_memory_usage,
        "get_disk_usage": get_disk_usage,
    }


def _figures(
    staged: object, attributes: dict[str, tuple[str, int]], native: Callable[[], dict[str, float]]
) -> dict[str, float]:
    """Return the figures that are staged, in our units, and the machine's own for the rest.

    A suite may stage the percentage alone; any other attribute of a ``Mock`` is no number.
    """
    figures = {
        key: float(value) / unit
        for key, (attribute, unit) in attributes.items()
        if isinstance(value := getattr(staged, attribute, None), Real)
    }
    # A path that is staged in full need not exist, so the machine is asked for gaps alone.
    return figures if len(figures) == len(attributes) else native() | figures
