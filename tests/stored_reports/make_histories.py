"""Makes the histories that the stored reports are of, with what is installed.

    python tests/stored_reports/make_histories.py [NAME ...]

Each program that writes to a history is a function in here, run in a process of its own, in a time
zone of its own, by a clock that stands still until it is moved. What differs from one run to the next
(the host, process numbers, when a process started, how often it wrote) is set to fixed values
afterwards, so that the same code makes the same rows again. The files are kept compressed in
``histories/``. They need not be made anew when reports change; only a history of another kind is a
reason to run this.
"""

from __future__ import annotations

import argparse
import contextlib
import lzma
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from ptpd_monitoring import (
    APIPerformanceTracker,
    History,
    ImageProcessingProfiler,
    PerformanceMonitor,
)
from ptpd_monitoring.testing import ManualClock

FOLDER = Path(__file__).resolve().parent / "histories"

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
# Sums of such parts of a second are exact, in whatever order they are added up.
GRAIN = 4096

HOST = "darkroom"


class Recorder(NamedTuple):
    """One program: what it records by, and the clock that it moves."""

    clock: ManualClock
    history: History
    monitor: PerformanceMonitor
    tracker: APIPerformanceTracker

    def at(self, moment: datetime) -> None:
        self.clock.set_wall(moment.timestamp())


@contextlib.contextmanager
def recorder(
    path: Path,
    start: datetime,
    *,
    version: str | None = None,
    retention_days: int = 60,
    max_operations: int = 10_000,
    max_endpoints: int = 10_000,
) -> Iterator[Recorder]:
    """Record into a history from a moment on."""
    clock = ManualClock(wall=start.timestamp())
    with History(
        path,
        flush_interval=3600.0,
        clock=clock,
        on_sigterm=False,
        retention_days=retention_days,
        version=version,
    ) as history:
        yield Recorder(
            clock,
            history,
            PerformanceMonitor(max_operations=max_operations, clock=clock, history=history),
            APIPerformanceTracker(max_endpoints=max_endpoints, clock=clock, history=history),
        )
        # From when on minutes and hours are kept is then told by the clock, not by when the thread
        # that writes last looked at it.
        assert history.flush()
        history.fold()


def durations(seed: object, number: int, median: float, sigma: float = 0.4) -> list[float]:
    """Seconds, most of them near the median and some far above it."""
    chance = random.Random(str(seed))
    drawn = (median * chance.lognormvariate(0, sigma) for _ in range(number))
    return [max(round(value * GRAIN), 1) / GRAIN for value in drawn]


def plain(path: Path) -> None:
    """Three operations and a count, for an afternoon."""
    with recorder(path, NOON) as program:
        for minute in range(0, 180, 5):
            program.at(NOON + minute * MINUTE)
            for name, median in (("coat", 0.5), ("expose", 0.125), ("develop", 2.0)):
                program.monitor.record_many(name, durations((name, minute), 6, median), "seconds")
            program.monitor.record_metric("sheets", float(1 + minute // 5), "sheets")


# Of the 40 days up to Monday, 15 June.
FORTY = 40


def forty_days(path: Path) -> None:
    """Operations that slow down, speed up, begin, end, fail more often or stay as they are."""
    first = NOON.replace(hour=0) - (FORTY - 1) * DAY
    with recorder(path, first) as program:
        for day in range(FORTY):
            for hour in range(7, 20):
                program.at(first + day * DAY + hour * HOUR + 20 * MINUTE)
                for name, values, failing in work_of(day, hour):
                    for number, value in enumerate(values):
                        program.monitor.record_metric(
                            name, value, "seconds", {"success": number >= failing}
                        )
                slow = 2 if day >= FORTY - 2 and hour >= 10 else 1
                for number, value in enumerate(durations((hour, day % 3), 24, 0.0625)):
                    failed = number < (3 if day == FORTY - 1 and hour >= 14 else 0)
                    program.tracker.track_request("/films", slow * value, 503 if failed else 200)
                    program.tracker.track_request("/films", value, 201, "POST")
            program.at(first + day * DAY + 23 * HOUR)
            if day != FORTY - 1:
                program.monitor.record_metric("nightly copy", 30.0 + day % 3, "seconds")


def work_of(day: int, hour: int) -> Iterator[tuple[str, list[float], int]]:
    """What runs in an hour of a day: the operation, its seconds, and how many of them fail."""
    last = day == FORTY - 1

    def seconds(name: str, median: float, factor: float = 1.0) -> list[float]:
        return [factor * value for value in durations((name, hour, day % 3), 24, median)]

    yield "coat", seconds("coat", 0.5), 0
    yield "develop", seconds("develop", 2.0, 1.75 if day >= FORTY - 5 else 1.0), 0
    yield "expose", seconds("expose", 0.25, 0.5 if last else 1.0), 0
    yield "tone", seconds("tone", 1.0, 2.0 if last and hour >= 14 else 1.0), 0
    yield "wash", seconds("wash", 4.0), 6 if last and hour >= 12 else 0
    if day < FORTY - 1:
        yield "dry", seconds("dry", 8.0), 0
    if last and hour >= 13:
        yield "varnish", seconds("varnish", 0.75), 0


def requests(path: Path) -> None:
    """Endpoints asked by several methods, of which clients and the server fail some."""
    with recorder(path, NOON - DAY) as program:
        track = program.tracker.track_request
        for day, factor in ((0, 1.0), (1, 1.5)):
            for minute in range(0, 120, 10):
                program.at(NOON + (day - 1) * DAY + minute * MINUTE)
                for number, value in enumerate(durations(("films", minute), 20, 0.0625)):
                    track("/films", factor * value, 404 if number == 3 else 200)
                    status = 503 if number < 4 * day else 201
                    error = f"film store is busy ({number % 2})" if status == 503 else None
                    track("/films", value, status, "POST", error)
                for number, value in enumerate(durations(("prints", minute), 8, 0.25)):
                    track("/prints/{id}", value, (200, 200, 302, 422)[number % 4])
                track("/health", 1 / 1024, 200)
                track("/slow", 8.5, 504, "GET", "gateway timed out")
                track("/cancelled", 0.5, 499, "PUT", "CancelledError")
                track("/odd", 0.25, 99, "BREW")
                track("/odd", 0.25, 700, "BREW", "no such status\nin two lines")
            for moved in range(6):
                track("/moved" if day else "/old", 0.125 + moved / 64, 200)


RESOURCES = {
    "cpu_percent": "percent",
    "memory_percent": "percent",
    "memory_used_mb": "MB",
    "disk_percent": "percent",
    "disk_used_gb": "GB",
    "gpu_percent": "percent",
    "gpu_memory_mb": "MB",
}


def resources(path: Path) -> None:
    """Readings of a machine that grows busy, as operations, which ``as_resources`` changes."""
    with recorder(path, NOON) as program:
        for minute in range(0, 384, 6):
            program.at(NOON + minute * MINUTE)
            busy = minute / 384
            readings = {
                "cpu_percent": [20 + 76 * busy, 25 + 74 * busy],
                "memory_percent": [50 + 35 * busy],
                "memory_used_mb": [8192 + 6144 * busy],
                "disk_percent": [89.5 if minute < 300 else 90.5],
                "disk_used_gb": [447.5 if minute < 300 else 452.5],
                "gpu_percent": [0.0 if minute < 60 else 88.0],
                "gpu_memory_mb": [512.0 if minute < 60 else 20480.0],
            }
            for figure, values in readings.items():
                program.monitor.record_many(figure, values, RESOURCES[figure])
            program.monitor.record_many("expose", durations(minute, 4, 0.25 + busy), "seconds")


def as_resources(database: sqlite3.Connection) -> None:
    """A monitor of resources reads the machine itself, so its rows come from elsewhere."""
    database.executemany(
        "UPDATE series SET kind = 'resource' WHERE name = ? AND kind = 'operation'",
        [(figure,) for figure in RESOURCES],
    )
    # One that no release knows by name.
    database.execute("UPDATE series SET name = 'swap_percent' WHERE name = 'gpu_percent'")


def failures(path: Path) -> None:
    """Blocks and calls that raise: some of them, all of them, and more of them than before."""
    with recorder(path, NOON - DAY) as program:
        for day in (0, 1):
            for minute in range(0, 60, 5):
                program.at(NOON + (day - 1) * DAY + minute * MINUTE)
                for number in range(10):
                    with contextlib.suppress(ValueError), program.monitor.timer("expose"):
                        program.clock.advance((4 + number % 3) / 16)
                        if number < (1 + 4 * day) and minute % 10 == 0:
                            raise ValueError("no light")
                    with contextlib.suppress(OSError), program.monitor.timer("load"):
                        program.clock.advance(1 / 64)
                        raise OSError("no disk")
                    outcome = {"success": number != 0}
                    program.monitor.record_metric("by hand", 1.5, "seconds", outcome)
                    program.monitor.record_metric("never told", 0.5, "seconds")
                with program.monitor.session(f"print {day}"):
                    with contextlib.suppress(ValueError), program.monitor.timer("expose"):
                        program.clock.advance(0.75)
                        raise ValueError("no light")
                    with program.monitor.timer("expose"):
                        program.clock.advance(0.5)


def sessions(path: Path) -> None:
    """Sessions that are entered, entered in each other, and named by metadata."""
    with recorder(path, NOON) as program:
        monitor = program.monitor
        for number in range(24):
            program.at(NOON + 10 * number * MINUTE)
            with monitor.session("job-1" if number < 12 else "job-2"):
                monitor.record_many("coat", durations(("coat", number), 5, 0.5), "seconds")
                with monitor.session(f"plate {number % 3}"), monitor.timer("expose"):
                    program.clock.advance((8 + number % 5) / 8)
                slower = 1.5 if number >= 12 else 1.0
                for value in durations(("develop", number % 12), 4, 2.0):
                    monitor.record_metric("develop", slower * value, "seconds")
            monitor.record_metric("dmax", 1.25 + number / 64, "density", {"session_id": "job-1"})
            monitor.record_metric("outside", 1.0, "seconds")
        with monitor.session("only once"):
            monitor.record_metric("coat", 0.75, "seconds")
        with monitor.session("<b>job</b> | =1+1"):
            monitor.record_metric("coat", 0.25, "seconds")


def sessions_elsewhere(path: Path) -> None:
    """Another machine goes on with one of the sessions."""
    with recorder(path, NOON + 2 * HOUR) as program, program.monitor.session("job-2"):
        for number in range(6):
            program.at(NOON + 2 * HOUR + 10 * number * MINUTE)
            program.monitor.record_many("develop", durations(number, 4, 3.5), "seconds")
            program.monitor.record_many("scan", durations(number, 2, 16.0), "seconds")


def release(version: str | None, hours: Sequence[int], factor: float) -> Callable[[Path], None]:
    """A release of a program in some hours of the day."""

    def run(path: Path) -> None:
        start = NOON.replace(hour=0)
        with recorder(path, start, version=version) as program:
            for hour in hours:
                program.at(start + hour * HOUR + 20 * MINUTE)
                values = durations(("expose", hour), 40, 0.25)
                program.monitor.record_many("expose", [factor * it for it in values], "seconds")
                program.monitor.record_many("coat", durations(("coat", hour), 40, 0.5), "seconds")
                for number, value in enumerate(durations(("films", hour), 40, 0.0625)):
                    failed = number < 10 * (factor - 1)
                    program.tracker.track_request("/films", value, 500 if failed else 200)
            if version is not None:
                program.monitor.record_metric(f"only in {version}", 1.0, "seconds")

    return run


def not_finite(path: Path) -> None:
    """Values that are no numbers, and infinite ones, alone and among others."""
    nan, infinity = float("nan"), float("inf")
    of_names = {
        "some are no number": [1.0, nan, 2.0, nan, 3.0],
        "none is a number": [nan, nan],
        "one is infinite": [1.0, 2.0, infinity],
        "one is negative and infinite": [-infinity, 1.0, 2.0],
        "infinite in both directions": [-infinity, 0.5, infinity],
        "all are infinite": [infinity] * 12,
        "everything": [nan, -infinity, -1.0, 0.0, 1.0, infinity],
        "huge and tiny": [1e308, 1e308, 5e-324, 1e-300],
        "zeros": [0.0, -0.0, 0.0],
    }
    with recorder(path, NOON - DAY) as program:
        for day in (0, 1):
            for minute in range(0, 30, 10):
                program.at(NOON + (day - 1) * DAY + minute * MINUTE)
                for name, values in of_names.items():
                    program.monitor.record_many(name, values, "seconds")
                calm = [(8 + day + n % 3) / 8 for n in range(12)]
                program.monitor.record_many("turns into none", calm, "seconds")
                if day:
                    program.monitor.record_metric("turns into none", nan, "seconds")


def units(path: Path) -> None:
    """Units that change, or that there are not; figures of all kinds and signs."""
    of_names: dict[str, tuple[str, list[float]]] = {
        "milliseconds": ("ms", [12.5, 40.0, 95.0]),
        "microseconds": ("us", [3.0, 250.0]),
        "minutes": ("minutes", [6.0, 7.5]),
        "hours": ("h", [1.5, 30.0]),
        "bytes": ("bytes", [2_000_000.0, 1024.0, 3_000_000_000.0]),
        "megabytes": ("MB", [1.0, 2048.0]),
        "gigabytes": ("GB", [0.25, 1500.0]),
        "percent": ("percent", [12.5, 99.9]),
        "share": ("%", [0.5, 101.0]),
        "no unit": ("", [1.0, 2.0, 2.0, 5.0]),
        "temperature": ("°C", [-40.0, -4.5, 0.0, 21.0]),
        "all negative": ("density", [-1.5, -1.25, -1.0]),
        "zero and below": ("seconds", [0.0, -0.125, -8.0]),
        "long unit": ("sheets of Arches Platine", [1.0, 1_250_000.0]),
        "large": ("prints", [123_456_789.0, 9.9e14]),
        "small": ("density", [0.00012, 1e-9]),
    }
    with recorder(path, NOON) as program:
        for minute in range(0, 60, 15):
            program.at(NOON + minute * MINUTE)
            for name, (unit, values) in of_names.items():
                program.monitor.record_many(name, values, unit)
            mixed = ("seconds", "ms", "", "MB")[minute // 15]
            program.monitor.record_many("mixed units", [1.0, 4.0], mixed)
            alike = ("seconds", "s")[minute // 15 % 2]
            program.monitor.record_many("one unit by two names", [1.0, 4.0], alike)


AWKWARD = [
    "<script>alert('x')</script>",
    "\"quoted\" & 'single' &amp;",
    "a | b || c",
    "`code` *bold* _under_ [link](https://example.org) @someone #1",
    "two\nlines\r\nand\ttabs",
    "=SUM(A1:A9)",
    "+cmd|' /C calc'!A0",
    "-1",
    "@at",
    "  spaces  around  ",
    "größe, naïve, 測定, измерение",
    "🖼️ print 👩‍🔬",
    "\u202eright to left\u202c",
    "עברית ועוד",
    "العربية",
    "\x1b[31mred\x1b[0m\x07",
    "zero\u200bwidth and soft\u00adhyphen",
    "comma, semicolon; and ü",
    "",
    " ",
    "\\back\\slash\\",
    "x" * 300,
    "e\u0301 combined",
    "history",
    "operations",
    "[red]markup[/red]",
    "${HOME} %s {0} {{x}}",
    "-->]]></style>",
]


def names(path: Path) -> None:
    """Names, units, sessions, endpoints, methods and errors that are hard to write."""
    with recorder(path, NOON, version='1.0 <beta> | "quoted"') as program:
        for number, name in enumerate(AWKWARD):
            program.at(NOON + number * MINUTE)
            program.monitor.record_many(name, [1.0 + number / 64] * 12, "seconds")
            endpoint = name or "/"
            program.tracker.track_request(endpoint, (1 + number) / 64, 200 + 300 * (number % 2))
            program.tracker.track_request("/errors", 0.125, 500, "GET", f"{name} failed")
        for number, unit in enumerate(("<i>", "|", "=1", "µm²", "\u202eunit", "two\nlines")):
            program.monitor.record_metric(f"unit {number}", 2.0, unit)
        for method in ("GET", "<b>", "a|b", "=1"):
            program.tracker.track_request("/methods", 0.25, 404, method, f"no {method}")
        for session in ("<b>", "a | b", "=1+1", "🖼️"):
            with program.monitor.session(session):
                program.monitor.record_metric("in a session", 1.0, "seconds")


def single_sample(path: Path) -> None:
    """One sample and one request."""
    with recorder(path, NOON) as program:
        program.monitor.record_metric("expose", 0.375, "seconds")
        program.tracker.track_request("/films", 0.125, 200)


def empty(path: Path) -> None:
    """A history that nothing was recorded into."""
    with recorder(path, NOON):
        pass


def busy(path: Path) -> None:
    """A hundred operations and thirty endpoints."""
    with recorder(path, NOON - DAY) as program:
        for day, hour in ((0, 0), (0, 1), (1, 0), (1, 1)):
            program.at(NOON + (day - 1) * DAY + hour * HOUR + 30 * MINUTE)
            for number in range(100):
                factor = 1.5 if day and number % 25 == 7 else 1.0
                values = durations((number, hour), 20, 2.0 ** (number % 12 - 6))
                program.monitor.record_many(
                    f"operation {number:02}", [factor * value for value in values], "seconds"
                )
            for number in range(30):
                for value in durations((number, hour), 5, 2.0 ** (number % 6 - 6)):
                    failed = day and number % 10 == 3
                    program.tracker.track_request(
                        f"/endpoint/{number}", value, 500 if failed else 200
                    )


def around(change: datetime, hours: int = 30) -> Callable[[Path], None]:
    """Samples each half hour around a moment at which clocks change."""

    def run(path: Path) -> None:
        start = change - hours * HOUR
        with recorder(path, start, retention_days=400) as program:
            for half in range(4 * hours):
                program.at(start + half * HOUR / 2 + 7 * MINUTE)
                values = durations(half % 6, 4, 0.25)
                program.monitor.record_many("expose", values, "seconds")
                program.tracker.track_request("/films", values[0], 500 if half % 9 == 0 else 200)

    return run


SPRING_IN_BERLIN = datetime(2026, 3, 29, 1, tzinfo=timezone.utc)
AUTUMN_IN_BERLIN = datetime(2026, 10, 25, 1, tzinfo=timezone.utc)
SPRING_IN_NEW_YORK = datetime(2026, 3, 8, 7, tzinfo=timezone.utc)
AUTUMN_IN_NEW_YORK = datetime(2026, 11, 1, 6, tzinfo=timezone.utc)


def five_days(path: Path) -> None:
    """Each half hour of five days, of which minutes are left of the last two."""
    start = NOON - 4 * DAY
    with recorder(path, start) as program:
        for half in range(4 * 48):
            program.at(start + half * HOUR / 2 + 5 * MINUTE)
            values = durations(half % 6, 4, 0.25)
            program.monitor.record_many("expose", values, "seconds")
            program.tracker.track_request("/films", values[0], 200)


def gaps(path: Path) -> None:
    """A week in which hours and whole days are missing."""
    start = NOON.replace(hour=0) - 7 * DAY
    with recorder(path, start) as program:
        for day in (0, 1, 4, 7):
            for hour in (0, 1, 2, 9, 14, 15, 23):
                if (day, hour) == (7, 23):
                    continue
                program.at(start + day * DAY + hour * HOUR + 59 * MINUTE)
                program.monitor.record_many("expose", durations(hour, 12, 0.25), "seconds")
                if hour == 14:
                    program.monitor.record_many("once a day", [3.0], "seconds")
                if day in {0, 7}:
                    program.monitor.record_many("coat", durations(hour, 12, 0.5), "seconds")


def hours_only(path: Path) -> None:
    """Three days, whose minutes have all been deleted since."""
    start = NOON.replace(hour=0) - 2 * DAY
    with recorder(path, start) as program:
        for hour in range(0, 72, 2):
            program.at(start + hour * HOUR + 10 * MINUTE)
            factor = 1.5 if hour >= 48 else 1.0
            values = durations(("expose", hour % 24), 20, 0.25)
            program.monitor.record_many("expose", [factor * it for it in values], "seconds")
            with program.monitor.session(f"day {hour // 24}"):
                program.monitor.record_many("coat", durations(hour, 5, 0.5), "seconds")
            for value in values[:5]:
                program.tracker.track_request("/films", value, 503, "GET", "busy")
        program.at(NOON + 10 * DAY)


def crash_left(path: Path) -> None:
    """Four hours, of which ``leave_in_log`` takes the last two back out of the file."""
    with recorder(path, NOON) as program:
        for minute in range(0, 240, 10):
            program.at(NOON + minute * MINUTE)
            program.monitor.record_many("expose", durations(minute, 5, 0.25), "seconds")
            failed = minute % 40 == 0
            error = "busy" if failed else None
            program.tracker.track_request("/films", 0.125, 503 if failed else 200, error=error)


def overflow(path: Path) -> None:
    """More operations, endpoints, methods and errors than are kept apart."""
    with recorder(path, NOON, max_operations=20, max_endpoints=15) as program:
        for number in range(60):
            program.at(NOON + number * MINUTE)
            program.monitor.record_many(f"operation {number}", [0.5, 0.75], "seconds")
            program.tracker.track_request(f"/endpoint/{number}", 0.125 + number / 256, 200)
        for number in range(110):
            program.tracker.track_request("/endpoint/1", 0.25, 200, f"METHOD{number}")
        for number in range(130):
            program.tracker.track_request("/endpoint/2", 0.25, 500, "GET", f"error {number}")
        program.tracker.track_request("/endpoint/2", 0.25, 500, "GET", "long " * 300)
        with program.monitor.session("job"):
            program.monitor.record_many("operation 1", [1.0, 2.0], "seconds")


def beyond_bounds_of_file(database: sqlite3.Connection) -> None:
    """What a file says of the names beyond its own bounds, of which there are 100,000 first."""
    database.execute(
        "UPDATE series SET name = '(other operations)', unit = '(other units)',"
        " session = '(other sessions)' WHERE kind = 'session'"
    )


def images(path: Path) -> None:
    """Profiles of images, of which the sizes of some are known and some calls fail."""
    import numpy as np

    with recorder(path, NOON) as program:
        profiler = ImageProcessingProfiler(program.monitor)

        def develop(image: object) -> object:
            program.clock.advance(0.25 + program.clock.wall % 7 / 16)
            return image

        def sharpen(image: object, *, fails: bool = False) -> object:
            program.clock.advance(0.5)
            if fails:
                raise ValueError("too sharp")
            return image

        def tidy() -> None:
            program.clock.advance(0.125)

        for number in range(30):
            program.at(NOON + 2 * number * MINUTE)
            profiler.profile_operation(develop, np.zeros((40 + number, 60), np.uint8))
            with contextlib.suppress(ValueError):
                profiler.profile_operation(sharpen, np.zeros((30, 30, 3)), fails=number % 10 == 9)
            profiler.profile_operation(tidy)
            program.monitor.record_metric("coat_wall_time", 0.5, "seconds")


def known_memory(database: sqlite3.Connection) -> None:
    """The memory that the profiled calls took was what the process took at that time."""

    def buckets(count: int) -> bytes:
        """A histogram of so many halves, as docs/history.md describes it."""
        rest, found = (count - 1) * 4, [1, 0, 1, 65]
        while rest > 127:
            found.append(rest & 127 | 128)
            rest >>= 7
        return bytes([*found, rest])

    database.create_function("buckets", 1, buckets)
    for table in ("minutes", "hours"):
        database.execute(
            f"UPDATE {table} SET sum = count / 2.0, sum_squares = count / 4.0, min = 0.5, max = 0.5,"
            " buckets = buckets(count)"
            " WHERE series IN (SELECT id FROM series WHERE name LIKE '%_memory')"
        )


def worker(number: int) -> Callable[[Path], None]:
    """One of several processes that write to the same history, which also forks another one."""

    def run(path: Path) -> None:
        with recorder(path, NOON) as program:

            def record(name: str, offset: int) -> None:
                for minute in range(0, 40, 10):
                    program.at(NOON + (minute + offset) * MINUTE)
                    program.monitor.record_many("expose", durations(minute, 6, 0.25), "seconds")
                    program.monitor.record_many(name, durations(minute, 3, 1.0), "seconds")
                    status = 500 if minute == 20 else 200
                    program.tracker.track_request("/films", 0.125, status, error=f"of {name}")

            record(f"worker {number}", number)
            assert program.history.flush()
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    record(f"child of worker {number}", 30 + number)
                    status = 0 if program.history.flush() else 1
                finally:
                    os._exit(status)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    return run


def earlier_schema(path: Path) -> None:
    """What a release wrote that knew neither errors nor versions; see ``as_earlier_schema``."""
    with recorder(path, NOON) as program:
        for minute in range(0, 120, 10):
            program.at(NOON + minute * MINUTE)
            program.monitor.record_many("expose", durations(minute, 5, 0.25), "seconds")
            program.tracker.track_request("/films", 0.125, 500 if minute % 60 == 0 else 200)


def as_earlier_schema(database: sqlite3.Connection) -> None:
    database.execute("DROP TABLE errors")
    for column in ("version", "first_start"):
        database.execute(f"ALTER TABLE writers DROP COLUMN {column}")
    database.execute("DELETE FROM state WHERE name = 'writes'")
    database.execute("PRAGMA user_version = 1")


class Program(NamedTuple):
    """What writes to a history: a function, in a time zone, on a host."""

    write: Callable[[Path], None]
    zone: str = "UTC"
    host: str = HOST


class Recipe(NamedTuple):
    """How a history is made: by programs one after the other, and what is changed then."""

    programs: Sequence[Program]
    change: Callable[[sqlite3.Connection], None] | None = None
    # What is left in the log beside the file: the rows that begin at this moment or later.
    logged_from: datetime | None = None


HISTORIES: dict[str, Recipe] = {
    "plain": Recipe([Program(plain)]),
    "forty-days": Recipe([Program(forty_days)]),
    "requests": Recipe([Program(requests)]),
    "resources": Recipe([Program(resources)], as_resources),
    "failures": Recipe([Program(failures)]),
    "sessions": Recipe([Program(sessions), Program(sessions_elsewhere, host="scanner")]),
    "versions": Recipe(
        [
            Program(release("1.4.1", range(14), 1.0)),
            Program(release(None, range(3, 6), 8.0)),
            Program(release("1.4.2", range(13, 20), 1.5)),
        ]
    ),
    "not-finite": Recipe([Program(not_finite)]),
    "units": Recipe([Program(units)]),
    "names": Recipe([Program(names)]),
    "single-sample": Recipe([Program(single_sample)]),
    "empty": Recipe([Program(empty)]),
    "busy": Recipe([Program(busy)]),
    "berlin": Recipe(
        [
            Program(around(SPRING_IN_BERLIN), "Europe/Berlin"),
            Program(around(AUTUMN_IN_BERLIN), "Europe/Berlin"),
        ]
    ),
    "new-york": Recipe(
        [
            Program(around(SPRING_IN_NEW_YORK), "America/New_York"),
            Program(around(AUTUMN_IN_NEW_YORK), "America/New_York"),
        ]
    ),
    "kolkata": Recipe([Program(five_days, "Asia/Kolkata")]),
    "gaps": Recipe([Program(gaps)]),
    "hours-only": Recipe([Program(hours_only)]),
    "crash-left": Recipe([Program(crash_left)], logged_from=NOON + 2 * HOUR),
    "overflow": Recipe([Program(overflow)], beyond_bounds_of_file),
    "images": Recipe([Program(images)], known_memory),
    "workers": Recipe([Program(worker(number)) for number in range(3)]),
    "earlier-schema": Recipe([Program(earlier_schema)], as_earlier_schema),
}


def make(name: str, folder: Path) -> list[Path]:
    """Make a history in a folder, and return its files."""
    path = folder / f"{name}.db"
    recipe = HISTORIES[name]
    for number, program in enumerate(recipe.programs):
        command = [sys.executable, "-W", "error", __file__, "--run", name, str(number), str(path)]
        subprocess.run(command, check=True, env=os.environ | {"TZ": program.zone}, timeout=600)
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            # Those of this program are the ones that have no fixed host yet.
            database.execute(
                "UPDATE writers SET host = '=' || ? WHERE host NOT LIKE '=%'", (program.host,)
            )
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        settle(database, name)
        if recipe.change is not None:
            recipe.change(database)
        database.execute("VACUUM")
    if recipe.logged_from is not None:
        leave_in_log(path, recipe.logged_from)
    return sorted(folder.glob(f"{name}.db*"))


def settle(database: sqlite3.Connection, name: str) -> None:
    """Set to fixed values what would be others in the next run."""
    database.execute("UPDATE writers SET host = substr(host, 2), flushes = 1")
    pids = [
        pid for (pid,) in database.execute("SELECT pid FROM writers GROUP BY pid ORDER BY min(id)")
    ]
    for number, pid in enumerate(pids):
        database.execute("UPDATE writers SET pid = -? WHERE pid = ?", (1000 + number, pid))
    database.execute(
        "UPDATE writers SET pid = -pid, started_ns ="
        " (SELECT coalesce(min(first_ns), 0) FROM hours WHERE writer = writers.id)"
    )
    number_series(database)
    state = {"history": sum(name.encode()), "writes": 1}
    database.executemany(
        "UPDATE state SET value = ? WHERE name = ?", [(value, key) for key, value in state.items()]
    )


def number_series(database: sqlite3.Connection) -> None:
    """Number series by when they began: what is written at one moment has numbers in any order."""
    ordered = database.execute(
        "SELECT id FROM series JOIN"
        " (SELECT series, min(first_ns) AS began FROM hours GROUP BY series) ON series = id"
        " ORDER BY began, kind, name, unit, method, status_class, session"
    ).fetchall()
    places = {former: place for place, (former,) in enumerate(ordered, 1)}
    assert len(places) == database.execute("SELECT count(*) FROM series").fetchone()[0]
    database.create_function("place", 1, places.__getitem__)
    # Twice, as no two may have the same number in between.
    for number in ("-place(%s)", "-%s"):
        database.execute(f"UPDATE series SET id = {number % 'id'}")
        for table in ("minutes", "hours", "errors"):
            database.execute(f"UPDATE {table} SET series = {number % 'series'}")


# Rows are first taken out of the file, and then written by a process that ends without tidying up.
LOGGING = """
import os, sqlite3, sys
path, whole, start = sys.argv[1:]
database = sqlite3.connect(path, isolation_level=None)
database.execute("PRAGMA wal_autocheckpoint = 0")
database.execute("ATTACH ? AS whole", (whole,))
database.execute("BEGIN IMMEDIATE")
for table in ("minutes", "hours", "errors"):
    database.execute(
        f"INSERT INTO {table} SELECT * FROM whole.{table} WHERE start >= ?", (int(start),)
    )
database.execute("COMMIT")
os._exit(0)
"""


def leave_in_log(path: Path, start: datetime) -> None:
    """Have the rows from a moment on in the log alone, as a program leaves them that is killed."""
    whole = path.with_suffix(".whole")
    path.rename(whole)
    with contextlib.closing(sqlite3.connect(whole, isolation_level=None)) as database:
        database.execute("VACUUM INTO ?", (str(path),))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        for table in ("minutes", "hours", "errors"):
            database.execute(f"DELETE FROM {table} WHERE start >= ?", (int(start.timestamp()),))
        database.execute("VACUUM")
        # Otherwise there is no log.
        assert database.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    command = [sys.executable, "-c", LOGGING, str(path), str(whole), str(int(start.timestamp()))]
    subprocess.run(command, check=True, timeout=60)
    whole.unlink()
    path.with_name(f"{path.name}-shm").unlink()
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="one history; unless given, all")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to put them")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        name, number, path = options.run
        HISTORIES[name].programs[int(number)].write(Path(path))
        return
    options.folder.mkdir(exist_ok=True)
    for name in options.names or HISTORIES:
        with tempfile.TemporaryDirectory() as temporary:
            for path in make(name, Path(temporary)):
                packed = lzma.compress(path.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
                (options.folder / f"{path.name}.xz").write_bytes(packed)
                print(f"{path.name}: {path.stat().st_size} bytes, {len(packed)} packed")


if __name__ == "__main__":
    main()
