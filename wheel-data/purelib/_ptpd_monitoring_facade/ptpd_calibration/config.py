"""The monitoring part of ``ptpd_calibration.config``, where that package is not installed."""

from __future__ import annotations

from dataclasses import dataclass

from ptpd_monitoring.settings import MonitoringSettings, read_settings

__all__ = ["MonitoringSettings", "Settings", "get_settings"]


@dataclass(frozen=True)
class Settings:
    """The settings of the process; here those of monitoring alone."""

    monitoring: MonitoringSettings


def get_settings() -> Settings:
    """Return the settings that the environment asks for now.

    Raises ``ValueError``, naming the variable, its value and what is allowed, where a
    ``PTPD_MONITORING_*`` variable cannot be used.
    """
    return Settings(monitoring=read_settings())
