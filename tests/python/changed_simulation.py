"""Simulated histories of days: what a report says of the last one, beside those before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np

from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    PerformanceReport,
)
from ptpd_monitoring.testing import ManualClock
from verdict_simulation import HEAVY

FIRST = datetime(2026, 6, 8, tzinfo=timezone.utc)
DAYS = 8
LAST = FIRST + timedelta(days=DAYS - 1)

# The durations of an operation, in seconds, in an hour of a day.
Draw = Callable[[np.random.Generator, int, int], Any]


def rate(hour: int) -> float:
    """How busy an hour is, beside the busiest one: nights are quiet."""
    return float(0.55 - 0.45 * np.cos(2 * np.pi * (hour - 3) / 24))


def steady(a_minute: float, median: float = 0.02, sigma: float = 0.4, load: float = 0.3) -> Draw:
    """So many a minute at the busiest hour, slower by `load` at that hour."""

    def draw(chance: np.random.Generator, day: int, hour: int) -> Any:
        size = chance.poisson(a_minute * 60 * rate(hour))
        return chance.lognormal(np.log(median * (1 + load * rate(hour))), sigma, size)

    return draw


def slower(draw: Draw, factor: float, hours: range, day: int = DAYS - 1) -> Draw:
    """The same, and slower by a factor in some hours of a day."""

    def drawn(chance: np.random.Generator, on: int, hour: int) -> Any:
        return draw(chance, on, hour) * (factor if on == day and hour in hours else 1.0)

    return drawn


def varying(draw: Draw, by: float, seed: int) -> Draw:
    """The same on days of which each is slower or faster as a whole."""
    of_days = np.exp(np.random.default_rng(seed).normal(0, by, DAYS))

    def drawn(chance: np.random.Generator, day: int, hour: int) -> Any:
        return draw(chance, day, hour) * of_days[day]

    return drawn


def heavy_tails(a_minute: float, seed: int) -> Draw:
    """Samples of one of the distributions of which verdicts are tested."""
    drawn = list(HEAVY.values())[seed % len(HEAVY)]

    def draw(chance: np.random.Generator, _day: int, hour: int) -> Any:
        return drawn(chance, int(chance.poisson(a_minute * 60 * rate(hour)))) * 0.01

    return draw


def report(
    path: Path,
    operations: dict[str, Draw],
    seed: int = 0,
    *,
    until: int = 24,
    days: int = DAYS,
    requests: Callable[[APIPerformanceTracker, np.random.Generator, int, int], None] | None = None,
) -> dict[str, Any]:
    """The report of the last day, up to an hour of it, after the days before."""
    chance = np.random.default_rng(seed)
    clock = ManualClock(wall=FIRST.timestamp())
    with History(path, flush_interval=3600.0, clock=clock, on_sigterm=False) as history:
        monitor = PerformanceMonitor(100, clock=clock, history=history)
        tracker = APIPerformanceTracker(100, clock=clock, history=history)
        for day in range(DAYS - days, DAYS):
            for hour in range(24 if day < DAYS - 1 else until):
                clock.set_wall((FIRST + timedelta(days=day, hours=hour, minutes=30)).timestamp())
                for name, draw in operations.items():
                    monitor.record_many(name, draw(chance, day, hour), "seconds")
                if requests is not None:
                    requests(tracker, chance, day, hour)
            history.flush()
        if until < 24:
            clock.set_wall((LAST + timedelta(hours=until)).timestamp())
        else:
            clock.set_wall((LAST + timedelta(hours=32)).timestamp())
        return PerformanceReport(monitor, tracker).generate_daily_report(LAST, tz="UTC")


def told(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What the report says changed: name, verdict, and the hour from which on."""
    return [(one["name"], one["verdict"], one["since"][11:16]) for one in found["changed"]]
