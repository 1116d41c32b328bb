"""Importing this module lets the native classes stand in for ``ptpd_calibration.monitoring``.

Three ways to do so: ``pytest -p ptpd_monitoring.swap``, the line ``import ptpd_monitoring.swap``
before anything of ``ptpd_calibration`` is imported, or that line at the top of the existing
package's own ``monitoring/__init__.py``. Where it is an explicit call that is wanted,
:func:`ptpd_monitoring.install` does the same.

As a pytest plugin it also lets tests stage a busy machine by patching psutil, and another time by
freezegun, time-machine or a patched ``time.time``; and it has the fixture ``fresh_monitoring``.
PYTEST_DONT_REWRITE: there is no assertion in here for pytest to rewrite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ptpd_monitoring._stand_in import install, installed, uninstall

if TYPE_CHECKING:
    import pytest

__all__ = ["install", "installed", "uninstall"]

install()

_honouring: list[pytest.Config] = []


# While conftest files are imported, before pytest is configured, instances may be made already.
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Honour what tests stage from the first import on."""
    _honour(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Honour what tests stage until this run of pytest ends, and have the fixtures known."""
    from ptpd_monitoring import _fixtures

    _honour(config)
    if not config.pluginmanager.is_registered(_fixtures):
        config.pluginmanager.register(_fixtures, "ptpd_monitoring.fixtures")


def _honour(config: pytest.Config) -> None:
    from ptpd_monitoring._staged_clocks import honour_staged_clocks
    from ptpd_monitoring._staged_readings import honour_staged_readings

    if config not in _honouring:
        _honouring.append(config)
        config.add_cleanup(lambda: _honouring.remove(config))
        config.add_cleanup(honour_staged_readings())
        config.add_cleanup(honour_staged_clocks())


def pytest_report_header() -> str:
    """Say in the header of the test run whose classes are tested."""
    return "ptpd_calibration.monitoring: native, by ptpd_monitoring.swap"
