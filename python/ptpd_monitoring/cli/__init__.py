"""The command ``ptpd-monitor``.

Commands are parsed by click and drawn by rich, which come with the extra ``cli``. This module needs
neither, so that it can say what is missing.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_UNDECIDED = 3
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: arguments without the program's name; left out, those of the process.

    Returns:
        Exit status: 0 success; 1 failure, a file that is not in order, or something degraded;
        2 wrong usage or a missing extra; 3 a comparison in which nothing could be judged;
        130 interrupted.

    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if importlib.util.find_spec("click") is None:
        return say_missing("ptpd-monitor", ["click"], "demo" if "demo" in arguments[:1] else "cli")
    from ptpd_monitoring.cli.app import run

    return run(arguments)


def say_missing(what: str, packages: Sequence[str], extra: str) -> int:
    """Say in one line what to install.

    Returns:
        The exit status.

    """
    return fail(
        f"{what} needs {', '.join(packages)}: pip install 'ptpd-monitoring[{extra}]'", EXIT_USAGE
    )


def fail(message: str, status: int) -> int:
    """Say in one line what is wrong.

    Returns:
        The exit status.

    """
    # There is none where it was closed.
    if sys.stderr is not None:
        sys.stderr.write(f"ptpd-monitor: {message}\n")
    return status
