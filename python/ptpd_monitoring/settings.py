"""The settings of monitoring, read from the ``PTPD_MONITORING_*`` environment variables."""

from ._native import MonitoringSettings, read_settings

__all__ = ["MonitoringSettings", "read_settings"]
