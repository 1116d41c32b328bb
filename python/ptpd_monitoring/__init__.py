"""In-process performance monitoring with a Rust core.

The names are also in ``ptpd_calibration.monitoring``, where they are documented.
"""

from . import performance as _performance
from ._stand_in import install, installed, uninstall
from .performance import *  # noqa: F403

__all__ = [*_performance.__all__, "install", "installed", "uninstall"]
