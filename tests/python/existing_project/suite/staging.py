"""A suite written for the pure-Python module, which stages a busy machine by patching psutil."""

from types import SimpleNamespace
from unittest.mock import Mock, patch

import psutil
import pytest
from ptpd_calibration.monitoring import ResourceMonitor
from ptpd_calibration.monitoring import performance as patched_module

MB, GB = 1024**2, 1024**3


def test_the_module_under_test_is_the_native_one() -> None:
    assert not hasattr(patched_module, "PURE_PYTHON")


def test_nothing_staged_reads_the_machine() -> None:
    monitor = ResourceMonitor()
    assert monitor.get_cpu_usage() >= 0
    assert monitor.get_memory_usage()["percent"] > 0
    assert monitor.get_disk_usage("/")["total_gb"] > 0


def test_staged_cpu_reaches_checks_and_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.cpu_percent", lambda interval=None: 97.25)
    monitor = ResourceMonitor()
    assert monitor.get_cpu_usage() == 97.25
    assert monitor.check_resources().cpu_percent == 97.25
    alerts = {alert["resource"]: alert["usage"] for alert in monitor.get_alerts_for_high_usage()}
    assert alerts["cpu"] == 97.25


def test_staged_through_the_module_under_test() -> None:
    with patch("ptpd_calibration.monitoring.performance.psutil.cpu_percent", return_value=61):
        usage = ResourceMonitor().get_cpu_usage()
    assert usage == 61.0
    assert isinstance(usage, float)


def test_psutil_staged_as_a_whole() -> None:
    with patch("ptpd_calibration.monitoring.performance.psutil") as whole:
        whole.cpu_percent.return_value = 12.5
        whole.virtual_memory.return_value.percent = 91.5
        assert ResourceMonitor().get_cpu_usage() == 12.5
        assert ResourceMonitor().get_memory_usage()["percent"] == 91.5


def test_staged_memory_in_bytes_is_read_in_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = SimpleNamespace(percent=95.5, used=191 * MB, available=9 * MB, total=200 * MB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert ResourceMonitor().get_memory_usage() == {
        "percent": 95.5,
        "used_mb": 191.0,
        "available_mb": 9.0,
        "total_mb": 200.0,
    }
    assert ResourceMonitor().check_resources().memory_percent == 95.5


def test_staged_disk_in_bytes_is_read_in_gigabytes() -> None:
    disk = SimpleNamespace(percent=96.0, used=96 * GB, free=4 * GB, total=100 * GB)
    with patch("psutil.disk_usage", return_value=disk) as staged:
        usage = ResourceMonitor().get_disk_usage("/no/such/folder/but/staged/fully")
    staged.assert_called_once_with("/no/such/folder/but/staged/fully")
    assert usage == {"percent": 96.0, "used_gb": 96.0, "free_gb": 4.0, "total_gb": 100.0}


@pytest.mark.parametrize("kind", [Mock, SimpleNamespace])
def test_staging_the_percentage_alone_leaves_the_rest_to_the_machine(kind: type) -> None:
    monitor = ResourceMonitor()
    total = monitor.get_memory_usage()["total_mb"]
    with (
        patch("psutil.virtual_memory", return_value=kind(percent=99.0)),
        patch("psutil.disk_usage", return_value=kind(percent=98.0)),
    ):
        memory, disk = monitor.get_memory_usage(), monitor.get_disk_usage()
    assert (memory["percent"], memory["total_mb"]) == (99.0, total)
    assert disk["percent"] == 98.0
    assert disk["total_gb"] > 0


def test_a_staged_failure_reaches_the_caller() -> None:
    failure = OSError("no such counter")
    with (
        patch("psutil.cpu_percent", side_effect=failure),
        pytest.raises(OSError, match="no such counter"),
    ):
        ResourceMonitor().get_cpu_usage()


def test_readings_are_the_machine_s_again_after_staging() -> None:
    with patch("psutil.cpu_percent", return_value=-5.0):
        assert ResourceMonitor().get_cpu_usage() == -5.0
    assert ResourceMonitor().get_cpu_usage() >= 0
