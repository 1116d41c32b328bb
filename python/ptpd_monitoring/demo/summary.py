"""What the monitor saw, as rows for a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ptpd_monitoring.performance import PerformanceMonitor

WALL_TIME = "_wall_time"


@dataclass(frozen=True)
class StageSummary:
    """One profiled operation.

    Attributes:
        name: of the function.
        count: runs.
        total_s, mean_s, p50_s, p95_s, p99_s: wall time in seconds.
        cpu: CPU time over wall time, 1.0 for one core kept busy.
        mpx_per_s: megapixels a second over the runs that saw an image, None where none did.
        peak_mb: highest memory of the process during any run, in MB, None where unknown.

    """

    name: str
    count: int
    total_s: float
    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float
    cpu: float
    mpx_per_s: float | None
    peak_mb: float | None


def profiled_operations(monitor: PerformanceMonitor) -> list[str]:
    """List the operations that a profiler recorded, in order of first use."""
    return [
        name.removesuffix(WALL_TIME) for name in monitor.operations() if name.endswith(WALL_TIME)
    ]


def summarise_stage(monitor: PerformanceMonitor, operation: str) -> StageSummary:
    """Figures of one profiled operation.

    Raises:
        ValueError: the profiler recorded no such operation.

    """
    statistics = monitor.get_statistics(operation + WALL_TIME)
    if statistics["count"] == 0:
        raise ValueError(f"operation was never profiled: {operation!r}")
    total = float(monitor.values(operation + WALL_TIME).sum())
    profiles = [sample.metadata for sample in monitor.get_metrics(operation + WALL_TIME)]
    cpu = sum(profile["cpu_time_s"] for profile in profiles)
    sighted = [profile for profile in profiles if profile.get("pixels")]
    sighted_s = sum(profile["wall_time_s"] for profile in sighted)
    return StageSummary(
        name=operation,
        count=statistics["count"],
        total_s=total,
        mean_s=statistics["mean"],
        p50_s=statistics["p50"],
        p95_s=statistics["p95"],
        p99_s=statistics["p99"],
        cpu=cpu / total if total else 0.0,
        mpx_per_s=sum(profile["pixels"] for profile in sighted) / 1e6 / sighted_s
        if sighted_s
        else None,
        peak_mb=max(
            (p["memory_peak_mb"] for p in profiles if p["memory_peak_mb"] is not None), default=None
        ),
    )
