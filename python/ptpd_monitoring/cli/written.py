"""Reports, written in one of the formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ptpd_monitoring.cli.files import for_programs, replacing
from ptpd_monitoring.cli.screen import console, need_rich
from ptpd_monitoring.performance import PerformanceReport

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("text", "html", "md", "json", "csv")

_SUFFIXES = {".html": "html", ".htm": "html", ".md": "md", ".json": "json", ".csv": "csv"}


def chosen_format(format_: str | None, output: Path | None, usual: str = "text") -> str:
    """Return the format that is asked for, or that the name of a file says, or the usual one."""
    if format_ is not None:
        return format_
    return usual if output is None else _SUFFIXES.get(output.suffix.lower(), usual)


def write(report: dict[str, Any], format_: str, output: Path | None) -> None:
    """Write a report to a file, or to standard output."""
    if format_ == "text":
        _draw(report, output)
    elif output is None:
        click.echo(PerformanceReport.export_report(report, format=format_), file=for_programs())
    else:
        PerformanceReport.export_report(report, format=format_, path=output)


def _draw(report: dict[str, Any], output: Path | None) -> None:
    need_rich()
    from ptpd_monitoring.cli.tables import drawn

    if output is None:
        screen = console()
        screen.print(drawn(report, screen.width))
        return
    with replacing(output) as part, part.open("w", encoding="utf-8") as file:
        screen = console(file)
        screen.print(drawn(report, screen.width))
