"""What a run's figures look like in a terminal."""

from __future__ import annotations

from bisect import bisect
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ptpd_monitoring._native import quantity_text
from ptpd_monitoring.demo.run import BATCH, DemoRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ptpd_monitoring.demo.earlier import StageChange
    from ptpd_monitoring.demo.summary import StageSummary

_WIDE = 100
_BAR = 14
# Where minutes read better than seconds, and where a decimal would widen a column.
_LONG_S = 90
_WIDEST = 1000
_MOST_BOTTLENECKS = 5
_ACCENT = "yellow"


def render_run(run: DemoRun, width: int) -> RenderableType:
    """Everything there is to say about a run, for a terminal so many columns wide."""
    return Group(_stage_table(run, width), Text(), _findings(run))


def duration(seconds: float) -> str:
    """Seconds in a unit that suits them, to three figures."""
    if seconds >= _LONG_S:
        return f"{seconds / 60:.1f} min"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{_figures(seconds * 1e3)} ms"


def _figures(value: float) -> str:
    """Three figures where they fit, no decimals from a hundred up."""
    decimals = 2 - bisect((10.0, 100.0), value)
    return f"{value:.{decimals}f}"


def _column(value: float) -> str:
    """One decimal, so that the points of a column stand below each other."""
    return f"{value:.1f}" if value < _WIDEST else f"{value:.0f}"


def _stage_table(run: DemoRun, width: int) -> Table:
    wide = width >= _WIDE
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 0 if wide else 1, 0, 0),
        pad_edge=False,
        header_style="bold",
        show_edge=False,
    )
    table.add_column("stage", no_wrap=True, min_width=20)
    for heading in ("runs", "mean ms", "p50", "p95", "p99", "CPU", "Mpx/s", "peak MB"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=6 if wide else 5)
    if wide:
        table.add_column(" share of the time", no_wrap=True, min_width=_BAR + 6)
    total = sum(stage.total_s for stage in run.stages)
    slowest = max(stage.total_s for stage in run.stages)
    for stage in run.stages:
        row = _figures_of(stage)
        if wide:
            row.append(_share(stage.total_s / total, stage.total_s / slowest))
        table.add_row(*row, style="bold" if stage.total_s == slowest else "")
    if run.whole is not None:
        table.add_section()
        table.add_row(*_figures_of(run.whole), style=_ACCENT)
    return table


def _figures_of(stage: StageSummary) -> list[RenderableType]:
    return [
        stage.name,
        f"{stage.count}",
        *(
            _column(seconds * 1e3)
            for seconds in (stage.mean_s, stage.p50_s, stage.p95_s, stage.p99_s)
        ),
        f"{100 * stage.cpu:.0f}%",
        "-" if stage.mpx_per_s is None else _column(stage.mpx_per_s),
        "-" if stage.peak_mb is None else f"{stage.peak_mb:.0f}",
    ]


def _share(of_all: float, of_slowest: float) -> Text:
    """Draw a bar that is full for the slowest stage, beside the part of the whole."""
    length = round(_BAR * of_slowest)
    return Text.assemble(
        (" " + "━" * length, _ACCENT),
        ("─" * (_BAR - length), "bright_black"),
        f" {100 * of_all:3.0f}%",
    )


def _findings(run: DemoRun) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("linearity", _linearity(run))
    grid.add_row("bottlenecks", _bottlenecks(run))
    grid.add_row("cache", _cache(run))
    grid.add_row("resources", _resources(run))
    grid.add_row("alerts", _alerts(run))
    if run.batch_s is not None:
        grid.add_row("estimate", f"{BATCH} such photographs: {duration(run.batch_s)}")
    grid.add_row("compared", _compared(run))
    grid.add_row("session", run.session_id)
    skipped = [*run.first.skipped, *run.second.skipped]
    if skipped:
        lines = [Text(f"{shot.path.name}: {reason}", style="red") for shot, reason in skipped]
        grid.add_row(Text(f"skipped {len(lines)}", style="bold red"), Group(*lines))
    names = [
        f"negatives{'/'} ({len(run.first.negatives)} files)",
        *(path.name for path in run.files),
    ]
    grid.add_row("written to", Group(Text(str(run.folder), style=_ACCENT), Text(", ".join(names))))
    grid.add_row("to look at", Text(str(run.folder / "report.html"), style=_ACCENT))
    return grid


def _compared(run: DemoRun) -> RenderableType:
    comparison = run.comparison
    if comparison is None:
        return "no earlier run here; the next one is compared with this one"
    slower, faster = comparison.slower, comparison.faster
    lines = [Text(f"with the run before, {comparison.session_id}:")]
    if slower:
        lines.append(Text(f"slower: {_changes(slower)}", style="bold red"))
    else:
        lines.append(Text("nothing got slower", style="green"))
    if faster:
        lines.append(Text(f"faster: {_changes(faster)}"))
    same = comparison.compared - len(slower) - len(faster)
    lines.append(Text(f"no clear change: {same} of {comparison.compared} steps"))
    return Group(*lines)


def _changes(stages: Sequence[StageChange]) -> str:
    return ", ".join(f"{stage.stage} {stage.percent:+.0f}%" for stage in stages)


def _linearity(run: DemoRun) -> str:
    before, after = run.calibration.error_before, run.calibration.error_after
    return f"tablet within {after:.1f} L* of a straight line, {before:.1f} without the curve"


def _bottlenecks(run: DemoRun) -> RenderableType:
    if not run.bottlenecks:
        return "none: no stage's 90th percentile is above twice its median"
    lines = Table.grid(padding=(0, 2))
    lines.add_column(no_wrap=True)
    lines.add_column(justify="right", style=_ACCENT, no_wrap=True)
    lines.add_column()
    for found in run.bottlenecks[:_MOST_BOTTLENECKS]:
        times = f"median {duration(found['median_time'])}, p90 {duration(found['p90_time'])}"
        lines.add_row(found["operation"], f"{found['slowdown_factor']:.1f}x", times)
    more = len(run.bottlenecks) - _MOST_BOTTLENECKS
    return lines if more <= 0 else Group(lines, Text(f"and {more} more, in report.json"))


def _cache(run: DemoRun) -> str:
    stats, first, second = run.cache, run.first.seconds, run.second.seconds
    looked_up = stats.hits + stats.misses
    rate = f"{stats.hits} hits in {looked_up} look-ups ({100 * stats.hit_rate:.0f}%)"
    said = f"{rate}, {stats.size} entries"
    if not run.second.negatives:
        return said
    return f"{said}; second pass {duration(second)} instead of {duration(first)}"


def _resources(run: DemoRun) -> str:
    now = run.resources
    available = quantity_text(now.memory_available_mb, "MB")
    figures = [
        f"CPU {now.cpu_percent:.0f}%",
        f"memory {now.memory_percent:.0f}% ({available} available)",
        f"disk {now.disk_percent:.0f}% ({quantity_text(now.disk_free_gb, 'GB')} free)",
    ]
    if now.gpu_percent is not None:
        figures.append(f"GPU {now.gpu_percent:.0f}%")
    return ", ".join(figures)


def _alerts(run: DemoRun) -> RenderableType:
    if not run.alerts:
        return "none"
    styles = {"critical": "bold red", "warning": "red"}
    return Group(
        *(
            Text(f"{a['severity']}: {a['message']}", style=styles.get(a["severity"], ""))
            for a in run.alerts
        )
    )
