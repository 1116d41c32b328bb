"""The command `ptpd-monitor`."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEMO_MODULES = {"PIL": "pillow", "rich": "rich", "skimage": "scikit-image"}

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: arguments without the program's name; left out, those of the process.

    Returns:
        Exit status: 0 success, 1 failure, 2 wrong usage or a missing extra, 130 interrupted.

    """
    arguments = _parser().parse_args(argv)
    try:
        return _demo(arguments)
    except KeyboardInterrupt:
        return _fail("stopped", EXIT_INTERRUPTED)
    except OSError as error:
        said = (
            f"{error.filename}: {error.strerror}"
            if error.strerror and error.filename
            else str(error)
        )
        return _fail(said, EXIT_USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ptpd-monitor", description="Performance monitoring at the command line."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="make digital negatives of real photographs under observation",
        description="Make 16-bit digital negatives of real photographs for platinum/palladium "
        "printing, with every step observed, and show where the time went.",
    )
    demo.add_argument(
        "--photos", type=Path, metavar="DIR", help="your own photographs, beside the bundled ones"
    )
    demo.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        default=Path("demo-output"),
        help="where to write (default: ./demo-output)",
    )
    demo.add_argument(
        "--save-terminal",
        type=Path,
        metavar="FILE.svg",
        help="save the closing tables as a picture",
    )
    return parser


def _demo(arguments: argparse.Namespace) -> int:
    missing = [
        package
        for module, package in _DEMO_MODULES.items()
        if importlib.util.find_spec(module) is None
    ]
    if missing:
        return _fail(
            f"the demo needs {', '.join(missing)}: pip install 'ptpd-monitoring[demo]'", EXIT_USAGE
        )
    # Only now: other commands run without the extra.
    from ptpd_monitoring.demo.console import run_in_console

    return run_in_console(arguments.photos, arguments.output, arguments.save_terminal)


def _fail(message: str, status: int) -> int:
    sys.stderr.write(f"ptpd-monitor: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
