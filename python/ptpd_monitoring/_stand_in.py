"""Standing in for the monitoring module of an installed ``ptpd_calibration``.

A finder at the front of ``sys.meta_path`` answers for two module names and no other. Filling
``sys.modules`` alone would not do: importing ``ptpd_calibration.monitoring`` imports its parent
first, and the parent imports its own monitoring.
"""

from __future__ import annotations

# Whoever imports monitoring waits for this module, so it imports nothing heavy: `typing`,
# `threading` and `importlib.abc` are ten times as long in coming as all the rest.
import importlib
import sys
from _thread import allocate_lock
from importlib.machinery import ModuleSpec

from ptpd_monitoring import performance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["install", "installed", "uninstall"]

_PARENT, _CHILD = "ptpd_calibration", "monitoring"
_PACKAGE = f"{_PARENT}.{_CHILD}"
_MODULE = f"{_PACKAGE}.performance"


class _StandIn:
    """Finds and loads the two modules; a finder and a loader by its methods."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname not in (_PACKAGE, _MODULE):
            return None
        spec = ModuleSpec(
            fullname,
            self,  # type: ignore[arg-type] # a loader by its methods alone
            origin=performance.__file__,
            is_package=fullname == _PACKAGE,
        )
        # Sets `__file__`, which tracebacks, inspect and coverage look for.
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.extend(_existing_locations(path))
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == _MODULE:
            # The import system hands out what it finds here after loading.
            sys.modules[_MODULE] = performance
            return
        importlib.import_module(_MODULE)
        module.__doc__ = performance.__doc__
        vars(module).update({name: getattr(performance, name) for name in performance.__all__})
        vars(module)["__all__"] = list(performance.__all__)


def _existing_locations(path: Sequence[str] | None) -> list[str]:
    """Return the folders of the existing package, whose other submodules stay importable."""
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        if find_spec is None or isinstance(finder, _StandIn):
            continue
        spec = find_spec(_PACKAGE, path)
        if spec is not None:
            return list(spec.submodule_search_locations or ())
    return []


_finder = _StandIn()
_lock = allocate_lock()


def installed() -> bool:
    """Whether ``ptpd_calibration.monitoring`` is, or would be when imported, the native one."""
    return _finder in sys.meta_path


def install() -> None:
    """Let every later import of ``ptpd_calibration.monitoring`` yield the native classes.

    The rest of ``ptpd_calibration`` stays as it is, and no file of it is changed. Doing it twice
    changes nothing. Raises ``RuntimeError`` where the existing module has been imported already,
    because whoever did so holds its classes.
    """
    with _lock:
        if installed():
            return
        existing = sys.modules.get(_PACKAGE)
        loaded = sys.modules.get(_MODULE)
        if loaded is performance or (existing is None and loaded is None):
            sys.meta_path.insert(0, _finder)
        elif loaded is None and _is_being_imported(existing):
            sys.meta_path.insert(0, _finder)
            _replace_package()
        else:
            raise RuntimeError(_too_late(existing or loaded))


def _is_being_imported(module: ModuleType | None) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _replace_package() -> None:
    """Put ours in the place of a package whose ``__init__.py`` is calling us right now."""
    from importlib.util import module_from_spec

    path = getattr(sys.modules[_PARENT], "__path__", None)
    spec = _finder.find_spec(_PACKAGE, path)
    assert spec is not None  # noqa: S101 - both names are ours to find
    module = module_from_spec(spec)
    sys.modules[_PACKAGE] = module
    _finder.exec_module(module)


def _too_late(module: ModuleType | None) -> str:
    return (
        f"{_PACKAGE} is already imported from {getattr(module, '__file__', None)!r}, and its"
        " importers hold its classes. Call ptpd_monitoring.install() before anything imports"
        f" {_PARENT}, start the program with `python -m ptpd_monitoring script.py` or the tests"
        " with `pytest -p ptpd_monitoring.swap`, or make `import ptpd_monitoring.swap` the first"
        f" line of {_PARENT}/{_CHILD}/__init__.py."
    )


def uninstall() -> None:
    """Undo :func:`install`: the next import of ``ptpd_calibration.monitoring`` is the existing one.

    What modules hold already, by ``from ptpd_calibration.monitoring import ...``, stays native in
    them until they are imported anew. Without :func:`install` before it, nothing happens.
    """
    with _lock:
        if not installed():
            return
        sys.meta_path.remove(_finder)
        package = sys.modules.get(_PACKAGE)
        if package is None or getattr(package.__spec__, "loader", None) is not _finder:
            return
        # Submodules go too: they are attributes of the package that goes.
        for name in [name for name in sys.modules if f"{name}.".startswith(f"{_PACKAGE}.")]:
            del sys.modules[name]
        parent = sys.modules.get(_PARENT)
        if parent is not None and getattr(parent, _CHILD, None) is package:
            delattr(parent, _CHILD)
