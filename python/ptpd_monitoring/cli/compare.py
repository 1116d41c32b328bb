"""``ptpd-monitor compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ptpd_monitoring.cli import EXIT_FAILURE
from ptpd_monitoring.cli.files import (
    Failure,
    asking,
    history_option,
    refuse_history,
    refuse_unread,
    reports_of,
)
from ptpd_monitoring.cli.finite import FiniteRange
from ptpd_monitoring.cli.periods import FORMS, Periods, zone_option
from ptpd_monitoring.cli.written import FORMATS, chosen_format, write

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@click.command(
    short_help="Did anything get slower between two periods?",
    epilog=f"""\b
Examples:
  ptpd-monitor compare yesterday today
  ptpd-monitor compare 14d..7d 7d                 the week before and the last
  ptpd-monitor compare 2026-11-22 2026-11-23 --min-change 10 --format md
  ptpd-monitor compare 2h..1h 1h || echo slower   in a build

The exit status is 1 if the verdict on any operation is `degraded`, or if there is nothing to
compare: no operation was recorded in both periods.

{FORMS}""",
)
@click.argument("first", metavar="PERIOD")
@click.argument("second", metavar="PERIOD")
@history_option
@click.option(
    "--min-change",
    metavar="PERCENT",
    type=FiniteRange(min=0),
    default=5.0,
    show_default=True,
    help="The smallest change that matters.",
)
@click.option(
    "--min-samples",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many samples each period must have.",
)
@click.option(
    "--significance",
    metavar="LEVEL",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="How likely a verdict may be by chance.",
)
@click.option(
    "--confidence",
    metavar="LEVEL",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="How certain the interval of the change is.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="The format; unless given what the name of the output says, or text: a table.",
)
@zone_option
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Where to write.")
def compare(
    *,
    first: str,
    second: str,
    path: Path | None,
    min_change: float,
    min_samples: int,
    significance: float,
    confidence: float,
    format_: str | None,
    zone: ZoneInfo | None,
    output: Path | None,
) -> int:
    """Compare a period with a later one, and say which operations got slower.

    An operation degraded if the change is both significant and large enough to matter.
    """
    periods = Periods(zone)
    before, after = periods.period(first), periods.period(second)
    refuse_history(output, path)
    with asking():
        report = reports_of(path).compare_performance(
            before.pair,
            after.pair,
            confidence=confidence,
            significance=significance,
            min_change=min_change,
            min_samples=min_samples,
        )
    refuse_unread(report)
    if not report["changes"]:
        empty = [p.text for p, key in ((before, "period1"), (after, "period2")) if not report[key]]
        reason = f"none was recorded in {' and in '.join(empty)}" if empty else "none is in both"
        raise Failure(f"there is no operation to compare: {reason}")
    write(report, chosen_format(format_, output), output)
    verdicts = [change["verdict"] for change in report["changes"].values()]
    return EXIT_FAILURE if "degraded" in verdicts else 0
