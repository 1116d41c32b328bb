"""In-process performance monitoring with a Rust core."""

from ptpd_monitoring._stand_in import install, installed, uninstall

__all__ = ["install", "installed", "uninstall"]
