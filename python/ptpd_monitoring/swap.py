"""Importing this module lets the native classes stand in for ``ptpd_calibration.monitoring``.

Three ways to do so: ``pytest -p ptpd_monitoring.swap``, the line ``import ptpd_monitoring.swap``
before anything of ``ptpd_calibration`` is imported, or that line at the top of the existing
package's own ``monitoring/__init__.py``. Where it is an explicit call that is wanted,
:func:`ptpd_monitoring.install` does the same.

As a pytest plugin it also lets tests stage a busy machine by patching psutil.
PYTEST_DONT_REWRITE: there is no assertion in here for pytest to rewrite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ptpd_monitoring._stand_in import install, installed, uninstall

if TYPE_CHECKING:
    import pytest

__all__ = ["install", "installed", "uninstall"]

install()


def pytest_configure(config: pytest.Config) -> None:
    """Honour staged psutil readings until this run of pytest ends."""
    from ptpd_monitoring._staged_readings import honour_staged_readings

    config.add_cleanup(honour_staged_readings())


def pytest_report_header() -> str:
    """Say in the header of the test run whose classes are tested."""
    return "ptpd_calibration.monitoring: native, by ptpd_monitoring.swap"
