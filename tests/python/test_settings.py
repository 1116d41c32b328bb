"""The global instances and the environment variables that configure them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ptpd_monitoring
from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    History,
    ImageProcessingProfiler,
    PerformanceMonitor,
    ResourceMonitor,
    _instances,
    get_api_tracker,
    get_cache,
    get_monitor,
    get_profiler,
    get_resource_monitor,
)
from ptpd_monitoring.settings import read_settings
from ptpd_monitoring.testing import reset

GETTERS: dict[Callable[[], Any], type[Any]] = {
    get_monitor: PerformanceMonitor,
    get_profiler: ImageProcessingProfiler,
    get_api_tracker: APIPerformanceTracker,
    get_cache: CacheManager,
    get_resource_monitor: ResourceMonitor,
}
VARIABLES = {
    "MAX_HISTORY": "max_history",
    "MAX_OPERATIONS": "max_operations",
    "MAX_ENDPOINTS": "max_endpoints",
    "CPU_THRESHOLD": "cpu_threshold",
    "MEMORY_THRESHOLD": "memory_threshold",
    "DISK_THRESHOLD": "disk_threshold",
    "CACHE_SIZE": "cache_size",
    "CACHE_TTL": "cache_ttl",
    "CACHE_MAX_BYTES": "cache_max_bytes",
    "HISTORY": "history",
    "RETENTION_DAYS": "retention_days",
}
PREFIX = "PTPD_MONITORING_"
_RECORDING = {get_monitor, get_profiler, get_api_tracker}
_WITH_HISTORY = _RECORDING | {get_resource_monitor}
CONCERNED: dict[str, set[Callable[[], Any]]] = {
    "MAX_HISTORY": _RECORDING,
    "MAX_OPERATIONS": {get_monitor, get_profiler},
    "MAX_ENDPOINTS": {get_api_tracker},
    "CPU_THRESHOLD": {get_resource_monitor},
    "MEMORY_THRESHOLD": {get_resource_monitor},
    "DISK_THRESHOLD": {get_resource_monitor},
    "CACHE_SIZE": {get_cache},
    "CACHE_TTL": {get_cache},
    "CACHE_MAX_BYTES": {get_cache},
    "RETENTION_DAYS": _WITH_HISTORY,
}


@pytest.fixture(autouse=True)
def _first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """No instance exists yet, and no variable is set."""
    monkeypatch.setattr(_instances, "_instances", {})
    for variable in VARIABLES:
        monkeypatch.delenv(PREFIX + variable, raising=False)


@pytest.mark.parametrize("getter", GETTERS)
def test_a_getter_gives_one_instance_for_all_calls(getter: Callable[[], Any]) -> None:
    made = getter()
    assert type(made) is GETTERS[getter]
    assert getter() is made


def test_the_profiler_records_into_the_global_monitor() -> None:
    assert get_profiler().monitor is get_monitor()


@pytest.mark.parametrize("getter", GETTERS)
def test_threads_that_ask_first_at_the_same_moment_get_one_instance(
    getter: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            monkeypatch.setattr(_instances, "_instances", {})
            barrier = threading.Barrier(8)
            found: list[object] = []

            def ask(barrier: threading.Barrier = barrier, found: list[object] = found) -> None:
                barrier.wait()
                found.append(getter())

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(found) == 8
            assert all(instance is found[0] for instance in found)
    finally:
        sys.setswitchinterval(interval)


def test_without_variables_the_documented_defaults_hold() -> None:
    assert get_monitor()._max_history == 10_000
    assert get_api_tracker()._max_history == 10_000
    assert (get_cache()._max_size, get_cache()._default_ttl) == (1_000, 3_600)
    assert get_cache().max_bytes is None
    assert get_monitor().max_operations == 10_000
    assert get_api_tracker().max_endpoints == 10_000
    resources = get_resource_monitor()
    assert (resources.cpu_threshold, resources.memory_threshold, resources.disk_threshold) == (
        80.0,
        80.0,
        90.0,
    )


def test_variables_configure_the_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "MAX_HISTORY": "5000",
        "MAX_OPERATIONS": "600",
        "MAX_ENDPOINTS": "700",
        "CPU_THRESHOLD": "75.0",
        "MEMORY_THRESHOLD": "85.5",
        "DISK_THRESHOLD": "95",
        "CACHE_SIZE": "2000",
        "CACHE_TTL": "12.5",
        "CACHE_MAX_BYTES": "800000",
    }
    for variable, value in values.items():
        monkeypatch.setenv(PREFIX + variable, value)
    assert get_monitor()._max_history == 5_000
    assert get_profiler().monitor._max_history == 5_000
    assert get_monitor().max_operations == 600
    assert get_api_tracker()._max_history == 5_000
    assert get_api_tracker().max_endpoints == 700
    assert get_cache().max_bytes == 800_000
    assert (get_cache()._max_size, get_cache()._default_ttl) == (2_000, 12.5)
    resources = get_resource_monitor()
    assert (resources.cpu_threshold, resources.memory_threshold, resources.disk_threshold) == (
        75.0,
        85.5,
        95.0,
    )


def test_variables_do_not_configure_instances_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "MAX_HISTORY", "5")
    assert PerformanceMonitor()._max_history == 10_000


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_variable_means_the_default(
    monkeypatch: pytest.MonkeyPatch, variable: str, blank: str
) -> None:
    default = getattr(read_settings(), VARIABLES[variable])
    monkeypatch.setenv(PREFIX + variable, blank)
    assert getattr(read_settings(), VARIABLES[variable]) == default


def test_blanks_around_a_value_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "CACHE_SIZE", " 7\n")
    assert read_settings().cache_size == 7


@pytest.mark.parametrize("ttl", ["0", "-1"])
def test_a_cache_may_be_configured_to_keep_for_ever(
    monkeypatch: pytest.MonkeyPatch, ttl: str
) -> None:
    monkeypatch.setenv(PREFIX + "CACHE_TTL", ttl)
    assert get_cache()._default_ttl == float(ttl)


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("MAX_HISTORY", "0", "at least 1"),
        ("MAX_HISTORY", "-5", "at least 1"),
        ("MAX_HISTORY", "1.5", "whole number"),
        ("MAX_HISTORY", "many", "whole number"),
        ("CACHE_SIZE", "0", "at least 1"),
        ("MAX_OPERATIONS", "0", "at least 1"),
        ("MAX_ENDPOINTS", "1e4", "whole number"),
        ("CACHE_MAX_BYTES", "0", "at least 1"),
        ("CACHE_MAX_BYTES", "1 MB", "whole number"),
        ("CPU_THRESHOLD", "101", "0 to 100"),
        ("MEMORY_THRESHOLD", "-1", "0 to 100"),
        ("DISK_THRESHOLD", "nan", "0 to 100"),
        ("DISK_THRESHOLD", "90%", "0 to 100"),
        ("CACHE_TTL", "inf", "finite"),
        ("RETENTION_DAYS", "0", "from 1 to 4294967295"),
        ("RETENTION_DAYS", "99999999999", "from 1 to 4294967295"),
        ("RETENTION_DAYS", "a month", "whole number"),
        ("CACHE_TTL", "an hour", "finite"),
    ],
)
def test_a_wrong_value_is_an_error_of_the_getters_that_it_is_for_alone(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(PREFIX + variable, value)
    concerned = CONCERNED[variable]
    for getter in concerned:
        with pytest.raises(ValueError, match=PREFIX + variable) as caught:
            getter()
        assert repr(value).strip("'") in str(caught.value)
        assert allowed in str(caught.value)
    for getter in GETTERS.keys() - concerned:
        assert type(getter()) is GETTERS[getter]
    with pytest.raises(ValueError, match=PREFIX + variable):
        read_settings()
    monkeypatch.delenv(PREFIX + variable)
    for getter in concerned:
        assert type(getter()) is GETTERS[getter]


def test_misspelt_variables_are_told_once_a_process_with_the_setting_that_is_meant() -> None:
    script = """
import logging, os
said = []
class Handler(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())
        ptpd_monitoring.get_monitor()  # may not begin anew
logging.getLogger("ptpd_calibration.monitoring").addHandler(Handler())
import ptpd_monitoring, ptpd_monitoring.settings
from ptpd_monitoring.testing import reset
for _ in range(3):
    ptpd_monitoring.get_monitor()
    ptpd_monitoring.get_cache()
    ptpd_monitoring.settings.read_settings()
    reset()
if hasattr(os, "fork"):
    pid = os.fork()
    if pid == 0:
        ptpd_monitoring.get_cache()
        os._exit(len(said))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == len(said)
print("\\n".join(said))
"""
    known = {
        "PTPD_MONITORING_CACHE_SIZE": "7",
        "PTPD_MONITORING_NVML_LIBRARY": "/nowhere",
        "PTPD_MONITORING_VERSION": "v1",
        "PTPD_MONITORING_SERVICE": "films",
        "PTPD_MONITORING_SERVICE_HOST": "10.0.0.1",
        "PTPD_MONITORING_PORT_80_TCP": "tcp://10.0.0.1:80",
        "PTPD_CALIBRATION_DATA_DIR": "/data",
        "PTPD_MONITORING_NOTHING": " ",
    }
    misspelt = {
        "PTPD_MONITORING_CACHE_SZIE": "PTPD_MONITORING_CACHE_SIZE",
        "PTPD_MONITORING_HISTROY": "PTPD_MONITORING_HISTORY",
        "ptpd_monitoring_cache_ttl": "PTPD_MONITORING_CACHE_TTL",
        "PTPD_MONITORNG_CPU_THRESHOLD": "PTPD_MONITORING_CPU_THRESHOLD",
        "PTPD_MONITORING_RETENTION": "PTPD_MONITORING_RETENTION_DAYS",
        "PTPD_MONITORING_MAX_BYTES": "PTPD_MONITORING_CACHE_MAX_BYTES",
    }
    if os.name == "nt":
        del misspelt["ptpd_monitoring_cache_ttl"]  # there names have no case
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, **known, **dict.fromkeys(misspelt, "1")},
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()
    assert len(said) == len(misspelt)
    for name, meant in misspelt.items():
        [line] = [line for line in said if line.startswith(name + " ")]
        assert line.endswith(meant)
    assert done.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="homes are elsewhere there")
@pytest.mark.parametrize(
    "path", ["~", "~/a b.db", "~root/x.db", "~nobody_is_called_so/x.db", "a/~/b.db", "~~", "./~/x"]
)
def test_a_home_is_expanded_as_python_does_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(PREFIX + "HISTORY", path)
    expected = os.path.expanduser(path)  # noqa: PTH111 - which keeps what a Path forgets
    assert read_settings().history == expected
    assert History(path, record=False).path == Path(expected).absolute()
    if not path.startswith("."):  # which a Path forgets
        assert History(Path(path), record=False).path == Path(expected).absolute()


@pytest.mark.skipif(os.name != "posix", reason="homes are elsewhere there")
def test_histories_named_by_a_home_are_written_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(PREFIX + "HISTORY", "~/by variable.db")
    get_monitor().record_metric("op", 1, "s")
    PerformanceMonitor(history="~/by argument.db").record_metric("op", 1, "s")
    with History(Path("~/by path.db")) as history:
        history.backup("~/copy.db")
    reset()
    assert {path.name for path in tmp_path.glob("*.db")} >= {
        "by variable.db",
        "by path.db",
        "copy.db",
    }
    assert PerformanceMonitor(history="~/by argument.db").history is not None


def test_settings_show_every_variable_in_their_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "CACHE_MAX_BYTES", "12345")
    shown = repr(read_settings())
    for name in VARIABLES.values():
        assert f"{name}=" in shown
    assert "cache_max_bytes=12345" in shown
    assert "history=None" in shown
    monkeypatch.delenv(PREFIX + "CACHE_MAX_BYTES")
    monkeypatch.setenv(PREFIX + "HISTORY", "it's here.db")
    assert 'history="it\'s here.db"' in repr(read_settings())
    assert read_settings().history == "it's here.db"
    assert "cache_max_bytes=None" in repr(read_settings())


def test_a_wrong_value_does_not_break_the_import() -> None:
    script = (
        "import ptpd_monitoring\n"
        "try:\n"
        "    ptpd_monitoring.get_monitor()\n"
        "except ValueError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "PTPD_MONITORING_MAX_HISTORY": "none"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "PTPD_MONITORING_MAX_HISTORY" in done.stdout
    assert '"none"' in done.stdout


def test_importing_brings_neither_numpy_nor_pydantic_nor_asyncio_along() -> None:
    script = (
        "import sys\n"
        "import ptpd_monitoring\n"
        "monitor = ptpd_monitoring.get_monitor()\n"
        "with monitor.timer('op'):\n"
        "    pass\n"
        "monitor.start_timer('op')\n"
        "monitor.stop_timer('op')\n"
        "monitor.record_many('op', [1, 2, 3], 's')\n"
        "monitor.get_statistics('op')\n"
        "monitor.export_metrics()\n"
        "ptpd_monitoring.get_profiler().profile_operation(len, [1])\n"
        "with ptpd_monitoring.get_api_tracker().track('/a'):\n"
        "    pass\n"
        "wanted = ['numpy', 'pydantic', 'psutil', 'asyncio']\n"
        "print([name for name in wanted if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_public_names_are_all_there() -> None:
    for name in ptpd_monitoring.__all__:
        assert hasattr(ptpd_monitoring, name)
    assert {
        "PerformanceMetric",
        "ResourceUsage",
        "APIMetric",
        "CacheStats",
        "PerformanceMonitor",
        "ImageProcessingProfiler",
        "APIPerformanceTracker",
        "CacheManager",
        "ResourceMonitor",
        "PerformanceReport",
        "get_monitor",
        "get_profiler",
        "get_api_tracker",
        "get_cache",
        "get_resource_monitor",
    } <= set(ptpd_monitoring.__all__)
