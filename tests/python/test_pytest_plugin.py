"""``pytest -p ptpd_monitoring.swap`` upon suites that stage a busy machine by patching psutil."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import environments
from environments import Environment, Workshop

pytestmark = pytest.mark.timeout(900)

PYTEST = ("-m", "pytest", "-p", "no:cacheprovider")
PLUGIN = ("-p", "ptpd_monitoring.swap")


@dataclass(frozen=True)
class Existing:
    """An environment with the existing package on PYTHONPATH, and a suite written for it."""

    environment: Environment
    project: Path

    @property
    def suite(self) -> Path:
        """The suite, eleven tests of it."""
        return self.project / "suite/staging.py"

    def run(self, *arguments: str | Path, psutil: bool = True, check: bool = True) -> str:
        """Run the interpreter, with a fake psutil at hand or with none; return what it prints."""
        path = [self.project / "src"]
        if psutil:
            path.append(self.project / "suite/fake_psutil")
        done = self.environment.run(*arguments, path=tuple(path), cwd=self.project, check=check)
        return done.stdout


@pytest.fixture(scope="module")
def existing(tmp_path_factory: pytest.TempPathFactory) -> Existing:
    workshop: Workshop = environments.workshop(tmp_path_factory.getbasetemp())
    environment = workshop.environment()
    environment.install(workshop.wheel)
    return Existing(environment, workshop.existing_project())


def test_staged_readings_are_honoured_while_they_are_patched(existing: Existing) -> None:
    assert "11 passed" in existing.run(*PYTEST, *PLUGIN, existing.suite)


def test_only_the_plugin_honours_staged_readings(existing: Existing) -> None:
    code = f"""
import sys, pytest, ptpd_monitoring
ptpd_monitoring.install()
sys.exit(pytest.main(["-p", "no:cacheprovider", {str(existing.suite)!r}]))
"""
    # The two that pass stage nothing.
    assert "9 failed, 2 passed" in existing.run("-c", code, check=False)


def test_plugin_without_psutil_runs_and_reads_the_machine(
    existing: Existing, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import importlib.util
from ptpd_calibration.monitoring import ResourceMonitor, performance

def test_it():
    assert importlib.util.find_spec("psutil") is None
    assert not hasattr(performance, "psutil")
    assert ResourceMonitor().check_resources().memory_percent > 0
""",
        encoding="utf-8",
    )
    assert "1 passed" in existing.run(*PYTEST, *PLUGIN, tmp_path, psutil=False)


def test_native_methods_are_back_when_the_test_run_is_over(
    existing: Existing, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n", encoding="utf-8")
    existing.run(
        "-c",
        f"""
import pytest
from ptpd_monitoring import performance

names = ("get_cpu_usage", "get_memory_usage", "get_disk_usage")
def methods():
    return [vars(performance.ResourceMonitor)[name] for name in names]

class Witness:
    def pytest_runtest_setup(self, item):
        self.during = methods()
        self.psutil = performance.psutil

native = methods()
witness = Witness()
options = ["-q", "-p", "ptpd_monitoring.swap", "-p", "no:cacheprovider", {str(tmp_path)!r}]
# Twice: the second run must not take the first one's methods for the native ones.
for _ in range(2):
    assert pytest.main(options, plugins=[witness]) == 0
    assert not set(witness.during) & set(native)
    assert witness.psutil.cpu_percent() == -1.0
    assert methods() == native
    assert not hasattr(performance, "psutil")
""",
    )


def test_standing_in_outside_pytest_leaves_psutil_alone(existing: Existing) -> None:
    existing.run(
        "-c",
        """
import sys
import ptpd_monitoring.swap
import psutil
from ptpd_calibration.monitoring import ResourceMonitor, performance
psutil.cpu_percent = lambda interval=None: -7.0
assert ResourceMonitor().get_cpu_usage() >= 0
assert not hasattr(performance, "psutil")
assert "pytest" not in sys.modules
""",
    )


def test_plugin_may_be_named_in_a_conftest_after_its_import(
    existing: Existing, tmp_path: Path
) -> None:
    (tmp_path / "conftest.py").write_text(
        "import ptpd_monitoring.swap\npytest_plugins = ['ptpd_monitoring.swap']\n",
        encoding="utf-8",
    )
    (tmp_path / "test_it.py").write_text(
        "def test_it(monkeypatch):\n"
        "    from ptpd_calibration.monitoring import ResourceMonitor\n"
        "    monkeypatch.setattr('psutil.cpu_percent', lambda interval: 99.5)\n"
        "    assert ResourceMonitor().get_cpu_usage() == 99.5\n",
        encoding="utf-8",
    )
    out = existing.run(*PYTEST, "-W", "error", tmp_path)
    assert "1 passed" in out
    assert "warning" not in out
