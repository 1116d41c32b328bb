"""``ptpd-monitor compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ptpd_monitoring.cli import EXIT_FAILURE, EXIT_UNDECIDED, EXIT_USAGE, fail
from ptpd_monitoring.cli.files import (
    Failure,
    asking,
    history_option,
    refuse_history,
    refuse_unread,
    reports_of,
)
from ptpd_monitoring.cli.finite import FiniteRange
from ptpd_monitoring.cli.periods import (
    FORMS,
    NoPeriod,
    Period,
    Periods,
    times_option,
    zone_option,
)
from ptpd_monitoring.cli.screen import cell
from ptpd_monitoring.cli.written import FORMATS, chosen_format, encoding_option, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from ptpd_monitoring.cli.written import Times

_UNDECIDED = "not enough data"
_VERSION = "version:"


@click.command(
    short_help="Did anything get slower between two periods or versions?",
    epilog=f"""\b
Examples:
  ptpd-monitor compare yesterday today
  ptpd-monitor compare 14d..7d 7d                 the week before and the last
  ptpd-monitor compare 2026-11-22 2026-11-23 --min-change 10 --format md
  ptpd-monitor compare 2h..1h 1h || echo slower   in a build
  ptpd-monitor compare v1.4.1 v1.4.2              two releases

Two texts that are no periods are versions, as programs call their releases in
PTPD_MONITORING_VERSION: what each of them wrote is compared, whenever that was.
version:2026-11-22 names one that looks like a period.

The exit status is 1 if any verdict is `degraded`, be it on an operation, on the durations of
requests or on how many of them failed; or if there is nothing to compare: no operation and no
endpoint was recorded in both periods. It is 3 if nothing could be judged: all verdicts are
`not enough data`.

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
@times_option
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Where to write.")
@encoding_option
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
    times: Times,
    output: Path | None,
    encoding: str | None,
) -> int:
    """Compare a period or version with a later one, and say what got slower or fails more.

    Something degraded if the change is both significant and large enough to matter. Of requests
    that fail, those count that the server is to blame for: a status of 500 or above.
    """
    format_ = chosen_format(format_, output) or "text"
    periods = _periods(Periods(zone), first, second, path)
    refuse_history(output, path)
    thresholds: dict[str, Any] = {
        "confidence": confidence,
        "significance": significance,
        "min_change": min_change,
        "min_samples": min_samples,
    }
    reports = reports_of(path)
    if periods is not None:
        with asking():
            report = reports.compare_performance(*(it.pair for it in periods), **thresholds)
    else:
        first, second = (text.removeprefix(_VERSION) for text in (first, second))
        try:
            report = reports.compare_versions(first, second, **thresholds)
        except ValueError as error:
            raise Failure(
                f"these are no periods, so versions are meant: {error}", EXIT_USAGE
            ) from error
    refuse_unread(report)
    compared = list(_compared(report))
    if not any(part["changes"] for part in compared):
        raise Failure(f"there is nothing to compare: {_missing(compared, first, second)}")
    write(report, format_, output, times, encoding)
    verdicts = [verdict for part in compared for verdict in _verdicts(part)]
    if all(verdict == _UNDECIDED for verdict in verdicts):
        return fail(_undecided(report, first, second), EXIT_UNDECIDED)
    return EXIT_FAILURE if "degraded" in verdicts else 0


def _periods(
    periods: Periods, first: str, second: str, path: Path | None
) -> tuple[Period, Period] | None:
    """Read both as periods, or return None where both are versions."""
    if first.startswith(_VERSION) and second.startswith(_VERSION):
        return None
    try:
        before = periods.period(first)
    except NoPeriod:
        try:
            periods.period(second)
        except NoPeriod:
            if path is not None:
                return None
        raise
    return before, periods.period(second)


def _compared(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is compared, as ``period1, period2, changes``: operations, and requests if any."""
    yield report
    if "api" in report:
        yield report["api"]


def _verdicts(part: dict[str, Any]) -> Iterator[str]:
    for change in part["changes"].values():
        yield change["verdict"]
        for failed in ("error_rate", "failure_rate"):
            if failed in change:
                yield change[failed]["verdict"]


def _missing(compared: list[dict[str, Any]], first: str, second: str) -> str:
    empty = [
        text
        for text, key in ((first, "period1"), (second, "period2"))
        if not any(part[key] for part in compared)
    ]
    if empty:
        return f"no operation and no request was recorded in {' and in '.join(empty)}"
    return "no operation and no endpoint is in both periods"


def _undecided(report: dict[str, Any], first: str, second: str) -> str:
    """Say how much there was, and how much it takes."""

    def numbers(entry: dict[str, Any]) -> int:
        return int(entry["count"] - entry["nan_count"])

    most, before, after = max(
        (
            (name, numbers(part["period1"][name]), numbers(part["period2"][name]))
            for part in _compared(report)
            for name in part["changes"]
        ),
        key=lambda found: min(found[1:]),
    )
    least = report["thresholds"]["min_samples"]
    why = (
        f"a verdict takes {least} in each"
        if min(before, after) < least
        else "so few tell no change from chance among all that is compared, or units differ"
    )
    return (
        f"nothing could be judged: of {cell(most)}, of which there are most, there are"
        f" {before} samples in {first} and {after} in {second}; {why}"
    )
