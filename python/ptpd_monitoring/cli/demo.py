"""``ptpd-monitor demo``."""

from __future__ import annotations

from pathlib import Path

import click

from ptpd_monitoring.cli import say_missing
from ptpd_monitoring.cli.files import is_there

_MODULES = {"PIL": "pillow", "rich": "rich", "skimage": "scikit-image"}


@click.command(
    short_help="Make negatives of real photographs, measured.",
    epilog="""\b
Examples:
  ptpd-monitor demo
  ptpd-monitor demo --photos ~/Pictures --output negatives
""",
)
@click.option(
    "--photos",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Your own photographs, beside the bundled ones.",
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("demo-output"),
    help="Where to write (default: ./demo-output).",
)
@click.option(
    "--save-terminal",
    metavar="FILE.svg",
    type=click.Path(path_type=Path),
    help="Save the closing tables as a picture.",
)
def demo(photos: Path | None, output: Path, save_terminal: Path | None) -> int:
    """Make digital negatives of real photographs, with every step observed.

    They are 16-bit negatives for platinum/palladium printing; the closing tables show where the
    time went. Needs the extra `demo`.
    """
    missing = [package for module, package in _MODULES.items() if not is_there(module)]
    if missing:
        return say_missing("the demo", missing, "demo")
    # Only now: other commands run without the extra.
    from ptpd_monitoring.demo.console import run_in_console

    return run_in_console(photos, output, save_terminal)
