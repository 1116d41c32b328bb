"""``ptpd-monitor report``."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ptpd_monitoring.cli.files import (
    Failure,
    asking,
    history_option,
    refuse_history,
    refuse_unread,
    reports_of,
)
from ptpd_monitoring.cli.periods import FORMS, Periods, times_option, zone_option
from ptpd_monitoring.cli.written import FORMATS, chosen_format, encoding_option, write

if TYPE_CHECKING:
    from datetime import date as date_
    from zoneinfo import ZoneInfo

    from ptpd_monitoring.cli.written import Times


@click.command(
    short_help="Report on a day, a session or a period.",
    epilog=f"""\b
Examples:
  ptpd-monitor report                                    today, as tables
  ptpd-monitor report --date 2026-11-22 --tz Asia/Tokyo  a day of that zone
  ptpd-monitor report --last 7d --open                   with charts
  ptpd-monitor report --session job-42 --format json     for programs
  ptpd-monitor report --date yesterday --output yesterday.md

{FORMS}""",
)
@history_option
@click.option("--date", "date", metavar="DAY", help="A calendar day: 2026-11-22, today, yesterday.")
@click.option("--session", metavar="ID", help="One session.")
@click.option("--last", metavar="AGE", help="The last while: 30m, 24h, 7d, 2w.")
@click.option("--period", metavar="PERIOD", help="Any period.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="The format; unless given what the name of the output says, or text: tables.",
)
@zone_option
@times_option
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Where to write.")
@encoding_option
@click.option(
    "--open", "open_", is_flag=True, help="Write HTML, to the output or a new file, and show it."
)
def report(
    *,
    path: Path | None,
    date: str | None,
    session: str | None,
    last: str | None,
    period: str | None,
    format_: str | None,
    zone: ZoneInfo | None,
    times: Times,
    output: Path | None,
    encoding: str | None,
    open_: bool,
) -> None:
    """Report on a day, a session or any other period; on today unless one is named."""
    named = {"--date": date, "--session": session, "--last": last, "--period": period}
    given = [name for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} cannot go together")
    if session is not None and zone is not None:
        raise click.UsageError("--tz is about days and periods; a session has its own bounds")
    format_ = chosen_format(format_, output) or ("html" if open_ else "text")
    if open_ and format_ != "html":
        raise click.UsageError("--open shows HTML and no other format")
    refuse_history(output, path)
    reports = reports_of(path)
    within = last if period is None else period
    with asking():
        if session is not None:
            found = reports.generate_session_report(session)
        elif within is not None:
            found = reports.generate_period_report(Periods(zone).period(within).pair, tz=zone)
        else:
            day = _day("today" if date is None else date, zone)
            found = reports.generate_daily_report(day, tz=zone)
    refuse_unread(found)
    if session is not None and not found["operations"]:
        raise Failure(f"there is no session {session!r} in the history")
    output = output or (_new_file() if open_ else None)
    write(found, format_, output, times, encoding)
    if open_ and output is not None:
        _show(output)


def _day(text: str, zone: ZoneInfo | None) -> date_:
    periods = Periods(zone)
    day = periods.day(text)
    if day is None:
        raise click.BadParameter(f"{text!r} is no day; such are 2026-11-22, today and yesterday")
    periods.period(text)
    return day


def _new_file() -> Path:
    return Path(tempfile.mkdtemp(prefix="ptpd-monitor-")) / "report.html"


def _show(path: Path) -> None:
    click.echo(path)
    if not webbrowser.open(path.resolve().as_uri()):
        raise Failure(f"there is no browser to show {path} in")
