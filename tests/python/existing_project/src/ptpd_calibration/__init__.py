"""A miniature of the existing package: it imports its own monitoring as soon as it is imported."""

from ptpd_calibration.config import get_settings
from ptpd_calibration.monitoring import PerformanceMonitor, get_monitor

__all__ = ["PerformanceMonitor", "get_monitor", "get_settings"]
