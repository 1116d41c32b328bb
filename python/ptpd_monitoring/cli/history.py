"""``ptpd-monitor history``."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ptpd_monitoring._native import iso_text
from ptpd_monitoring.cli import EXIT_FAILURE, EXIT_USAGE
from ptpd_monitoring.cli.exports import FORMATS, SUFFIXES, Layout, write_rows
from ptpd_monitoring.cli.files import (
    Failure,
    asking,
    existing,
    history_option,
    look,
    reading,
    refuse_history,
    replacing,
)
from ptpd_monitoring.cli.periods import FORMS, TIMES, Periods, times_option, zone_option
from ptpd_monitoring.cli.quantities import NOTHING, count, quantity
from ptpd_monitoring.cli.written import chosen_format, encoding_option
from ptpd_monitoring.performance import History

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from ptpd_monitoring.cli.written import Times

_RETENTION = "PTPD_MONITORING_RETENTION_DAYS"


@click.group(
    short_help="Look after the file of a history.",
    epilog="""\b
Examples:
  ptpd-monitor history info
  ptpd-monitor history check && echo in order
  ptpd-monitor history export --period yesterday --output yesterday.csv
""",
)
def history() -> None:
    """Look after the file of a history: what it holds, whether it is in order, and exports."""


@history.command(
    short_help="Say what the file holds.",
    epilog="""\b
Examples:
  ptpd-monitor history info --history app.db
  ptpd-monitor history info --json | jq .newest
""",
)
@history_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@times_option
def info(path: Path | None, times: Times, *, as_json: bool) -> None:
    """Say what the file holds: its size, its rows, and from when to when."""
    with reading():
        found = look(path).info()
    found = {name: _in_words(value, times) for name, value in found.items()}
    if as_json:
        click.echo(json.dumps(found, default=str, indent=2))
        return
    lines = {
        "file": str(found["path"]),
        "schema": str(found["schema"]),
        "size": quantity(found["bytes"], "bytes"),
        "free": quantity(found["free_bytes"], "bytes"),
        "oldest": _moment(found["oldest"]),
        "newest": _moment(found["newest"]),
        "rows": f"{count(found['minutes'])} of minutes, {count(found['hours'])} of hours",
        "minutes since": _moment(found["minutes_from"]),
        "series": count(found["series"]),
        "writers": count(found["writers"]),
        "days kept": NOTHING if (days := found["retention_days"]) is None else count(days),
    }
    for name, text in lines.items():
        click.echo(f"{name:<14} {text}")


@history.command(
    short_help="Is the file in order?",
    epilog="""\b
Examples:
  ptpd-monitor history check --history app.db
""",
)
@history_option
def check(path: Path | None) -> int:
    """Look at every page and every row; the exit status is 1 if anything is wrong."""
    with reading():
        faults = look(path).check()
    for fault in faults:
        click.echo(fault)
    if not faults:
        click.echo(f"{path}: in order")
    return EXIT_FAILURE if faults else 0


@history.command(
    short_help="Copy the file while programs write to it.",
    epilog="""\b
Examples:
  ptpd-monitor history backup app.db /backups/app.db
  ptpd-monitor history backup --history app.db /backups/app-$(date +%F).db
""",
)
@history_option
@click.argument("files", metavar="[FILE] TO", nargs=-1, type=click.Path(path_type=Path))
@click.pass_context
def backup(context: click.Context, path: Path | None, files: tuple[Path, ...]) -> None:
    """Copy the history, --history or FILE, to the file TO, with all that was written until now.

    A plain copy lacks what is still in the -wal beside the file. An earlier copy is replaced, once
    the new one is whole; another history and what is none are not.
    """
    *named, to = files or (None,)
    is_option = context.get_parameter_source("path") is ParameterSource.COMMANDLINE
    # The variable alone would make a history that is named, TO forgotten, the one to be replaced.
    if to is None or len(named) != (0 if is_option else 1):
        raise click.UsageError("name the file to copy to, after the history or --history")
    with reading():
        look(named[0] if named else path).backup(to)


@history.command(
    short_help="Delete what is too old.",
    epilog="""\b
Examples:
  ptpd-monitor history fold --history app.db
  ptpd-monitor history fold --retention-days 7 && ptpd-monitor history vacuum
""",
)
@history_option
@click.option(
    "--retention-days",
    metavar="DAYS",
    type=click.IntRange(min=1),
    envvar=_RETENTION,
    show_envvar=True,
    help="How many days are kept; unless given as many as the file says that its programs keep.",
)
def fold(path: Path | None, retention_days: int | None) -> None:
    """Delete what is too old: minutes after two days, hours after the days that are kept.

    Programs that record do so themselves, a little every ten minutes. With fewer days than they
    keep, what they still keep is lost.
    """
    with reading():
        with asking():
            file = History(existing(path), record=False, retention_days=retention_days)
        before = file.info()
        if retention_days is None and before["retention_days"] is None:
            raise Failure(
                "the file does not say how long its programs keep rows: give --retention-days "
                f"DAYS, or set {_RETENTION}, to no fewer days than they keep",
                EXIT_USAGE,
            )
        file.fold()
        after = file.info()
    gone = {table: before[table] - after[table] for table in ("minutes", "hours")}
    click.echo(
        f"deleted {count(max(gone['minutes'], 0))} rows of minutes, "
        f"{count(max(gone['hours'], 0))} of hours; {quantity(after['free_bytes'], 'bytes')} of "
        f"{quantity(after['bytes'], 'bytes')} are free"
    )


@history.command(
    short_help="Give free space back.",
    epilog="""\b
Examples:
  ptpd-monitor history vacuum --history app.db
""",
)
@history_option
def vacuum(path: Path | None) -> None:
    """Give the space of what was deleted back to the file system; programs that record wait."""
    with reading():
        file = look(path)
        before = file.info()
        file.vacuum()
        after = file.info()
    sizes = [quantity(one["bytes"], "bytes") for one in (before, after)]
    click.echo(f"{sizes[0]} before, {sizes[1]} now")


@history.command(
    short_help="Write the rows as CSV, JSON lines or Parquet.",
    epilog=f"""\b
Examples:
  ptpd-monitor history export > minutes.csv
  ptpd-monitor history export --format jsonl | jq 'select(.p95 > 1)'
  ptpd-monitor history export --hours --output hours.parquet

{FORMS}""",
)
@history_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="The format; unless given what the name of the output says, or csv. "
    "Parquet needs pyarrow.",
)
@click.option("--hours", is_flag=True, help="Rows of hours instead of minutes.")
@click.option("--period", "period", metavar="PERIOD", help="Rows that begin in it, instead of all.")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Where to write.")
@click.option(
    "--keep-formulas",
    is_flag=True,
    help="In CSV, no apostrophe before texts that a spreadsheet would run as a formula.",
)
@zone_option
@click.option(
    "--times",
    type=click.Choice(TIMES),
    default="utc",
    show_default=True,
    help="How times are written in CSV and JSON lines: in UTC, or as local clocks show them, with "
    "the offset or without.",
)
@encoding_option
def export(
    path: Path | None,
    format_: str | None,
    period: str | None,
    output: Path | None,
    *,
    zone: ZoneInfo | None,
    times: Times,
    encoding: str | None,
    hours: bool,
    keep_formulas: bool,
) -> None:
    """Write the rows, a line each: one a minute of each operation, endpoint, resource and session.

    Durations are in the row's unit, percentiles those of samples known within 1.1 %.
    """
    format_ = chosen_format(format_, output, SUFFIXES) or FORMATS[0]
    file = look(path)
    refuse_history(output, path)
    wanted = None if period is None else Periods(zone).period(period).pair
    with reading():
        rows = _begun(file.rows("hours" if hours else "minutes", wanted))
    # Letters may be missing in an encoding.
    with asking(), reading(), nullcontext() if output is None else replacing(output) as target:
        layout = Layout(times, encoding, neutralize_formulas=not keep_formulas)
        write_rows(rows, format_, target, layout=layout)


def _begun(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Read the first row, so that a file that cannot be read fails before anything is written."""
    return chain(list(islice(rows, 1)), rows)


def _moment(text: str | None) -> str:
    if text is None:
        return NOTHING
    # To the second, whatever follows.
    whole, _, rest = text.replace("T", " ").partition(".")
    return whole + rest[6:]


def _in_words(value: Any, times: Times) -> Any:
    """A moment as text; anything else as it is."""
    return iso_text(value, times) if isinstance(value, datetime) else value
