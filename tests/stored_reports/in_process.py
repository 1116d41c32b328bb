"""Programs that report on themselves, from memory, by a clock that stands still until it is moved."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from make_reports import Output

# The moment that Python's clocks tell, while those of the programs are moved.
NOW = datetime(2026, 6, 15, 18, tzinfo=timezone.utc)
NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
LENIENT = {"min_samples": 3, "min_change": 1.0, "adjust": False}
ABOUT = {"paper": "Arches | Platine", "note": "=1+1", "at": datetime(2026, 3, 1, 9, 30)}

# The hours of local time in which clocks are changed, and those around them.
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=timezone.utc),
    datetime(2026, 10, 25, 1, tzinfo=timezone.utc),
    datetime(2026, 3, 8, 7, tzinfo=timezone.utc),
    datetime(2026, 11, 1, 6, tzinfo=timezone.utc),
]


def steady(number: int, middle: float) -> list[float]:
    """So many values around a middle, all of them sums of a few powers of two."""
    return [middle * (12 + number * 7 % 9) / 16 for number in range(number)]


def around_noon(day: datetime) -> tuple[datetime, datetime]:
    return (day - HOUR, day + HOUR)


def memory(output: Output, _place: Path) -> None:
    """Operations, requests, images, a cache and sessions of two days."""
    from make_reports import Machine, some_cache
    from ptpd_monitoring import (
        APIPerformanceTracker,
        ImageProcessingProfiler,
        PerformanceMonitor,
        PerformanceReport,
    )
    from ptpd_monitoring.testing import ManualClock

    clock = ManualClock(wall=(NOON - DAY).timestamp())
    monitor = PerformanceMonitor(clock=clock)
    tracker = APIPerformanceTracker(clock=clock)
    profiler = ImageProcessingProfiler(monitor)
    for day, factor in ((NOON - DAY, 1.0), (NOON, 1.5)):
        clock.set_wall(day.timestamp())
        record(monitor, clock, factor)
        track(tracker, clock, factor)
        profile(profiler, clock, factor)
    reports = PerformanceReport(monitor, tracker)
    whole = PerformanceReport(monitor, tracker, Machine(), cache=some_cache())
    today = whole.generate_daily_report(NOON.date())
    output.report("day", today, thoroughly=True)
    output.report("copy of the day", today.copy())
    output.report("day before", reports.generate_daily_report(NOON.date() - DAY))
    output.report("day in Tokyo", reports.generate_daily_report(NOON.date(), tz="Asia/Tokyo"))
    output.report("day without anything", reports.generate_daily_report(date(2020, 2, 29)))
    output.report("hour", reports.generate_period_report((NOON, NOON + HOUR)))
    for session in ("job-1.0", "job-1.5", "plate", "7", "nobody"):
        output.report(f"session {session}", reports.generate_session_report(session))
    days = (around_noon(NOON - DAY), around_noon(NOON))
    output.report("comparison", reports.compare_performance(*days), thoroughly=True)
    output.report("comparison, lenient", reports.compare_performance(*days, **LENIENT))
    output.report("comparison with itself", reports.compare_performance(days[1], days[1]))
    output.report("comparison of sessions", reports.compare_sessions("job-1.0", "job-1.5"))
    figures(output, monitor, tracker, profiler)
    output.text("cache notebook.html", some_cache()._repr_html_())
    output.json("cache", some_cache().get_stats())
    clock.set_wall(NOON.timestamp())
    monitor.clear_metrics("steady")
    tracker.clear()
    output.report("day, cleared", reports.generate_daily_report(NOON.date()))


def record(monitor: Any, clock: Any, factor: float) -> None:
    monitor.record_many("steady", [*steady(40, 0.5)], "seconds")
    monitor.record_many("slower", [factor * it for it in steady(40, 0.25)], "seconds")
    monitor.record_many("faster", [it / factor for it in steady(40, 0.25)], "seconds")
    monitor.record_many("few", [1.0, 2.5, 4.0], "seconds", metadata=ABOUT)
    monitor.record_many("wide", [2.0**n for n in range(-20, 20)], "seconds")
    monitor.record_many("no numbers", [math.nan, math.nan], "seconds")
    monitor.record_many("some no numbers", [math.nan, *steady(20, 2.0)], "seconds")
    monitor.record_many("infinite", [1.0, math.inf, -math.inf], "seconds")
    monitor.record_many("below zero", [-1.5, -0.25, 0.0, 0.5], "density")
    monitor.record_many("no unit", steady(12, 4.0), "")
    monitor.record_metric("mixed units", 250.0, "ms")
    monitor.record_many("mixed units", [0.25, 0.5], "seconds")
    monitor.record_metric("<b>bold</b> | `x`\n=1+1 \u202e🖼️", 0.5, "seconds", {"a": "<i>"})
    monitor.record_metric("=SUM(A1)", 1.0, "=unit", {"=key": "+value"})
    if factor > 1:
        monitor.record_many("new", steady(12, 1.0), "seconds")
        monitor.record_metric("new unit", 1.0, "ms")
    else:
        monitor.record_many("gone", steady(12, 1.0), "seconds")
        monitor.record_metric("new unit", 1.0, "seconds")
    for number in range(12):
        with contextlib.suppress(ValueError), monitor.timer("timed", {"number": number}):
            clock.advance(factor * (2 + number % 3) / 8)
            if number < 4 * factor - 3:
                raise ValueError("no light")
    monitor.start_timer("by name")
    clock.advance(0.75)
    monitor.stop_timer("by name")
    with monitor.session(f"job-{factor}"):
        monitor.record_many("steady", steady(12, 0.5), "seconds")
        monitor.record_many("slower", [factor * it for it in steady(12, 0.25)], "seconds")
        with monitor.session("plate"), monitor.timer("timed"):
            clock.advance(1.25)
        monitor.record_metric("slower", 0.25, "seconds", {"session_id": 7})
    monitor.record_many(
        "earlier",
        [1.0, 2.0],
        "seconds",
        timestamps=[NOON - 3 * HOUR, NOON - 2 * HOUR],
    )


def track(tracker: Any, clock: Any, factor: float) -> None:
    for number, seconds in enumerate(steady(30, 0.0625)):
        clock.advance(1.0)
        tracker.track_request("/films", factor * seconds, 404 if number == 3 else 200)
        failed = number < 6 * factor - 5
        error = "film store is busy" if failed else None
        tracker.track_request("/films", seconds, 503 if failed else 201, "POST", error)
    tracker.track_request("/a <b> | c", 0.25, 500, "GET", "<script>\n=1+1 | x")
    with contextlib.suppress(KeyError), tracker.track("/raises", "PUT"):
        clock.advance(0.125)
        raise KeyError("curve")
    with tracker.track("/created", "POST") as request:
        clock.advance(0.125)
        request.status = 201
    if factor > 1:
        tracker.track_request("/new", 0.5, 200)


def profile(profiler: Any, clock: Any, factor: float) -> None:
    """Profiled calls, of which what the process took is replaced by figures that are known."""
    import numpy as np

    def develop(image: object) -> object:
        clock.advance(factor * 0.5)
        return image

    def tone(image: object) -> object:
        clock.advance(0.25)
        raise ValueError("no gold left")

    for number in range(12):
        profiler.profile_operation(develop, np.zeros((32 + number, 64), np.uint8))
        with contextlib.suppress(ValueError):
            profiler.profile_operation(tone, np.zeros((32, 32), np.uint8))
    for name in ("develop", "tone"):
        profiler.monitor.clear_metrics(f"{name}_memory")
        profiler.monitor.record_many(f"{name}_memory", steady(12, 8.0), "MB")


def figures(output: Output, monitor: Any, tracker: Any, profiler: Any) -> None:
    """Write what the objects themselves tell."""
    operations = monitor.operations()
    told = {
        name: {
            "statistics": monitor.get_statistics(name),
            "average": monitor.get_average(name),
            "percentiles": monitor.get_percentiles(name, [0, 12.5, 50, 99.9, 100]),
            "values": monitor.values(name).tolist(),
            "timestamps": monitor.timestamps(name).astype(str).tolist(),
        }
        for name in [*operations, "unknown"]
    }
    output.json("figures of operations", told)
    # The metadata of profiled calls are what the process took.
    metrics = [it for it in operations if not it.endswith(("_wall_time", "_memory"))]
    output.json("metrics", {name: monitor.get_metrics(name) for name in metrics})
    for times in ("local", "offset", "utc"):
        for format_ in ("json", "csv"):
            for name in ("few", "=SUM(A1)", "timed", "infinite"):
                text = monitor.export_metrics(format_, operation_name=name, times=times)
                output.text(f"metrics of {name.strip('=')}, {times}.{format_}", text)
    text = monitor.export_metrics("csv", operation_name="=SUM(A1)", neutralize_formulas=False)
    output.text("formulas.csv", text)
    endpoints = [*tracker.get_response_times(), "unknown"]
    output.json("requests", tracker.generate_api_report())
    output.json("errors of requests", tracker.get_errors())
    output.json("times of requests", tracker.get_response_times())
    output.json(
        "figures of endpoints",
        {
            name: [
                tracker.get_endpoint_stats(name),
                tracker.get_endpoint_stats(name, around_noon(NOON), "POST"),
                tracker.get_error_rate(name),
            ]
            for name in endpoints
        },
    )
    output.json(
        "figures of images",
        {
            name: {
                "throughput": profiler.get_throughput(name),
                "speed": profiler.get_processing_speed((640, 480), name),
                "batch": profiler.estimate_batch_time([(640, 480), (32, 32)], name),
            }
            for name in ("develop", "tone", "unknown")
        },
    )
    output.json("bottlenecks", profiler.identify_bottlenecks(["wide", "steady", "develop"], 95))
    for name, owner in (("monitor", monitor), ("tracker", tracker), ("profiler", profiler)):
        output.text(f"{name} notebook.html", owner._repr_html_())


def clock_changes(output: Output, _place: Path) -> None:
    """Samples of the days on which clocks are set forward and back somewhere."""
    from ptpd_monitoring import APIPerformanceTracker, PerformanceMonitor, PerformanceReport
    from ptpd_monitoring.testing import ManualClock

    clock = ManualClock()
    monitor = PerformanceMonitor(clock=clock)
    tracker = APIPerformanceTracker(clock=clock)
    reports = PerformanceReport(monitor, tracker)
    for change in CHANGES:
        for half in range(-60, 60):
            clock.set_wall((change + half * HOUR / 2 + 7 * MINUTE).timestamp())
            monitor.record_many("expose", steady(2 + half % 3, 0.5), "seconds")
            tracker.track_request("/films", 0.125, 500 if half % 9 == 0 else 200)
    for change in CHANGES:
        day = change.date()
        output.report(f"day {day}", reports.generate_daily_report(day))
        output.report(
            f"day {day} elsewhere", reports.generate_daily_report(day, tz="Europe/Berlin")
        )
        output.report(
            f"hours around {day}",
            reports.generate_period_report((change - 2 * HOUR, change + 2 * HOUR)),
        )
        naive = datetime(day.year, day.month, day.day, 1, 30)
        twice = reports.generate_period_report((naive, naive + 2 * HOUR))
        output.report(f"hours of clocks {day}", twice)
    for times in ("local", "offset", "utc"):
        for format_ in ("json", "csv"):
            output.text(f"metrics {times}.{format_}", monitor.export_metrics(format_, times=times))
    requests = [request.model_dump() for request in list(tracker._requests)[::16]]
    output.json("some requests", requests)
    output.json(
        "as texts", [json.loads(it.model_dump_json()) for it in list(tracker._requests)[::16]]
    )


def fallen_off(output: Output, _place: Path) -> None:
    """More samples and requests than are kept, and more names than are kept apart."""
    from ptpd_monitoring import APIPerformanceTracker, PerformanceMonitor, PerformanceReport
    from ptpd_monitoring.testing import ManualClock

    clock = ManualClock(wall=(NOON - DAY).timestamp())
    monitor = PerformanceMonitor(50, max_operations=4, clock=clock)
    tracker = APIPerformanceTracker(60, max_endpoints=3, clock=clock)
    for quarter in range(100):
        clock.set_wall((NOON - DAY + quarter * 15 * MINUTE).timestamp())
        with monitor.session("night" if quarter < 60 else "morning"):
            monitor.record_many("often", steady(5, 0.5), "seconds")
        monitor.record_metric("rarely", 1.0, "seconds")
        monitor.record_metric(f"name {quarter}", 2.0, "seconds")
        tracker.track_request("/often", 0.125, 500 if quarter % 10 == 0 else 200)
        tracker.track_request(f"/path/{quarter % 7}", 0.25, 404)
    reports = PerformanceReport(monitor, tracker)
    for day in (NOON - DAY, NOON):
        output.report(f"day {day.date()}", reports.generate_daily_report(day.date()))
    for session in ("night", "morning"):
        output.report(f"session {session}", reports.generate_session_report(session))
    days = (around_noon(NOON - DAY), around_noon(NOON))
    output.report("comparison", reports.compare_performance(*days))
    counters = ("overflowed", "timers_forgotten", "sessions_forgotten")
    output.json("counters", {name: getattr(monitor, name) for name in counters})
    output.json("requests", tracker.generate_api_report())
    output.text("monitor notebook.html", monitor._repr_html_())


def memory_and_history(output: Output, place: Path) -> None:
    """What is in memory, beside what it wrote before and what others wrote."""
    from make_reports import unpack
    from ptpd_monitoring import (
        APIPerformanceTracker,
        History,
        PerformanceMonitor,
        PerformanceReport,
    )
    from ptpd_monitoring.testing import ManualClock

    unpack("plain", place)
    clock = ManualClock(wall=(NOON + 3 * HOUR).timestamp())
    history = History(
        place / "plain.db",
        flush_interval=3600.0,
        clock=clock,
        on_sigterm=False,
        retention_days=60,
        version="2.0",
    )
    monitor = PerformanceMonitor(20, clock=clock, history=history)
    tracker = APIPerformanceTracker(20, clock=clock, history=history)
    reports = PerformanceReport(monitor, tracker)

    def say(when: str) -> None:
        today = NOON.date()
        output.report(f"{when}, day", reports.generate_daily_report(today))
        output.report(f"{when}, session", reports.generate_session_report("job"))
        periods = ((NOON, NOON + HOUR), (NOON + 3 * HOUR, NOON + 4 * HOUR))
        output.report(f"{when}, comparison", reports.compare_performance(*periods))

    monitor.record_many("only in memory", steady(12, 0.5), "seconds")
    with monitor.session("job"):
        monitor.record_many("expose", steady(15, 0.25), "seconds")
    tracker.track_request("/films", 0.125, 200)
    say("at first")
    for minute in range(30):
        clock.set_wall((NOON + 3 * HOUR + minute * MINUTE).timestamp())
        with monitor.session("job"):
            monitor.record_many("expose", steady(5, 0.5), "seconds")
        monitor.record_metric("mixed", 1.0, "seconds" if minute < 20 else "ms")
        failed = minute % 7 == 0
        error = "busy" if failed else None
        tracker.track_request("/films", 0.25, 503 if failed else 200, error=error)
    say("later")
    rows = list(history.rows("hours"))
    for row in rows:
        # Those of this process, which is another one each time.
        if (row["host"], row["pid"]) != ("darkroom", 1000):
            row["host"], row["pid"] = "this host", 1
    # What is written at one moment comes in any order.
    rows.sort(key=lambda row: (row["start"], *map(str, row.values())))
    output.json("rows of hours", rows)
    output.json("recent", history.recent(60))
    history.close()
    monitor.record_many("expose", [4.0, 4.0], "seconds")
    monitor.record_metric("after the end", 1.0, "seconds")
    tracker.track_request("/films", 0.5, 500)
    say("closed")
    output.text("history notebook.html", history._repr_html_())


def nothing(output: Output, _place: Path) -> None:
    """A program that recorded nothing."""
    from ptpd_monitoring import APIPerformanceTracker, PerformanceMonitor, PerformanceReport
    from ptpd_monitoring.testing import ManualClock

    clock = ManualClock(wall=NOON.timestamp())
    monitor = PerformanceMonitor(clock=clock)
    tracker = APIPerformanceTracker(clock=clock)
    for name, reports in (
        ("operations", PerformanceReport(monitor)),
        ("operations and requests", PerformanceReport(monitor, tracker)),
    ):
        days = (around_noon(NOON - DAY), around_noon(NOON))
        output.report(f"{name}, day", reports.generate_daily_report())
        output.report(f"{name}, period", reports.generate_period_report(days[1]))
        output.report(f"{name}, session", reports.generate_session_report("job"))
        output.report(f"{name}, comparison", reports.compare_performance(*days))
        output.report(f"{name}, sessions", reports.compare_sessions("one", "other"))
    output.json("requests", tracker.generate_api_report())
    for format_ in ("json", "csv"):
        output.text(f"metrics.{format_}", monitor.export_metrics(format_))
    export = PerformanceReport.export_report
    for format_ in ("json", "csv", "md", "html"):
        output.text(f"empty dict.{format_}", export({}, format_))
    for name, owner in (("monitor", monitor), ("tracker", tracker)):
        output.text(f"{name} notebook.html", owner._repr_html_())


PROGRAMS: dict[str, Callable[[Output, Path], None]] = {
    "in-memory": memory,
    "in-memory-clock-changes": clock_changes,
    "in-memory-fallen-off": fallen_off,
    "in-memory-and-history": memory_and_history,
    "in-memory-nothing": nothing,
}

ZONES: dict[str, tuple[str, ...]] = {
    "in-memory": ("UTC", "Asia/Kolkata"),
    "in-memory-clock-changes": ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"),
    "in-memory-fallen-off": ("UTC",),
    "in-memory-and-history": ("UTC",),
    "in-memory-nothing": ("UTC",),
}
