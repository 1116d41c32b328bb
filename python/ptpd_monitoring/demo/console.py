"""The demonstration at a terminal, or with its output in a pipe."""

from __future__ import annotations

import io
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from ptpd_monitoring.demo.photographs import Photograph, bundled_photographs, own_photographs
from ptpd_monitoring.demo.pipeline import PrintSettings
from ptpd_monitoring.demo.run import DemoObserver, DemoRun, run_demo
from ptpd_monitoring.demo.tables import duration, render_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PIPE_WIDTH = 80
_SAVED_WIDTH = 104


class PlainObserver(DemoObserver):
    """One line for each photograph."""

    def __init__(self, console: Console) -> None:
        """Print to a console."""
        self._console = console

    def phase(self, title: str, photographs: int | None) -> None:
        """Name the part that begins."""
        count = "" if photographs is None else f" ({photographs})"
        self._console.print(f"{title}{count}", soft_wrap=True)

    def stage(self, text: str) -> None:
        """Too many to print."""

    def finished(self, photograph: Photograph, seconds: float, *, cached: bool) -> None:
        """Print name and time."""
        source = ", from the cache" if cached else ""
        self._console.print(f"  {photograph.name}: {duration(seconds)}{source}", soft_wrap=True)

    def skipped(self, photograph: Photograph, reason: str) -> None:
        """Print file and reason."""
        self._console.print(f"  {photograph.path.name}: skipped, {reason}", soft_wrap=True)


class _Count(MofNCompleteColumn):
    """How many photographs are done, in a part that is about photographs."""

    def render(self, task: Task) -> Text:
        """Show the count, or nothing."""
        return super().render(task) if task.fields["counted"] else Text()


class BarObserver(DemoObserver):
    """A progress bar for each part of the run, and the present stage beside it."""

    def __init__(self, progress: Progress) -> None:
        """Show the bars in a display that has a field for `now` and one for `counted`."""
        self._progress = progress
        self._task: TaskID | None = None

    def phase(self, title: str, photographs: int | None) -> None:
        """Add a bar."""
        self.close()
        self._task = self._progress.add_task(
            f"{title:<26}", total=photographs, now="", counted=photographs is not None
        )

    def stage(self, text: str) -> None:
        """Show the stage beside the bar."""
        if self._task is not None:
            self._progress.update(self._task, now=text)

    def finished(
        self,
        photograph: Photograph,
        seconds: float,
        *,
        cached: bool,
    ) -> None:
        """Move the bar on; what it was about is in the closing tables."""
        if self._task is not None:
            self._progress.advance(self._task)

    def skipped(self, photograph: Photograph, reason: str) -> None:
        """Say above the bars what was skipped, and move on."""
        self._progress.console.print(
            Text(f"{photograph.path.name}: skipped, {reason}", style="red"), soft_wrap=True
        )
        if self._task is not None:
            self._progress.advance(self._task)

    def close(self) -> None:
        """Complete the bar of the present part."""
        if self._task is None:
            return
        task = self._progress.tasks[self._task]
        if task.total is None:
            self._progress.update(self._task, total=1, completed=1)
        self._progress.update(self._task, now="")


@contextmanager
def observing(console: Console) -> Iterator[DemoObserver]:
    """Bars on a terminal, plain lines elsewhere."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield PlainObserver(console)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24, complete_style="yellow", finished_style="yellow"),
        _Count(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[now]}", style="bright_black", markup=False),
    )
    with Progress(*columns, console=console) as progress:
        observer = BarObserver(progress)
        yield observer
        observer.close()


def run_in_console(photos: Path | None, output: Path, save_terminal: Path | None) -> int:
    """Run the demonstration and print what came of it.

    Args:
        photos: folder with the user's own photographs.
        output: folder for everything that is written.
        save_terminal: SVG file for a picture of the closing tables.

    Returns:
        Exit status: 0 where at least one photograph was printed, otherwise 1.

    Raises:
        OSError: a folder cannot be read or written.

    """
    console = _console()
    photographs = bundled_photographs()
    if photos is not None:
        own = own_photographs(photos, taken=[shot.name for shot in photographs])
        if not own:
            console.print(
                f"{photos} holds no photographs; only the bundled ones are printed.", soft_wrap=True
            )
        photographs += own
    with observing(console) as observer:
        run = run_demo(photographs, output, PrintSettings(), observer)
    console.print()
    console.print(render_run(run, console.width))
    if save_terminal is not None:
        _save_picture(run, save_terminal)
        console.print(f"Terminal picture: {save_terminal}", soft_wrap=True)
    if not run.first.negatives:
        console.print("No photograph could be printed.", style="bold red")
        return 1
    return 0


def _save_picture(run: DemoRun, path: Path) -> None:
    saved = Console(
        record=True, file=io.StringIO(), width=_SAVED_WIDTH, force_terminal=True, markup=False
    )
    saved.print(render_run(run, _SAVED_WIDTH))
    svg = saved.export_svg(title="ptpd-monitor demo")
    # Whoever looks at the picture shall not have to fetch a font for it from elsewhere.
    path.write_text(re.sub(r"@font-face\s*\{[^}]*\}\s*", "", svg), encoding="utf-8")


def _console() -> Console:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        # A file name need not fit the terminal's encoding, and must not end the run.
        reconfigure(errors="replace")
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _PIPE_WIDTH)
    return console
