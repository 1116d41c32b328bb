"""A whole demonstration: calibrate, print every photograph twice, draw, export, sum up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from ptpd_monitoring.demo.contact_sheet import draw_contact_sheet
from ptpd_monitoring.demo.earlier import Comparison, compare, last_session
from ptpd_monitoring.demo.pipeline import (
    FinishedNegative,
    NegativePipeline,
    Observer,
    Pass,
    PrintSettings,
)
from ptpd_monitoring.demo.summary import StageSummary, profiled_operations, summarise_stage
from ptpd_monitoring.performance import History

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ptpd_monitoring.demo.calibration import Calibration
    from ptpd_monitoring.demo.photographs import Photograph
    from ptpd_monitoring.performance import CacheStats, ResourceUsage

BATCH = 100
_WHOLE = "make_negative"
# A stage with a smaller part of the time than this holds nothing up, however uneven it is.
_WEIGHTY = 0.01


class DemoObserver(Observer):
    """An observer that is also told of the parts of the run."""

    def phase(self, title: str, photographs: int | None) -> None:
        """Learn that a part begins, of so many photographs where it is about any."""


@dataclass(frozen=True)
class DemoRun:
    """What a run did, and what the monitor has to say about it.

    Attributes:
        folder: that holds everything written; `files` are within it.
        first, second: the two passes; the second is served from the cache.
        stages: one summary for each profiled step, in order of first use.
        whole: that of whole negatives, None where every photograph was unreadable.
        batch_s: estimated seconds for a hundred such photographs, None where none was printed.
        comparison: with the run before, None for the first one in the folder.

    """

    session_id: str
    folder: Path
    files: list[Path]
    calibration: Calibration
    first: Pass
    second: Pass
    stages: list[StageSummary]
    whole: StageSummary | None
    bottlenecks: list[dict[str, Any]]
    cache: CacheStats
    resources: ResourceUsage
    alerts: list[dict[str, Any]]
    batch_s: float | None
    comparison: Comparison | None


def run_demo(
    photographs: Sequence[Photograph], folder: Path, settings: PrintSettings, observer: DemoObserver
) -> DemoRun:
    """Run the demonstration.

    Args:
        photographs: to be printed; one that cannot be read is skipped.
        folder: for everything that is written; made where it does not exist.
        settings: size of the prints, and the paper.
        observer: is told of every step.

    Raises:
        OSError: the folder cannot be written.

    """
    negatives = folder / "negatives"
    negatives.mkdir(parents=True, exist_ok=True)
    with History(folder / "history.db") as history:
        earlier = last_session(history)
        pipeline = NegativePipeline(negatives, settings, observer, history)
        return _run(pipeline, photographs, folder, observer, earlier)


def _run(
    pipeline: NegativePipeline,
    photographs: Sequence[Photograph],
    folder: Path,
    observer: DemoObserver,
    earlier: str | None,
) -> DemoRun:
    files: list[Path] = []
    with pipeline.monitor.session(pipeline.session_id):
        observer.phase("Calibrating the paper", None)
        calibration = pipeline.calibrate()
        observer.phase("Printing negatives", len(photographs))
        first = pipeline.run_pass(photographs, calibration.curve, "first_pass")
        readable = [negative.photograph for negative in first.negatives]
        observer.phase("Again, from the cache", len(readable))
        second = pipeline.run_pass(readable, calibration.curve, "second_pass")
        if first.negatives:
            observer.phase("Drawing the contact sheet", None)
            files.append(
                pipeline.run_stage(
                    draw_contact_sheet,
                    first.negatives,
                    calibration,
                    pipeline.settings,
                    folder / "contact-sheet.png",
                )
            )
    operations = profiled_operations(pipeline.monitor)
    stages = [summarise_stage(pipeline.monitor, name) for name in operations if name != _WHOLE]
    total = sum(stage.total_s for stage in stages)
    weighty = [stage.name for stage in stages if stage.total_s >= _WEIGHTY * total]
    run = DemoRun(
        session_id=pipeline.session_id,
        folder=folder,
        files=[*files, *(folder / name for name in ("report.json", "metrics.csv", "report.html"))],
        calibration=calibration,
        first=first,
        second=second,
        stages=stages,
        whole=summarise_stage(pipeline.monitor, _WHOLE) if _WHOLE in operations else None,
        bottlenecks=pipeline.profiler.identify_bottlenecks(weighty),
        cache=pipeline.cache.get_stats(),
        resources=pipeline.resources.check_resources(),
        alerts=pipeline.resources.get_alerts_for_high_usage(),
        batch_s=_estimate(pipeline, first.negatives),
        comparison=None
        if earlier is None
        else compare(pipeline.report, earlier, pipeline.session_id),
    )
    _export(pipeline, run)
    return run


def _estimate(pipeline: NegativePipeline, negatives: Sequence[FinishedNegative]) -> float | None:
    sizes = [(negative.columns, negative.rows) for negative in negatives]
    return pipeline.profiler.estimate_batch_time(list(islice(cycle(sizes), BATCH)), _WHOLE)


def _export(pipeline: NegativePipeline, run: DemoRun) -> None:
    report = pipeline.report.generate_daily_report()
    report["session"] = pipeline.report.generate_session_report(run.session_id)
    report["bottlenecks"] = run.bottlenecks
    report["linearity"] = {
        "largest_error_before": run.calibration.error_before,
        "largest_error_after": run.calibration.error_after,
        "unit": "L*",
    }
    report["photographs"] = [
        {
            "name": n.photograph.name,
            "file": str(n.path),
            "columns": n.columns,
            "rows": n.rows,
            "seconds": n.seconds,
        }
        for n in run.first.negatives
    ]
    report["skipped"] = [
        {"name": shot.name, "file": str(shot.path), "reason": reason}
        for shot, reason in [*run.first.skipped, *run.second.skipped]
    ]
    if run.comparison is not None:
        report["comparison"] = run.comparison.report
    pipeline.report.export_report(report, format="json", path=run.folder / "report.json")
    pipeline.report.export_report(report, format="html", path=run.folder / "report.html")
    pipeline.monitor.export_metrics(format="csv", output_path=run.folder / "metrics.csv")
