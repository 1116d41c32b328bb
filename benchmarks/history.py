"""The history on disk: what it adds to a record, and what a month of a hundred operations costs.

The peer of the reports is what one would write in an afternoon: a table of ``sqlite3`` with a row a
sample, in a file of its own with the same data, and its figures by NumPy.
"""

import atexit
import datetime as dt
import functools
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from .harness import Contender, Names
from .rows import Comparison, Gauge, Peer, Target, Work

DAYS = 30
FEW_DAYS = 3
OPERATIONS = 100
MINUTES_A_DAY = 1_440
START = 1_780_012_800  # a midnight of UTC
MB = 1024 * 1024

# In a process of its own, whose monitor keeps one sample: all else has to come from the file.
BUILD = """
import sys
from benchmarks.history import START, durations
from ptpd_monitoring import History, PerformanceMonitor
from ptpd_monitoring.testing import ManualClock
path, days, operations, samples = sys.argv[1], *map(int, sys.argv[2:])
clock = ManualClock(wall=START)
with History(path, clock=clock, flush_interval=86_400.0) as history:
    monitor = PerformanceMonitor(1, clock=clock, history=history)
    recorded = [(f"op{number:03}", durations(number, samples)) for number in range(operations)]
    for minute in range(days * 1_440):
        for name, values in recorded:
            monitor.record_many(name, values, "seconds")
        clock.advance(60)
        if minute % 60 == 59 and not history.flush():
            raise SystemExit(history.problem)
    history.fold()
    history.vacuum()
"""


def durations(number: int, samples: int) -> list[float]:
    """What an operation takes each minute, the same on each run."""
    chance = random.Random(number)  # noqa: S311 - not a secret
    return [chance.lognormvariate(-4 + number / 50, 0.5) for _ in range(samples)]


@functools.cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="ptpd-benchmark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@functools.cache
def _history(days: int, samples: int) -> Path:
    path = _folder() / f"history-{days}-{samples}.db"
    command = [sys.executable, "-c", BUILD, path, days, OPERATIONS, samples]
    subprocess.run([str(part) for part in command], check=True)
    return path


@functools.cache
def _plain(days: int, samples: int) -> Path:
    path = _folder() / f"plain-{days}-{samples}.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE samples (time REAL, operation TEXT, value REAL)")
        rows = [(f"op{number:03}", durations(number, samples)) for number in range(OPERATIONS)]
        for minute in range(days * MINUTES_A_DAY):
            connection.executemany(
                "INSERT INTO samples VALUES (?, ?, ?)",
                [(START + 60 * minute, name, value) for name, values in rows for value in values],
            )
        connection.execute("CREATE INDEX by_time ON samples (time)")
    connection.close()
    return path


def _moment(day: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(START + day * 86_400, dt.timezone.utc)


def _reader(days: int, samples: int) -> Names:
    from ptpd_monitoring import History, PerformanceMonitor, PerformanceReport
    from ptpd_monitoring.testing import ManualClock

    # To look at alone, at the end of the days: what is too old would be deleted meanwhile.
    clock = ManualClock(wall=START + days * 86_400)
    history = History(_history(days, samples), record=False, clock=clock)
    report = PerformanceReport(PerformanceMonitor(clock=clock, history=history))
    day = _moment(days - 2).date()
    found = report.generate_daily_report(day, tz="UTC")["operations"]
    counts = [figures["count"] for figures in found.values()]
    if counts != [MINUTES_A_DAY * samples] * OPERATIONS:
        raise RuntimeError(f"the report of {day} has {counts}")
    last = dt.timedelta(microseconds=1)
    return {
        "history": history,
        "report": report,
        "day": day,
        "first": (_moment(0), _moment(days // 2) - last),
        "second": (_moment(days // 2), _moment(days) - last),
    }


def _plain_reader(days: int, samples: int) -> Names:
    import numpy as np

    connection = sqlite3.connect(_plain(days, samples))

    def figures(start: float, end: float) -> dict[str, dict[str, float]]:
        values: dict[str, list[float]] = {}
        query = "SELECT operation, value FROM samples WHERE time >= ? AND time < ?"
        for operation, value in connection.execute(query, (start, end)):
            values.setdefault(operation, []).append(value)
        return {
            operation: {
                "count": len(found),
                "mean": float(np.mean(found)),
                "std": float(np.std(found)),
                **dict(
                    zip(
                        ("min", "p50", "p90", "p95", "p99", "max"),
                        np.percentile(found, [0, 50, 90, 95, 99, 100]).tolist(),
                        strict=True,
                    )
                ),
            }
            for operation, found in values.items()
        }

    return {
        "figures": figures,
        "start": START + (days - 2) * 86_400,
        "middle": START + days // 2 * 86_400,
        "begin": START,
        "end": START + days * 86_400,
    }


def _recorder(*, history: bool) -> Names:
    from ptpd_monitoring import APIPerformanceTracker, History, PerformanceMonitor

    if not history:
        return {"monitor": PerformanceMonitor(), "tracker": APIPerformanceTracker()}
    kept = History(_folder() / f"recorded-{os.getpid()}.db")
    return {
        "monitor": PerformanceMonitor(history=kept),
        "tracker": APIPerformanceTracker(history=kept),
    }


def _with_history(name: str, statement: str) -> Comparison:
    return Comparison(
        area="history",
        name=f"{name}, with a history",
        ours=Contender(
            name="ours", statement=statement, setup=functools.partial(_recorder, history=True)
        ),
        against=[
            (
                Contender(
                    name="without one",
                    statement=statement,
                    setup=functools.partial(_recorder, history=False),
                ),
                Target("1.2"),
            )
        ],
    )


DAILY = 'report.generate_daily_report(day, tz="UTC")'
COMPARE = "report.compare_performance(first, second)"
PLAIN_DAILY = "figures(start, start + 86_400)"
PLAIN_COMPARE = "figures(begin, middle), figures(middle, end)"


def _against_plain(name: str, ours: str, plain: str) -> Comparison:
    return Comparison(
        area="history",
        name=name,
        ours=Contender(name="ours", statement=ours, setup=lambda: _reader(DAYS, 1), unroll=1),
        against=[
            (
                Contender(
                    name="sqlite3 with a row a sample",
                    statement=plain,
                    setup=lambda: _plain_reader(DAYS, 1),
                    unroll=1,
                ),
                Target("1"),
            )
        ],
    )


def _milliseconds(statement: str) -> tuple[float, float]:
    import time

    names = _reader(DAYS, 10)
    code = compile(statement, "<benchmark>", "eval")
    begin = time.perf_counter()
    eval(code, dict(names))  # noqa: S307 - a constant of this module
    return (time.perf_counter() - begin) * 1_000, 0.0


def _file_mb() -> tuple[float, float]:
    return _history(DAYS, 10).stat().st_size / MB, 0.0


def _absolute(name: str, statement: str, most: str) -> Gauge:
    return Gauge(
        area="history",
        name=name,
        peer=Peer("a limit", Target(most, unit="ms")),
        read=functools.partial(_milliseconds, statement),
        most_rounds=11,
    )


WORKS: list[Work] = [
    _with_history("record_metric", 'monitor.record_metric("op", 0.5, "s")'),
    _with_history("with monitor.timer", 'with monitor.timer("op"): pass'),
    _with_history("track_request", 'tracker.track_request("/api", 0.5, 200)'),
    _absolute("daily report of 100 operations, 30 days kept", DAILY, "50"),
    _absolute("comparison of 30 days of 100 operations", COMPARE, "300"),
    Gauge(
        area="history",
        name="file of 100 operations, 30 days",
        peer=Peer("a limit", Target("100", unit="MB")),
        read=_file_mb,
        most_rounds=1,
    ),
    _against_plain("daily report, a sample a minute for 30 days", DAILY, PLAIN_DAILY),
    _against_plain("comparison of 30 days, a sample a minute", COMPARE, PLAIN_COMPARE),
    Comparison(
        area="history",
        name="daily report, 100 samples a minute",
        ours=Contender(
            name="ours", statement=DAILY, setup=lambda: _reader(FEW_DAYS, 100), unroll=1
        ),
        against=[
            (
                Contender(
                    name="10 samples a minute",
                    statement=DAILY,
                    setup=lambda: _reader(FEW_DAYS, 10),
                    unroll=1,
                ),
                Target("1.5"),
            )
        ],
    ),
]
