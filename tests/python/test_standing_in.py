"""Beside an existing ``ptpd_calibration``: untouched when not asked, native when asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import environments
from environments import Environment, Workshop, fingerprint

pytestmark = pytest.mark.timeout(900)

KINDS = ("wheel", "editable", "editable by hook", "PYTHONPATH")

IS_EXISTING = """
import sys
import ptpd_calibration, ptpd_calibration.curves
from ptpd_calibration.monitoring import performance, get_monitor
assert performance.PURE_PYTHON
assert ptpd_calibration.PerformanceMonitor is performance.PerformanceMonitor
assert ptpd_calibration.get_settings().paper == "platinum rag"
assert "ptpd_monitoring" not in sys.modules
"""

IS_NATIVE = """
import sys
import ptpd_calibration, ptpd_calibration.curves
import ptpd_calibration.monitoring as monitoring
import ptpd_monitoring
import ptpd_monitoring.performance as native
assert monitoring is sys.modules["ptpd_calibration.monitoring"] is ptpd_calibration.monitoring
assert monitoring.performance is sys.modules["ptpd_calibration.monitoring.performance"] is native
assert sorted(monitoring.__all__) == sorted(native.__all__)
for name in native.__all__:
    assert getattr(monitoring, name) is getattr(native, name), name
assert ptpd_calibration.PerformanceMonitor is native.PerformanceMonitor
assert ptpd_calibration.curves.get_monitor is native.get_monitor
assert ptpd_calibration.get_settings().paper == "platinum rag"
ptpd_calibration.curves.linearise([1.0, 2.0])
assert native.get_monitor().get_statistics("linearise")["count"] == 1
assert ptpd_monitoring.installed()
"""


@dataclass(frozen=True)
class Site:
    """An environment in which an existing package is at hand."""

    environment: Environment
    package: Path
    path: tuple[Path, ...] = ()

    def run(self, code: str) -> str:
        """Run the code, and return what it prints."""
        return self.environment.run("-c", code, path=self.path).stdout

    def fails(self, code: str) -> str:
        """Run the code, which must raise; return the last line of the traceback."""
        done = self.environment.run("-c", code, path=self.path, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr.splitlines()[-1]


def make_site(
    workshop: Workshop, kind: str, *, native_first: bool = False, with_line: bool = False
) -> Site:
    environment = workshop.environment()
    project = workshop.existing_project(by_hook=kind == "editable by hook", with_line=with_line)
    source = project / "src/ptpd_calibration"

    def existing() -> None:
        if kind == "wheel":
            environment.install(workshop.build_wheel(project))
        elif kind != "PYTHONPATH":
            environment.install("-e", project)

    def native() -> None:
        environment.install(workshop.wheel)

    for step in (native, existing) if native_first else (existing, native):
        step()
    if kind == "wheel":
        return Site(environment, environment.site / "ptpd_calibration")
    return Site(environment, source, (source.parent,) if kind == "PYTHONPATH" else ())


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return environments.workshop(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module", params=KINDS)
def site(request: pytest.FixtureRequest, workshop: Workshop) -> Site:
    return make_site(workshop, request.param)


@pytest.fixture(scope="module")
def wheel_site(workshop: Workshop) -> Site:
    return make_site(workshop, "wheel")


def is_unchanged(site: Site) -> bool:
    original = environments.EXISTING_PROJECT / "src/ptpd_calibration"
    return fingerprint(site.package) == fingerprint(original)


# Beside it, unasked.


def test_installing_after_the_existing_package_changes_nothing_of_it(site: Site) -> None:
    site.run(IS_EXISTING)
    assert is_unchanged(site)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_installing_before_the_existing_package_changes_nothing_of_it_and_can_be_undone(
    workshop: Workshop, kind: str
) -> None:
    site = make_site(workshop, kind, native_first=True)
    site.run(IS_EXISTING)
    assert is_unchanged(site)
    site.run("import ptpd_monitoring.swap, ptpd_calibration.monitoring")
    site.environment.uninstall("ptpd-monitoring")
    assert not [path for path in site.environment.contents() if "ptpd_monitoring" in path]
    site.run(IS_EXISTING)
    assert is_unchanged(site)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_uninstalling_the_existing_package_leaves_the_native_one_alone_and_working(
    workshop: Workshop, kind: str
) -> None:
    site = make_site(workshop, kind)
    site.run(IS_EXISTING)
    site.environment.uninstall("ptpd-calibration")
    assert not (site.environment.site / "ptpd_calibration").exists()
    site.run(
        """
import ptpd_monitoring.performance as native
from ptpd_calibration.config import get_settings
from ptpd_calibration.monitoring import PerformanceMonitor
assert PerformanceMonitor is native.PerformanceMonitor
assert get_settings().monitoring.max_history == 10000
"""
    )


# Standing in, in each of the ways there are.


def by_call(site: Site, folder: Path) -> None:
    site.run(f"import ptpd_monitoring; ptpd_monitoring.install(){IS_NATIVE}")


def by_import(site: Site, folder: Path) -> None:
    site.run(f"import ptpd_monitoring.swap{IS_NATIVE}")


def by_running_a_script(site: Site, folder: Path) -> None:
    (folder / "script.py").write_text(IS_NATIVE, encoding="utf-8")
    site.environment.run("-m", "ptpd_monitoring", folder / "script.py", path=site.path)


def by_running_a_module(site: Site, folder: Path) -> None:
    (folder / "module.py").write_text(IS_NATIVE, encoding="utf-8")
    site.environment.run("-m", "ptpd_monitoring", "-m", "module", path=site.path, cwd=folder)


def by_pytest(site: Site, folder: Path) -> None:
    lines = "\n    ".join(IS_NATIVE.strip().splitlines()[1:])
    test = f"import sys\ndef test_native():\n    {lines}\n"
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    done = site.environment.run(
        *("-m", "pytest", "-p", "ptpd_monitoring.swap", "-p", "no:cacheprovider", folder),
        path=site.path,
        cwd=folder,
    )
    assert "1 passed" in done.stdout
    assert "ptpd_calibration.monitoring: native" in done.stdout


@pytest.mark.parametrize(
    "form", [by_call, by_import, by_running_a_script, by_running_a_module, by_pytest]
)
def test_standing_in_reaches_every_importer_and_changes_no_file(
    site: Site, form: Callable[[Site, Path], None], tmp_path: Path
) -> None:
    form(site, tmp_path)
    assert is_unchanged(site)
    site.run(IS_EXISTING)


@pytest.mark.parametrize("kind", KINDS)
def test_one_line_in_the_existing_monitoring_makes_it_native(workshop: Workshop, kind: str) -> None:
    site = make_site(workshop, kind, with_line=True)
    site.run(IS_NATIVE)
    # Whichever name of it is imported first.
    site.run(f"import ptpd_calibration.monitoring.performance{IS_NATIVE}")
    site.run(f"from ptpd_calibration.monitoring import get_monitor{IS_NATIVE}")


def test_one_line_can_be_undone_in_a_running_process(workshop: Workshop) -> None:
    site = make_site(workshop, "PYTHONPATH", with_line=True)
    site.run(
        """
import ptpd_calibration.monitoring, ptpd_monitoring
ptpd_monitoring.uninstall()
import ptpd_calibration.monitoring
assert ptpd_calibration.monitoring.performance.PURE_PYTHON
assert not ptpd_monitoring.installed()
"""
    )


def test_the_line_below_the_existing_imports_is_refused(workshop: Workshop) -> None:
    site = make_site(workshop, "PYTHONPATH")
    init = site.package / "monitoring/__init__.py"
    init.write_text(init.read_text() + "\nimport ptpd_monitoring.swap\n", encoding="utf-8")
    error = site.fails("import ptpd_calibration")
    assert error.startswith("RuntimeError: ptpd_calibration.monitoring is already imported")
    assert "first line of ptpd_calibration/monitoring/__init__.py" in error


# Installing and uninstalling in a running process.


@pytest.mark.parametrize("too_late", ["ptpd_calibration", "ptpd_calibration.monitoring"])
def test_installing_too_late_is_an_error_that_says_what_to_do(site: Site, too_late: str) -> None:
    error = site.fails(f"import {too_late}, ptpd_monitoring; ptpd_monitoring.install()")
    assert error.startswith("RuntimeError: ptpd_calibration.monitoring is already imported from")
    assert str(site.package / "monitoring") in error
    assert "ptpd_monitoring.install() before" in error


def test_refused_installation_leaves_the_existing_module_in_use(wheel_site: Site) -> None:
    wheel_site.run(
        """
import sys, ptpd_monitoring, ptpd_calibration
before, finders = dict(sys.modules), list(sys.meta_path)
try:
    ptpd_monitoring.install()
except RuntimeError:
    assert not ptpd_monitoring.installed()
    assert (sys.modules, sys.meta_path) == (before, finders)
else:
    raise AssertionError("not refused")
"""
    )


def test_installing_twice_is_installing_once(wheel_site: Site) -> None:
    wheel_site.run(
        """
import sys, ptpd_monitoring
ptpd_monitoring.install()
finders = list(sys.meta_path)
ptpd_monitoring.install()
import ptpd_monitoring.swap
import ptpd_calibration.monitoring
ptpd_monitoring.install()
assert sys.meta_path == finders
ptpd_monitoring.uninstall()
assert len(sys.meta_path) == len(finders) - 1
"""
    )


def test_importing_the_product_alone_does_not_stand_in(wheel_site: Site) -> None:
    wheel_site.run(
        """
import ptpd_monitoring.performance, ptpd_calibration.monitoring.performance as existing
assert existing.PURE_PYTHON
assert not ptpd_monitoring.installed()
"""
    )


def test_uninstalling_gives_the_existing_module_back(site: Site) -> None:
    site.run(
        """
import sys, ptpd_monitoring
ptpd_monitoring.uninstall()
ptpd_monitoring.install()
import ptpd_calibration.monitoring.extra
ptpd_monitoring.uninstall()
assert not ptpd_monitoring.installed()
assert not hasattr(ptpd_calibration, "monitoring")
assert not [name for name in sys.modules if name.startswith("ptpd_calibration.monitoring")]
import ptpd_calibration.monitoring.extra
assert ptpd_calibration.monitoring.performance.PURE_PYTHON
pure = ptpd_calibration.monitoring.PerformanceMonitor
assert issubclass(ptpd_calibration.monitoring.extra.VerboseMonitor, pure)
import ptpd_monitoring.performance
assert pure is not ptpd_monitoring.performance.PerformanceMonitor
"""
    )


# What tools and users do with modules.


def test_other_submodules_of_the_existing_monitoring_stay_importable(site: Site) -> None:
    site.run(
        """
import ptpd_monitoring.swap
from ptpd_calibration.monitoring.extra import VerboseMonitor
from ptpd_monitoring.performance import PerformanceMonitor
assert issubclass(VerboseMonitor, PerformanceMonitor)
assert VerboseMonitor(max_history=5)._max_history == 5
import pkgutil, ptpd_calibration.monitoring
names = [module.name for module in pkgutil.iter_modules(ptpd_calibration.monitoring.__path__)]
assert names == ["extra", "performance"], names
"""
    )


def test_import_tools_meet_consistent_modules(site: Site) -> None:
    site.run(
        """
import importlib, importlib.util, inspect
import ptpd_monitoring.swap
import ptpd_monitoring.performance as native
names = ["ptpd_calibration.monitoring", "ptpd_calibration.monitoring.performance"]
for when in ("before", "after"):
    for name in names:
        spec = importlib.util.find_spec(name)
        assert spec.origin == native.__file__, (when, name, spec)
    package = importlib.import_module(names[0])
assert importlib.import_module(names[1]) is native
assert package.__name__ == package.__spec__.name == package.__package__ == names[0]
assert inspect.getsourcefile(package) == native.__file__
own = native.__spec__
assert own.name == "ptpd_monitoring.performance"
assert importlib.reload(package) is package
assert importlib.reload(package.performance) is native
assert package.performance is native and native.__spec__.name == own.name
assert package.get_monitor() is native.get_monitor()
"""
    )


def test_patching_the_documented_name_patches_the_native_module(wheel_site: Site) -> None:
    wheel_site.run(
        """
import ptpd_monitoring.swap
import ptpd_monitoring.performance as native
from unittest.mock import patch
with patch("ptpd_calibration.monitoring.performance.get_monitor") as staged:
    assert native.get_monitor is staged
assert native.get_monitor is not staged
"""
    )


def test_threads_that_import_at_once_all_get_the_native_module(wheel_site: Site) -> None:
    wheel_site.run(
        """
import threading
from concurrent.futures import ThreadPoolExecutor
import ptpd_monitoring
import ptpd_monitoring.performance as native
start = threading.Barrier(8)
def load(number):
    start.wait(timeout=60)
    ptpd_monitoring.install()
    if number % 2:
        import ptpd_calibration.monitoring.performance as module
        return module.PerformanceMonitor
    from ptpd_calibration import PerformanceMonitor
    return PerformanceMonitor
with ThreadPoolExecutor(8) as pool:
    assert set(pool.map(load, range(8))) == {native.PerformanceMonitor}
"""
    )
