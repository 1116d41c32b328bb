"""The run before this one, as the history remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ptpd_monitoring.demo.summary import WALL_TIME

if TYPE_CHECKING:
    from datetime import datetime

    from ptpd_monitoring.performance import History, PerformanceReport

# A run prints a handful of photographs; a rank test needs no more to be sure of a large change.
_MIN_SAMPLES = 5


@dataclass(frozen=True)
class StageChange:
    """How a stage's wall time went from one run to the next, in percent.

    It is the change of the median, or that of the mean where the verdict rests on it alone.
    """

    stage: str
    percent: float


@dataclass(frozen=True)
class Comparison:
    """Two runs beside each other.

    Attributes:
        session_id: of the earlier run.
        report: what `PerformanceReport.compare_sessions` gave.
        compared: how many stages have enough samples in both runs.
        slower, faster: the stages of which that can be said.

    """

    session_id: str
    report: dict[str, Any]
    compared: int
    slower: list[StageChange]
    faster: list[StageChange]


def last_session(history: History) -> str | None:
    """The session that recorded last, if there was any."""
    ends: dict[str, datetime] = {}
    try:
        for row in history.rows("hours"):
            if row["kind"] == "session":
                session = row["session"]
                ends[session] = max(row["last"], ends.get(session, row["last"]))
    except OSError:
        # The history has said what is wrong with it; this run does without.
        return None
    return max(ends, key=ends.__getitem__, default=None)


def compare(report: PerformanceReport, earlier: str, session_id: str) -> Comparison:
    """Compare this run with an earlier one."""
    found = report.compare_sessions(earlier, session_id, min_samples=_MIN_SAMPLES)
    verdicts: dict[str, list[StageChange]] = {"degraded": [], "improved": [], "unchanged": []}
    for name, change in found["changes"].items():
        if name.endswith(WALL_TIME) and change["verdict"] in verdicts:
            before, after = found["period1"][name]["median"], found["period2"][name]["median"]
            median, mean = 100 * (after / before - 1), change["percentage"]
            agrees = median > 0 if change["verdict"] == "degraded" else median < 0
            stage = StageChange(name.removesuffix(WALL_TIME), median if agrees else mean)
            verdicts[change["verdict"]].append(stage)
    return Comparison(
        session_id=earlier,
        report=found,
        compared=sum(map(len, verdicts.values())),
        slower=sorted(verdicts["degraded"], key=lambda stage: -stage.percent),
        faster=sorted(verdicts["improved"], key=lambda stage: stage.percent),
    )
