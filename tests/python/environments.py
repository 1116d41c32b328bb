"""Fresh virtual environments, and the packages that are installed into them by pip.

PYTEST_DONT_REWRITE: helpers only, there is no test in here.
"""

from __future__ import annotations

import ensurepip
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXISTING_PROJECT = Path(__file__).resolve().parent / "existing_project"
NAMES = (
    "APIMetric",
    "APIPerformanceTracker",
    "CacheManager",
    "CacheStats",
    "History",
    "ImageProcessingProfiler",
    "PerformanceMetric",
    "PerformanceMonitor",
    "PerformanceReport",
    "ResourceMonitor",
    "ResourceUsage",
    "get_api_tracker",
    "get_cache",
    "get_monitor",
    "get_profiler",
    "get_resource_monitor",
)
# psutil is left out on purpose: the product must not need it.
_BORROWED = (
    "numpy",
    "pytest",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
    "exceptiongroup",
    "tomli",
    "typing_extensions",
)


def _clean_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PYTEST", "PTPD_", "PIP_", "COV_", "VIRTUAL_ENV"))
    }


def _pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    # Environments made by uv have no pip, but Python has one to give.
    bundled = Path(ensurepip.__file__).parent / "_bundled"
    (wheel,) = bundled.glob("pip-*.whl")
    return [sys.executable, str(wheel / "pip"), "--disable-pip-version-check"]


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nothing in it but what its tests install."""

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        scripts = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        return self.folder.joinpath(*scripts)

    @property
    def site(self) -> Path:
        """The folder that packages are installed in."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        parts = ("Lib",) if os.name == "nt" else ("lib", version)
        return self.folder.joinpath(*parts, "site-packages")

    def contents(self) -> set[str]:
        """Everything in the packages' folder, by relative path."""
        return {path.relative_to(self.site).as_posix() for path in self.site.rglob("*")}

    def pip(self, *arguments: str | Path) -> None:
        """Run pip upon this environment, without a network."""
        subprocess.run(
            [*_pip(), "--isolated", "-q", "--python", self.python, *arguments],
            check=True,
            env=_clean_environment(),
        )

    def install(self, *what: str | Path) -> None:
        """Install a wheel, or ``-e`` and a project."""
        self.pip("install", "--no-index", "--no-deps", "--no-build-isolation", *what)

    def uninstall(self, name: str) -> None:
        """Uninstall a distribution."""
        self.pip("uninstall", "-y", name)

    def run(
        self,
        *arguments: str | Path,
        path: tuple[Path, ...] = (),
        cwd: Path | None = None,
        variables: dict[str, str] | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run the interpreter, warnings as errors, with ``path`` as PYTHONPATH."""
        environment = _clean_environment() | (variables or {})
        if path:
            environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
        done = subprocess.run(
            [str(self.python), "-W", "error", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd or self.folder,
            env=environment,
        )
        if check and done.returncode:
            raise AssertionError(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done


class Workshop:
    """Makes environments and packages for one run of the tests."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self._count = 0
        self.borrowed = base / "borrowed"
        self._borrow()

    def _borrow(self) -> None:
        """Link to the libraries of this environment, and to nothing else that is in it."""
        self.borrowed.mkdir(parents=True)
        for name in _BORROWED:
            try:
                distribution = importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                continue
            for top in {file.parts[0] for file in distribution.files or ()}:
                source = Path(str(distribution.locate_file(top)))
                if top not in ("..", "__pycache__") and source.exists():
                    (self.borrowed / top).symlink_to(source)

    def environment(self) -> Environment:
        """Make a fresh virtual environment."""
        self._count += 1
        folder = self.base / f"environment-{self._count}"
        venv.create(folder, with_pip=False, symlinks=os.name != "nt")
        environment = Environment(folder)
        (environment.site / "borrowed.pth").write_text(f"{self.borrowed}\n", encoding="utf-8")
        return environment

    @functools.cached_property
    def wheel(self) -> Path:
        """The wheel under test: the one ``PTPD_WHEEL`` names, or else one built from here."""
        given = os.environ.get("PTPD_WHEEL")
        if given:
            return Path(given).resolve(strict=True)
        folder = self.base / "wheel"
        # What Python sees of the wheel does not depend on how hard the compiler tried.
        options = ["--config-settings", "build-args=--profile quick"]
        if importlib.util.find_spec("maturin"):
            options.append("--no-build-isolation")
        # The build calls maturin by name, also where this environment is not activated.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        subprocess.run(
            [*_pip(), "wheel", "-q", "--no-deps", "-w", folder, *options, ROOT],
            check=True,
            env=os.environ | {"PATH": path},
        )
        (wheel,) = folder.glob("*.whl")
        return wheel

    @functools.cached_property
    def existing_wheel(self) -> Path:
        """The existing package as a wheel."""
        return self.build_wheel(self.existing_project())

    def existing_project(self, *, by_hook: bool = False, with_line: bool = False) -> Path:
        """Make a copy of the existing project.

        ``by_hook``: installed editable, it adds an import hook instead of a folder to the path.
        ``with_line``: its monitoring starts with ``import ptpd_monitoring.swap``.
        """
        self._count += 1
        project = self.base / f"existing-{self._count}"
        shutil.copytree(
            EXISTING_PROJECT, project, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
        if by_hook:
            (project / "editable-by-hook").touch()
        if with_line:
            init = project / "src/ptpd_calibration/monitoring/__init__.py"
            init.write_text(f"import ptpd_monitoring.swap\n{init.read_text()}", encoding="utf-8")
        return project

    def build_wheel(self, project: Path) -> Path:
        """Build the wheel of an existing project by its own backend."""
        folder = project / "dist"
        folder.mkdir()
        code = f"import build_backend; build_backend.build_wheel({str(folder)!r})"
        subprocess.run([sys.executable, "-c", code], cwd=project, check=True)
        (wheel,) = folder.glob("*.whl")
        return wheel


@functools.cache
def workshop(base: Path) -> Workshop:
    """Return the one workshop of a run, whose temporary folder is ``base``."""
    return Workshop(base / "standing")


def fingerprint(folder: Path) -> dict[str, str]:
    """Return the digest of every file but Python's own caches."""
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files, f"nothing in {folder}"
    return files
