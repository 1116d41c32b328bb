"""What to say where there is no native module: imported then and only then."""

from __future__ import annotations

import platform
import sys
import sysconfig


def no_native_module() -> str:
    """Which build of Python this is, which ones are supported, and what to do."""
    build = f"{platform.python_implementation()} {platform.python_version()}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        build += " without a GIL"
    return (
        f"ptpd_monitoring has no native module that {build} ({sys.executable}) could load:"
        " CPython 3.10 or newer with a GIL is supported, free-threaded builds and other"
        " implementations are not. If this one is, install ptpd-monitoring anew with its own pip"
    )
