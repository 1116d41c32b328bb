"""Samples of many shapes, of which only a history is left, and how far percentiles are from NumPy's.

PYTEST_DONT_REWRITE: helpers only, there is no test in here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import numpy.typing as npt

from history_support import query
from ptpd_monitoring import History, PerformanceMonitor, PerformanceReport
from ptpd_monitoring.testing import ManualClock

Floats = npt.NDArray[np.float64]

# That of docs/history.md.
ERROR = 0.011
DAY = datetime(2026, 6, 15, tzinfo=timezone.utc)
MINUTES = 1_440
PERCENTS = [*range(1, 100), 99.9]


def _bimodal(chance: np.random.Generator, count: int) -> Floats:
    modes = np.where(chance.random(count) < 0.7, 0.001, 0.2)
    return modes * chance.lognormal(0, 0.1, count)


SHAPES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "lognormal": lambda chance, count: chance.lognormal(-4, 0.5, count),
    "bimodal": _bimodal,
    "constant": lambda _, count: np.full(count, 0.1),
    "heavy-tailed": lambda chance, count: 1e-3 * (1 + chance.pareto(0.6, count)),
    "negative": lambda chance, count: -chance.lognormal(0, 2, count),
    "mixed": lambda chance, count: chance.normal(0, 10, count),
}


def check_a_day(path: Path, count: int) -> None:
    """Record so many samples of each shape over a day, and compare what reports say of them, and what
    is in the file, with all of them: while they are there by the minute, and then by the hour."""
    chance = np.random.default_rng(count)
    shapes = {name: shape(chance, count) for name, shape in SHAPES.items()}
    clock = ManualClock(wall=DAY.timestamp())
    with History(path, flush_interval=3600, clock=clock) as history:
        monitor = PerformanceMonitor(1, clock=clock, history=history)
        minutes = {name: np.array_split(values, MINUTES) for name, values in shapes.items()}
        for minute in range(MINUTES):
            for name in shapes:
                monitor.record_many(name, minutes[name][minute], "s")
            clock.advance(60)
        for table in ("minutes", "hours"):
            assert history.flush(), history.problem
            report = PerformanceReport(monitor).generate_daily_report(DAY, tz="UTC")
            assert report["operations"].keys() == shapes.keys()
            for name, values in shapes.items():
                figures = report["operations"][name]
                assert figures["source"] == "history"
                assert figures["accuracy"] == "histogram, 1.1 %"
                assert (figures["count"], figures["min"]) == (count, values.min()), name
                assert figures["max"] == values.max(), name
                # By the size of what is added, as signs may cancel out.
                assert abs(figures["mean"] - values.mean()) <= 1e-12 * abs(values).mean(), name
                _check_report(name, values, figures)
                _check_buckets(f"{name}, {table}", values, _buckets(path, table, name))
            # Minutes are kept for two days.
            clock.advance(timedelta(days=4).total_seconds())
            history.fold()
        assert query(
            path, "SELECT count(*) FROM minutes WHERE start < ?", DAY.timestamp() + 86_400
        )[0] == (0,)


def _check_report(name: str, values: Floats, figures: dict[str, float]) -> None:
    """The percentiles that a report has lie within the error of NumPy's. Between a negative and a positive
    sample NumPy's may be close to zero; then it is that of the larger one."""
    has_both_signs = values.min() < 0 < values.max()
    for percent in (50, 90, 95, 99):
        exact, *beside = (
            float(np.percentile(values, percent, method=method))
            for method in ("linear", "lower", "higher")
        )
        size = max(map(abs, beside)) if has_both_signs else abs(exact)
        found = figures[f"p{percent}"]
        assert abs(found - exact) <= ERROR * size, (name, percent, found, exact)
    assert figures["median"] == figures["p50"]


def _check_buckets(name: str, values: Floats, counts: dict[int, int]) -> None:
    """Each percentile's bucket is that of the sample which NumPy finds there."""
    places = sorted(counts)
    up_to = np.cumsum([counts[place] for place in places])
    assert up_to[-1] == len(values), name
    for percent in PERCENTS:
        exact = float(np.percentile(values, percent, method="lower"))
        rank = int(percent / 100 * (len(values) - 1))
        place = places[int(np.searchsorted(up_to, rank, side="right"))]
        found = _middle(place)
        assert abs(found - exact) <= ERROR * abs(exact), (name, percent, found, exact)


def _middle(place: int) -> float:
    """What is as far from the one end of a bucket as from the other, for its size."""
    if place < -34_370:
        return -_middle(-68_740 - place)
    low, high = (2 ** (end / 32) for end in (place, place + 1))
    return 2 * low * high / (low + high)


def _buckets(path: Path, table: str, name: str) -> dict[int, int]:
    """How many samples have which place, read as docs/history.md says."""
    rows = query(
        path,
        f"SELECT hex(buckets) FROM {table} JOIN series ON series.id = series"
        " WHERE kind = 'operation' AND name = ?",
        name,
    )
    assert rows
    counts: Counter[int] = Counter()
    for (data,) in rows:
        _, *numbers = _numbers(bytes.fromhex(data))
        assert numbers.pop(0) == 0, "a sample was not a number"
        buckets, first = numbers.pop(0), numbers.pop(0)
        place = (first >> 1) ^ -(first & 1)
        for _ in range(buckets):
            token = numbers.pop(0)
            gap = token & 3
            place += gap if gap < 3 else 3 + numbers.pop(0)
            counts[place] += (token >> 2) + 1
            place += 1
        assert numbers == []
    return counts


def _numbers(data: bytes) -> list[int]:
    """Unsigned LEB128 numbers; the byte before them, a version, reads as one of them."""
    found, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(value)
            value = shift = 0
    return found
