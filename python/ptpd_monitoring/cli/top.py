"""``ptpd-monitor top``."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ptpd_monitoring.cli.files import Failure, history_option, look
from ptpd_monitoring.cli.finite import FiniteRange
from ptpd_monitoring.cli.keys import Keys
from ptpd_monitoring.cli.screen import console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from rich.console import Console

    from ptpd_monitoring.performance import History

SORTS = ("rate", "p95", "count", "name")

_BY_KEY = {sort[0]: sort for sort in SORTS}
_QUIT = "q"
_MOST_MINUTES = 1_440
_LONGEST_S = 3_600


@click.command(
    short_help="Watch a running application.",
    epilog="""\b
Examples:
  ptpd-monitor top --history app.db
  ptpd-monitor top --window 60 --sort p95
  ptpd-monitor top | grep resize       one table, and no colours

\b
Keys: q quits; r, p, c and n sort by rate, p95, count and name.
""",
)
@history_option
@click.option(
    "--window",
    "minutes",
    metavar="MINUTES",
    type=click.IntRange(0, _MOST_MINUTES),
    default=5,
    show_default=True,
    help="How many minutes the figures are of, beside the present one.",
)
@click.option(
    "--interval",
    metavar="SECONDS",
    type=FiniteRange(0.1, _LONGEST_S),
    default=1.0,
    show_default=True,
    help="How often the table is drawn.",
)
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    default=SORTS[0],
    show_default=True,
    help="What comes first.",
)
@click.option("--once", is_flag=True, help="One table, as in a pipe.")
def top(path: Path | None, minutes: int, interval: float, sort: str, *, once: bool) -> None:
    """Watch a running application: operations, endpoints and resources of the last minutes.

    Figures are those that it has written to its history, a second ago or less. All processes that
    write to the file are in them.
    """
    file, screen = look(path), console()
    if once or not screen.is_terminal or screen.is_dumb_terminal:
        _print_once(file, screen, minutes, sort)
    else:
        _watch(file, screen, minutes, interval, sort)


def _print_once(file: History, screen: Console, minutes: int, sort: str) -> None:
    from ptpd_monitoring.cli.top_tables import drawn

    recent = file.recent(minutes)
    if recent["problem"]:
        raise Failure(recent["problem"])
    screen.print(drawn(recent, file.path, sort, width=screen.width))


def _watch(file: History, screen: Console, minutes: int, interval: float, sort: str) -> None:
    from rich.live import Live

    from ptpd_monitoring.cli.top_tables import drawn

    with (
        _ended_tidily(),
        Keys(sys.stdin) as keys,
        Live(console=screen, screen=True, auto_refresh=False) as live,
    ):
        key = None
        while key != _QUIT:
            recent = file.recent(minutes)
            due = time.monotonic() + interval
            while True:
                size = screen.size
                shown = drawn(recent, file.path, sort, width=size.width, height=size.height)
                live.update(shown, refresh=True)
                key = keys.wait(due - time.monotonic())
                if key not in _BY_KEY:
                    break
                sort = _BY_KEY[key]


@contextmanager
def _ended_tidily() -> Iterator[None]:
    """Leave the screen as it was when the program is told to end."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
