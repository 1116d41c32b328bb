"""Comparisons of simulated periods: what chance makes of them, and what it hides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ptpd_monitoring import PerformanceMonitor, PerformanceReport
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2024, 5, 17, 12)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

Draw = Callable[[np.random.Generator, int], Any]


def compare(before: Any, after: Any, **thresholds: Any) -> dict[str, Any]:
    """The comparison of two days with these samples of one operation."""
    clock = ManualClock()
    monitor = PerformanceMonitor(1_000_000, clock=clock)
    for day, values in enumerate((before, after)):
        clock.set_wall((NOON + day * DAY).timestamp())
        monitor.record_many("op", values, "s")
    periods = [(NOON + day * DAY - HOUR, NOON + day * DAY + HOUR) for day in range(2)]
    return PerformanceReport(monitor).compare_performance(*periods, **thresholds)


def change(before: Any, after: Any, **thresholds: Any) -> dict[str, Any]:
    """What became of the operation."""
    found: dict[str, Any] = compare(before, after, **thresholds)["changes"]["op"]
    return found


def usual(chance: np.random.Generator, size: int) -> Any:
    """Durations in seconds: a median of 4 ms, and a long tail."""
    return chance.lognormal(np.log(0.004), 0.4, size)


def with_slow(share: float, factor: float) -> Draw:
    """The same, of which a share takes so many times as long."""

    def draw(chance: np.random.Generator, size: int) -> Any:
        return usual(chance, size) * np.where(chance.random(size) < share, factor, 1.0)

    return draw


# What periods without a change are drawn from.
HEAVY: dict[str, Draw] = {
    "usual": usual,
    "wide": lambda chance, size: chance.lognormal(0, 1, size),
    "wider": lambda chance, size: chance.lognormal(0, 2, size),
    "pareto 1.5": lambda chance, size: chance.pareto(1.5, size) + 1,
    "pareto 2.5": lambda chance, size: chance.pareto(2.5, size) + 1,
    "1 of 1,000 slow": with_slow(0.001, 1_000),
    "1 of 100 slow": with_slow(0.01, 60),
    "1 of 20 slow": with_slow(0.05, 25),
    "ties": lambda chance, size: chance.integers(1, 6, size).astype(float),
}
SIZES = [(20, 20), (300, 300), (2_000, 200), (200, 2_000), (30_000, 500), (500, 30_000)]


def false_verdicts(
    draw: Draw, sizes: tuple[int, int], rounds: int, chance: np.random.Generator
) -> int:
    """In how many of so many comparisons without a change there is a verdict."""
    changes = [change(draw(chance, sizes[0]), draw(chance, sizes[1])) for _ in range(rounds)]
    return sum(one["verdict"] in {"improved", "degraded"} for one in changes)


def found(
    share: float, factor: float, sizes: tuple[int, int], rounds: int, chance: np.random.Generator
) -> int:
    """In how many of so many comparisons a slow share of the second period is told."""
    after = with_slow(share, factor)
    changes = [change(usual(chance, sizes[0]), after(chance, sizes[1])) for _ in range(rounds)]
    return sum(one["verdict"] == "degraded" for one in changes)
