"""Run a script or a module with the native monitoring standing in, otherwise as Python would."""

from __future__ import annotations

import builtins
import os
import pkgutil
import runpy
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType

from ptpd_monitoring import install

_USAGE = """\
usage: python -m ptpd_monitoring script.py [argument ...]
       python -m ptpd_monitoring -m module [argument ...]

Runs a program as `python script.py` or `python -m module` would, except that
ptpd_calibration.monitoring is the native one. No file is changed. Interpreters
that the program itself starts are not affected.
"""


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
        run, program = _run_script, arguments
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
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run_script(path: str, *arguments: str) -> None:
    sys.argv[:] = [path, *arguments]
    file = os.path.abspath(path)
    searches_current_folder = not (getattr(sys.flags, "safe_path", False) or sys.flags.isolated)
    if pkgutil.get_importer(path) is not None or path.endswith(".pyc"):
        # A folder or archive with a `__main__.py`, which goes on the path itself.
        if searches_current_folder:
            del sys.path[0]
        runpy.run_path(path, run_name="__main__")
        return
    if searches_current_folder:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    loader = SourceFileLoader("__main__", file)
    try:
        source = loader.get_data(file)
    except OSError as error:
        reason = f"[Errno {error.errno}] {error.strerror}"
        sys.stderr.write(f"{sys.executable}: can't open file {file!r}: {reason}\n")
        raise SystemExit(2) from None
    # runpy would take `__main__` away again at the end of the script, but threads and exit
    # functions that outlive it may still unpickle what is defined there.
    module = ModuleType("__main__")
    vars(module).update(__builtins__=builtins, __file__=file, __cached__=None, __loader__=loader)
    sys.modules["__main__"] = module
    exec(loader.source_to_code(source, file), vars(module))


_LAUNCHER_FILES = {
    __file__,
    runpy.__file__,
    "<frozen runpy>",
    "<frozen importlib._bootstrap>",
    "<frozen importlib._bootstrap_external>",
}


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
