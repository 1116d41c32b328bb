"""Run a script or a module with the native monitoring standing in, otherwise as Python would."""

from __future__ import annotations

import builtins
import importlib.util
import os
import pkgutil
import runpy
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, SourceFileLoader, SourcelessFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import NoReturn, cast

from ptpd_monitoring import install

_USAGE = """\
usage: python -m ptpd_monitoring script.py [argument ...]
       python -m ptpd_monitoring -m module [argument ...]

Runs a program as `python script.py` or `python -m module` would, except that
ptpd_calibration.monitoring is the native one. No file is changed. Interpreters
that the program itself starts are not affected.
"""

_LAUNCHER_FILES = {
    __file__,
    runpy.__file__,
    "<frozen runpy>",
    "<frozen importlib._bootstrap>",
    "<frozen importlib._bootstrap_external>",
    "<frozen zipimport>",
}


def main(arguments: list[str]) -> None:
    """Run the program that the command line names; what it raises or exits with goes through."""
    kind = arguments[0] if arguments else ""
    if kind in ("-h", "--help"):
        sys.stdout.write(_USAGE)
        return
    run: Callable[..., None]
    if kind == "-m" and len(arguments) > 1:
        run, program = _run_module, arguments[1:]
    elif kind and not kind.startswith("-"):
        run, program = _run_path, arguments
    else:
        sys.stderr.write(_USAGE)
        raise SystemExit(2)
    install()
    try:
        run(*program)
    except (Exception, KeyboardInterrupt):
        _hide_launcher()
        raise


def _run_module(name: str, *arguments: str) -> None:
    # As with plain Python, `-m` is what stands here until the module is found.
    sys.argv[:] = ["-m", *arguments]
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        package, name = name, f"{name}.__main__"
        spec = importlib.util.find_spec(name)
        if spec is None:
            reason = f"{package!r} is a package and cannot be directly executed"
            _give_up(f"No module named {name}; {reason}", 1)
    if spec is None:
        _give_up(f"No module named {name}", 1)
    sys.argv[0] = spec.origin or name
    _run_spec(spec)


def _run_path(path: str, *arguments: str) -> None:
    sys.argv[:] = [path, *arguments]
    # Not pathlib: it would resolve links, which plain Python leaves in `__file__`.
    file = os.path.abspath(path)  # noqa: PTH100
    importer = pkgutil.get_importer(file)
    is_safe = getattr(sys.flags, "safe_path", False) or sys.flags.isolated
    if importer is not None:
        # A folder or an archive is searched in safe mode too, or its parts could not be found.
        sys.path[: 0 if is_safe else 1] = [file]
        spec = importer.find_spec("__main__")
        if spec is None:
            _give_up(f"can't find '__main__' module in {file!r}", 1)
        _run_spec(spec)
        return
    if not is_safe:
        sys.path[0] = os.path.dirname(os.path.realpath(path))  # noqa: PTH120
    if path.endswith(".pyc"):
        compiled = SourcelessFileLoader("__main__", file)
        _run(cast("CodeType", compiled.get_code("__main__")), __file__=file, __loader__=compiled)
        return
    loader = SourceFileLoader("__main__", file)
    try:
        source = loader.get_data(file)
    except OSError as error:
        _give_up(f"can't open file {file!r}: [Errno {error.errno}] {error.strerror}", 2)
    _run(loader.source_to_code(source, file), __file__=file, __loader__=loader)


def _run_spec(spec: ModuleSpec) -> None:
    get_code = getattr(spec.loader, "get_code", None)
    code = get_code(spec.name) if get_code is not None else None
    if code is None:
        _give_up(f"No code object available for {spec.name}", 1)
    _run(
        code,
        __file__=spec.origin,
        __cached__=spec.cached,
        __loader__=spec.loader,
        __package__=spec.parent,
        __spec__=spec,
    )


def _run(code: CodeType, **attributes: object) -> None:
    # runpy would take `__main__` away again at the end of the program, but threads and exit
    # functions that outlive its last line may still unpickle what is defined there.
    module = ModuleType("__main__")
    vars(module).update({"__builtins__": builtins, "__cached__": None} | attributes)
    sys.modules["__main__"] = module
    exec(code, vars(module))  # noqa: S102 - running a program is what this module is for


def _give_up(reason: str, status: int) -> NoReturn:
    sys.stderr.write(f"{sys.executable}: {reason}\n")
    raise SystemExit(status)


def _hide_launcher() -> None:
    """Report an uncaught exception from the program's own first frame on."""
    report = sys.excepthook

    def report_program(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        while trace is not None and trace.tb_frame.f_code.co_filename in _LAUNCHER_FILES:
            trace = trace.tb_next
        report(kind, error.with_traceback(trace), trace)

    sys.excepthook = report_program


if __name__ == "__main__":
    main(sys.argv[1:])
