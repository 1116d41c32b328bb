"""The wheel by itself in a fresh environment: the documented names, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import environments
import ptpd_monitoring
from environments import NAMES, Environment, Workshop

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return environments.workshop(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def alone(workshop: Workshop) -> Environment:
    environment = workshop.environment()
    environment.install(workshop.wheel)
    return environment


def test_documented_names_work_where_the_existing_package_is_absent(alone: Environment) -> None:
    alone.run(
        "-c",
        f"""
import ptpd_calibration.monitoring as monitoring
import ptpd_calibration.monitoring.performance as performance
import ptpd_monitoring.performance
assert sorted(monitoring.__all__) == sorted(performance.__all__) == {sorted(NAMES)}
for name in monitoring.__all__:
    assert getattr(monitoring, name) is getattr(ptpd_monitoring.performance, name), name
monitor = monitoring.PerformanceMonitor(max_history=5)
assert monitor._max_history == 5
with monitor.timer("x"):
    pass
assert monitor.get_statistics("x")["count"] == 1
assert monitoring.get_monitor() is performance.get_monitor()
""",
    )


def test_facade_offers_the_names_without_being_asked_for_performance(alone: Environment) -> None:
    alone.run("-c", "from ptpd_calibration.monitoring import *; get_monitor()")
    alone.run("-c", "import ptpd_calibration.monitoring as m; m.performance.get_monitor()")


def test_patching_one_performance_module_patches_the_other(alone: Environment) -> None:
    alone.run(
        "-c",
        """
from unittest.mock import patch
import ptpd_monitoring.performance as native
with patch("ptpd_calibration.monitoring.performance.get_monitor") as staged:
    assert native.get_monitor is staged
import ptpd_calibration.monitoring.performance as documented
assert documented is native
assert native.get_monitor is not staged
""",
    )


def test_settings_are_those_of_the_environment_variables(alone: Environment) -> None:
    code = """
from ptpd_calibration.config import get_settings
settings = get_settings().monitoring
print(settings.max_history, settings.cpu_threshold, settings.memory_threshold,
      settings.disk_threshold, settings.cache_size, int(settings.cache_ttl))
"""
    assert alone.run("-c", code).stdout == "10000 80.0 80.0 90.0 1000 3600\n"
    variables = {
        "PTPD_MONITORING_MAX_HISTORY": "5000",
        "PTPD_MONITORING_CPU_THRESHOLD": "75.0",
        "PTPD_MONITORING_MEMORY_THRESHOLD": "85.0",
        "PTPD_MONITORING_DISK_THRESHOLD": "95.0",
        "PTPD_MONITORING_CACHE_SIZE": "2000",
        "PTPD_MONITORING_CACHE_TTL": "1800",
    }
    done = alone.run("-c", code, variables=variables)
    assert done.stdout == "5000 75.0 85.0 95.0 2000 1800\n"


def test_an_unusable_setting_is_an_error_that_names_it(alone: Environment) -> None:
    done = alone.run(
        "-c",
        "from ptpd_calibration.config import get_settings; get_settings()",
        variables={"PTPD_MONITORING_MAX_HISTORY": "plenty"},
        check=False,
    )
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert error.startswith("ValueError: ")
    assert "PTPD_MONITORING_MAX_HISTORY" in error
    assert "plenty" in error


def test_wheel_can_never_override_a_regular_package(workshop: Workshop) -> None:
    names = zipfile.ZipFile(workshop.wheel).namelist()
    facade = [name for name in names if "ptpd_calibration" in name]
    assert any(name.endswith("/ptpd_calibration/py.typed") for name in facade)
    assert not any(name.endswith("/ptpd_calibration/__init__.py") for name in facade)
    # maturin's editable installs write a file of that name.
    assert not any(Path(name).name == "ptpd_monitoring.pth" for name in names)
    # A folder without a file of its own at the top would stay behind as an empty one.
    assert any(name.endswith("/_ptpd_monitoring_facade/README.txt") for name in names)


def test_starting_an_interpreter_imports_one_small_module_more(
    workshop: Workshop, alone: Environment
) -> None:
    code = "import sys; print(*sorted(sys.modules))"
    before = set(workshop.environment().run("-c", code).stdout.split())
    after = set(alone.run("-c", code).stdout.split())
    assert after - before == {"_ptpd_monitoring_precedence"}


def test_the_import_brings_along_none_of_the_modules_that_take_longer_than_it(
    alone: Environment,
) -> None:
    code = """
import sys
before = set(sys.modules)
import ptpd_calibration.monitoring
print(*(set(sys.modules) - before))
"""
    imported = set(alone.run("-c", code).stdout.split())
    assert "ptpd_monitoring" in imported
    slow = {"asyncio", "enum", "inspect", "json", "logging", "numpy", "pathlib", "re", "typing"}
    assert not imported & slow


def test_uninstalling_leaves_nothing_behind(workshop: Workshop) -> None:
    environment = workshop.environment()
    before = environment.contents()
    environment.install(workshop.wheel)
    # Python's caches of what was imported must go as well.
    environment.run(
        "-c", "import ptpd_calibration.config, ptpd_calibration.monitoring, ptpd_monitoring.swap"
    )
    assert environment.contents() > before
    environment.uninstall("ptpd-monitoring")
    assert environment.contents() == before
    environment.run("-c", "import sys")


def test_target_install_without_site_has_the_package_but_not_the_facade(
    workshop: Workshop, tmp_path: Path
) -> None:
    environment = workshop.environment()
    environment.install("--target", tmp_path, workshop.wheel)
    path = (tmp_path, workshop.borrowed)
    environment.run(
        *("-S", "-c", "from ptpd_monitoring.performance import get_monitor; get_monitor()"),
        path=path,
    )
    done = environment.run("-S", "-c", "import ptpd_calibration", path=path, check=False)
    assert done.stderr.splitlines()[-1].startswith("ModuleNotFoundError")


def test_standing_in_has_nothing_to_do_over_the_facade(alone: Environment) -> None:
    alone.run(
        "-c",
        """
import sys
import ptpd_monitoring
from ptpd_calibration.monitoring import PerformanceMonitor
before = dict(sys.modules)
ptpd_monitoring.install()
ptpd_monitoring.install()
assert ptpd_monitoring.installed()
assert sys.modules == before
ptpd_monitoring.uninstall()
assert not ptpd_monitoring.installed()
assert sys.modules == before
import ptpd_calibration.monitoring
assert ptpd_calibration.monitoring.PerformanceMonitor is PerformanceMonitor
""",
    )


def test_standing_in_before_the_facade_is_imported_gives_way_to_it_again(
    alone: Environment,
) -> None:
    alone.run(
        "-c",
        """
import ptpd_monitoring.swap
from ptpd_calibration.monitoring import PerformanceMonitor
from ptpd_calibration.config import get_settings
ptpd_monitoring.uninstall()
import ptpd_calibration.monitoring
assert "_ptpd_monitoring_facade" in ptpd_calibration.monitoring.__file__
assert ptpd_calibration.monitoring.PerformanceMonitor is PerformanceMonitor
""",
    )


def test_type_checker_sees_the_documented_names(alone: Environment, tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    snippet = tmp_path / "snippet.py"
    snippet.write_text(
        """
from ptpd_calibration.config import get_settings
from ptpd_calibration.monitoring import PerformanceMonitor, get_monitor
from ptpd_calibration.monitoring.performance import get_cache

monitor: PerformanceMonitor = get_monitor()
size: int = get_settings().monitoring.cache_size
wrong: str = get_cache()
""",
        encoding="utf-8",
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-error-summary"),
            *("--python-executable", alone.python, "--config-file", "", snippet),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    (error,) = done.stdout.splitlines()
    assert "CacheManager" in error
    assert ":8: error: Incompatible types in assignment" in error


def test_environment_of_this_run_has_the_facade() -> None:
    # Where the tests run upon an editable install, it is the one that is checked here.
    code = "import ptpd_calibration.monitoring as m, ptpd_monitoring.performance as p;" + (
        "assert m.performance is p and m.PerformanceMonitor is p.PerformanceMonitor"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("build", "shown"),
    [
        ("sysconfig.get_config_var = lambda name: name == 'Py_GIL_DISABLED'", " without a GIL "),
        ("platform.python_implementation = lambda: 'PyPy'", " that PyPy 3."),
    ],
)
def test_a_build_that_cannot_load_the_native_module_is_told_which_can(
    build: str, shown: str, tmp_path: Path
) -> None:
    # Such a build does not see the native module, for it looks for another suffix.
    ignored = shutil.ignore_patterns("_native.*.so", "_native.*.pyd", "_native.*.dylib")
    shutil.copytree(
        Path(ptpd_monitoring.__file__).parent, tmp_path / "ptpd_monitoring", ignore=ignored
    )
    code = f"""
import platform, sysconfig
{build}
try:
    import ptpd_monitoring
except ImportError as error:
    print(type(error).__name__, error.name, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("ImportError ptpd_monitoring._native ptpd_monitoring has no ")
    assert shown in done.stdout
    assert "CPython 3.10 or newer with a GIL is supported" in done.stdout
