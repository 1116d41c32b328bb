"""``ptpd-monitor bench``."""

from __future__ import annotations

import gc
import json
import platform
import statistics
import timeit
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from ptpd_monitoring.cli.files import version
from ptpd_monitoring.cli.quantities import number, quantity
from ptpd_monitoring.cli.screen import Column, console, need_rich, table

if TYPE_CHECKING:
    from collections.abc import Callable

_ROUNDS = 31
# Of one round of one contender: well below a time slice.
_ROUND_S = 1e-3
_SAMPLES = 10_000


@dataclass(frozen=True)
class _Work:
    """One piece of work of ours beside one of Python alone, as statements over the same names."""

    name: str
    ours: str
    peer: str
    peers: str
    names: Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Result:
    """Medians over the rounds: seconds a call of each, and of their ratio in one round."""

    work: str
    seconds: float
    peer: str
    peer_seconds: float
    ratio: float


def _timers() -> dict[str, Any]:
    from contextlib import nullcontext

    from ptpd_monitoring.performance import PerformanceMonitor

    return {"monitor": PerformanceMonitor(), "nullcontext": nullcontext}


def _metrics() -> dict[str, Any]:
    from collections import deque
    from time import time

    from ptpd_monitoring.performance import PerformanceMonitor

    return {"monitor": PerformanceMonitor(), "kept": deque(maxlen=_SAMPLES), "time": time}


def _caches() -> dict[str, Any]:
    from functools import lru_cache

    from ptpd_monitoring.performance import CacheManager

    cache = CacheManager(max_size=1_000)
    cache.set("key", 1)

    @lru_cache(maxsize=1_000)
    def cached(_key: str) -> int:
        return 1

    return {"cache": cache, "cached": cached}


def _samples() -> dict[str, Any]:
    from ptpd_monitoring.performance import PerformanceMonitor

    monitor = PerformanceMonitor(max_history=_SAMPLES)
    values = [((one * 7919) % _SAMPLES) / 1e6 for one in range(_SAMPLES)]
    monitor.record_many("op", values, "seconds")

    def figures() -> tuple[object, ...]:
        cuts = statistics.quantiles(values, n=100)
        return (statistics.fmean(values), statistics.pstdev(values), min(values), max(values), cuts)

    def dump() -> str:
        rows = [{"metric_name": "op", "value": value, "unit": "seconds"} for value in values]
        return json.dumps(rows)

    return {"monitor": monitor, "figures": figures, "dump": dump}


_WORKS = (
    _Work(
        "a timed block",
        "with monitor.timer('op'): pass",
        "contextlib.nullcontext",
        "with nullcontext(): pass",
        _timers,
    ),
    _Work(
        "a recorded metric",
        "monitor.record_metric('op', 1.5, 'seconds')",
        "a tuple with the time, in a deque",
        "kept.append(('op', 1.5, 'seconds', time()))",
        _metrics,
    ),
    _Work("a cache hit", "cache.get('key')", "functools.lru_cache", "cached('key')", _caches),
    _Work(
        f"figures of {_SAMPLES:,} samples",
        "monitor.get_statistics('op')",
        "the statistics module",
        "figures()",
        _samples,
    ),
    _Work(
        f"{_SAMPLES:,} samples as JSON",
        "monitor.export_metrics('json')",
        "the json module",
        "dump()",
        _samples,
    ),
)


@click.command(
    short_help="Measure what this installation costs.",
    epilog="""\b
Examples:
  ptpd-monitor bench
  ptpd-monitor bench --json | jq '.results[] | select(.ratio > 2)'
""",
)
@click.option(
    "--rounds",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    default=_ROUNDS,
    show_default=True,
    help="How often each is measured; the median counts.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def bench(rounds: int, *, as_json: bool) -> None:
    """Measure what this installation costs, beside the standard library; a few seconds.

    What is measured takes turns, since a machine's speed drifts. Other packages are measured by
    `make bench`, in the source tree.
    """
    if not as_json:
        need_rich()
    results = [_measured(work, rounds) for work in _WORKS]
    system = (
        f"ptpd-monitoring {version()}, Python {platform.python_version()}, {platform.machine()}"
    )
    if as_json:
        shown = {"system": system, "results": [asdict(result) for result in results]}
        click.echo(json.dumps(shown, indent=2))
        return
    columns = [
        Column("ours", [quantity(result.seconds, "s") for result in results]),
        Column("beside", [result.peer for result in results], goes=2, left=True),
        Column("takes", [quantity(result.peer_seconds, "s") for result in results], goes=1),
        Column("ratio", [number(result.ratio) for result in results]),
    ]
    screen = console()
    works = Column("work", [result.work for result in results])
    screen.print(table(works, columns, screen.width))
    screen.print()
    screen.print(system)


def _measured(work: _Work, rounds: int) -> Result:
    names = work.names()
    timers = [timeit.Timer(statement, globals=names) for statement in (work.ours, work.peers)]
    calls = [_calls(timer) for timer in timers]
    gc.collect()
    taken: list[list[float]] = [[], []]
    for turn in range(rounds):
        # Whoever comes second may find the caches warm.
        for place in (0, 1) if turn % 2 else (1, 0):
            taken[place].append(timers[place].timeit(calls[place]) / calls[place])
    ratios = [ours / peers for ours, peers in zip(*taken, strict=True)]
    ours, peers = map(statistics.median, taken)
    return Result(work.name, ours, work.peer, peers, statistics.median(ratios))


def _calls(timer: timeit.Timer) -> int:
    """How many calls take about a round; warms up on the way."""
    calls = 1
    while (taken := timer.timeit(calls)) < _ROUND_S / 2:
        calls *= 2 if taken * 2 > _ROUND_S / 2 else 4
    return calls
