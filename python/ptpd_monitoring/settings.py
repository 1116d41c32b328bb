"""The settings of monitoring, read from the ``PTPD_MONITORING_*`` environment variables."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Protocol

__all__ = ["MonitoringSettings", "read_settings"]


class MonitoringSettings(Protocol):
    """What the global instances are configured with."""

    @property
    def max_history(self) -> int:
        """Samples kept for each operation."""

    @property
    def cpu_threshold(self) -> float:
        """CPU usage in percent above which there is an alert."""

    @property
    def memory_threshold(self) -> float:
        """Memory usage in percent above which there is an alert."""

    @property
    def disk_threshold(self) -> float:
        """Disk usage in percent above which there is an alert."""

    @property
    def cache_size(self) -> int:
        """Entries kept in the cache."""

    @property
    def cache_ttl(self) -> float:
        """Seconds after which a cache entry expires."""


# Temporary, until the native `read_settings` is here to be re-exported.
@dataclass(frozen=True)
class _Settings:
    max_history: int
    cpu_threshold: float
    memory_threshold: float
    disk_threshold: float
    cache_size: int
    cache_ttl: float


def _read(name: str, default: float, low: float, high: float) -> float:
    variable = f"PTPD_MONITORING_{name}"
    text = os.environ.get(variable, str(default))
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ValueError(f"{variable}={text!r}: must be between {low} and {high}")
    return value


def read_settings() -> MonitoringSettings:
    """Read the settings; ``ValueError`` names the variable, the value and what is allowed."""
    return _Settings(
        max_history=int(_read("MAX_HISTORY", 10000, 1, 1e9)),
        cpu_threshold=_read("CPU_THRESHOLD", 80.0, 0, 100),
        memory_threshold=_read("MEMORY_THRESHOLD", 80.0, 0, 100),
        disk_threshold=_read("DISK_THRESHOLD", 90.0, 0, 100),
        cache_size=int(_read("CACHE_SIZE", 1000, 1, 1e9)),
        cache_ttl=_read("CACHE_TTL", 3600, 0, 1e9),
    )
