"""Reports, written in one of the formats."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

import click

from ptpd_monitoring.cli.files import asking, for_programs, known_encoding, replacing
from ptpd_monitoring.cli.screen import console, need_rich
from ptpd_monitoring.performance import PerformanceReport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Literal

    Times = Literal["local", "offset", "utc"]

FORMATS = ("text", "html", "md", "json", "csv")

_SUFFIXES = {
    "": "text",
    ".txt": "text",
    ".text": "text",
    ".log": "text",
    ".html": "html",
    ".htm": "html",
    ".md": "md",
    ".json": "json",
    ".csv": "csv",
}

_UTF_8 = ("utf-8", "utf-8-sig")

encoding_option = click.option(
    "--encoding",
    metavar="NAME",
    callback=known_encoding,
    help="The encoding of what is written: utf-8 unless given, utf-8-sig for Excel.",
)


def chosen_format(
    format_: str | None, output: Path | None, suffixes: Mapping[str, str] = _SUFFIXES
) -> str | None:
    """Return the format that is asked for, or that the name of a file says, if either does.

    Raises:
        click.UsageError: the name says one that there is not.

    """
    if format_ is not None or output is None:
        return format_
    suffix = output.suffix.lower()
    if suffix not in suffixes:
        known = ", ".join(one for one in suffixes if one)
        raise click.UsageError(
            f"--output {output} is of no format that there is; names end in {known}, "
            "or --format says which one it is"
        )
    return suffixes[suffix]


def write(
    report: dict[str, Any], format_: str, output: Path | None, times: Times, encoding: str | None
) -> None:
    """Write a report to a file, or to standard output."""
    # That of a file the library refuses.
    if format_ == "html" and encoding and codecs.lookup(encoding).name not in _UTF_8:
        raise click.UsageError(f"--encoding {encoding} is none for HTML, which says it is in UTF-8")
    # Letters may be missing in an encoding.
    with asking():
        if format_ == "text":
            _draw(report, output, times, encoding)
        elif output is None:
            text = PerformanceReport.export_report(report, format=format_, times=times)
            click.echo(text, file=for_programs(encoding))
        else:
            PerformanceReport.export_report(
                report, format=format_, path=output, times=times, encoding=encoding
            )


def _draw(report: dict[str, Any], output: Path | None, times: Times, encoding: str | None) -> None:
    need_rich()
    from ptpd_monitoring.cli.tables import drawn

    if output is None:
        screen = console() if encoding is None else console(for_programs(encoding))
        screen.print(drawn(report, screen.width, times))
        return
    with replacing(output) as part, part.open("w", encoding=encoding or "utf-8") as file:
        screen = console(file)
        screen.print(drawn(report, screen.width, times))
