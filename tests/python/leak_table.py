"""Every public name of every public class, and a call or two of it, for the tests of leaks."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import os
import pickle
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import ptpd_monitoring
from ptpd_monitoring import (
    APIMetric,
    APIPerformanceTracker,
    CacheManager,
    CacheStats,
    History,
    ImageProcessingProfiler,
    PerformanceMetric,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
    ResourceUsage,
    _native,
)
from ptpd_monitoring._report import Report
from ptpd_monitoring.settings import MonitoringSettings, read_settings
from ptpd_monitoring.testing import ManualClock


def callable_of_things(*_: object) -> None: ...


class Thing:
    """An argument of which references would be missed."""


class Trouble(Exception):
    pass


def fail(*_: object, **__: object) -> None:
    raise Trouble


def len_of(_key: object, value: Any) -> int:
    return len(value)


# Arguments whose references are counted before and after.
THING = Thing()
NAME = "an operation " + str(len("not a constant"))
UNIT = "a unit " + str(len("not a constant"))
NUMBER = 1234.5 + len(NAME)
METADATA = {"thing": THING, "list": [THING]}
KEY = (NAME, THING)
DAY = datetime(2024, 1, 1)
RANGE = (datetime(2023, 1, 1), datetime(2090, 1, 1))
VALUES = [NUMBER] * 3
FIGURES = dict.fromkeys(ResourceUsage.__match_args__[:7], NUMBER)
WATCHED = {
    name: value
    for name, value in list(globals().items())
    if name.isupper()
}  # fmt: skip


MAX_ENTERED = 10_000

# Removed at the end of the process.
_folder = tempfile.TemporaryDirectory()


class World:
    """Objects that are as full as they get."""

    def __init__(self) -> None:
        self.clock = ManualClock(wall=1_700_000_000)
        self.monitor = PerformanceMonitor(20, clock=self.clock)
        self.tracker = APIPerformanceTracker(20, clock=self.clock)
        self.cache = CacheManager(5, 10, clock=self.clock)
        # Those whose bounds are exceeded.
        self.small = PerformanceMonitor(20, max_operations=1, clock=self.clock)
        self.small.record_metric("first", NUMBER, UNIT)
        self.few = APIPerformanceTracker(20, max_endpoints=1, clock=self.clock)
        self.heavy = CacheManager(5, max_bytes=9, weigher=len_of)
        self.profiler = ImageProcessingProfiler(self.monitor)
        self.folder = Path(_folder.name)
        self.path = self.folder / "history.db"
        self.history = History(self.path, flush_interval=3_600, clock=self.clock, version="1.0")
        self.kept = PerformanceMonitor(20, history=self.history, clock=self.clock)
        self.tracked = APIPerformanceTracker(20, history=self.history, clock=self.clock)
        self.reader = PerformanceReport(self.kept, self.tracked, ResourceMonitor(1, 1, 1))
        # One that cannot be written, for there is no such folder.
        self.broken = History(
            self.folder / "missing" / "history.db", flush_interval=3_600, clock=self.clock
        )
        self.lost = PerformanceMonitor(20, history=self.broken, clock=self.clock)
        self.resources = ResourceMonitor(1, 1, 1)
        self.report = PerformanceReport(
            self.monitor, self.tracker, self.resources, cache=self.cache
        )
        self.metric = PerformanceMetric(metric_name=NAME, value=1, unit=UNIT, metadata=METADATA)
        self.request = APIMetric(endpoint=NAME, duration_ms=1, status_code=200, error=NAME)
        self.stats = CacheStats(max_size=3)
        self.usage = ResourceUsage(**FIGURES)
        self.settings = read_settings()
        for _ in range(25):
            self.monitor.record_metric(NAME, NUMBER, UNIT, METADATA)
            self.tracker.track_request(NAME, 1, 500, error=NAME)
        # More than what stays in memory, so that reports are made of what is on disk.
        with self.kept.session(NAME):
            self.kept.record_many(NAME, [NUMBER] * 25, UNIT)
        for _ in range(25):
            self.tracked.track_request(NAME, 1, 500, error=NAME)
        self.history.flush()
        self.timer = self.monitor.timer(NAME, METADATA)
        self.track = self.tracker.track(NAME)
        self.session = self.monitor.session(NAME)
        # Those that are entered and never left, as often as is remembered.
        self.left_open = [
            self.monitor.timer(NAME), self.monitor.session(NAME), self.tracker.track(NAME)
        ]  # fmt: skip
        # Sessions are a context's, and this one's end with it.
        self.context = contextvars.copy_context()
        for _ in range(MAX_ENTERED):
            self.leave_open()

    def leave_open(self) -> None:
        for manager in self.left_open:
            self.context.run(manager.__enter__)


def wrong(call: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    """Call with arguments that it refuses; a leak on that path is one too."""
    try:
        call(*args, **kwargs)
    except (TypeError, ValueError, OSError, Trouble, KeyError, IndexError, AttributeError):
        return
    raise AssertionError(f"{call} took {args}")


def ended(call: Callable[[], object]) -> None:
    with suppress(StopIteration):
        call()


def staged() -> None:
    clock = _native.StagedClock()
    clock.begin(Thing)
    try:
        clock.stand(5.0, 5.0)
        clock.go()
    finally:
        clock.end()


async def made() -> Thing:
    return Thing()


async def failing(call: Any) -> None:
    with suppress(Trouble):
        await call


def joined(cache: Any) -> None:
    """Compute a value, and hear of it as whoever waits does."""
    cache.clear()
    computation, is_own = cache._join(KEY, False)
    computation.when_ended(Thing)
    with computation:
        computation.keep(Thing(), None)
    with computation.lock:
        computation.waited()
    assert is_own
    assert computation.has_value
    assert isinstance(computation.value, Thing)


async def _entered(manager: Any) -> None:
    with suppress(Trouble):
        async with manager:
            raise Trouble


def entered(manager: Any) -> None:
    with manager:
        pass
    with suppress(Trouble), manager:
        raise Trouble


def awaited(manager: Any) -> None:
    with suppress(StopIteration):
        _entered(manager).send(None)


def decorated(w: World) -> None:
    w.timer(lambda: THING)()
    with suppress(Trouble):
        w.timer(fail)()
    list(w.timer(_generator)())
    wrong(w.timer, 5)


def _generator() -> Any:
    yield THING


def closed(w: World) -> History:
    with History(w.path) as history:
        return history


def field(model: str, name: str, value: Any) -> Callable[[World], None]:
    def use(w: World) -> None:
        setattr(getattr(w, model), name, value)
        getattr(getattr(w, model), name)
        wrong(setattr, getattr(w, model), name, THING)

    return use


def read(owner: str, name: str) -> Callable[[World], None]:
    return lambda w: getattr(getattr(w, owner), name)


def _replaced(_: World) -> None:
    with _native.Replacement(os.devnull) as place:
        assert place == Path(os.devnull)
    with suppress(Trouble), _native.Replacement(Path(tempfile.gettempdir(), NAME)):
        fail()


MONITOR: dict[str, Callable[[World], object]] = {
    "__reduce__": lambda w: wrong(pickle.dumps, w.monitor),
    "history": lambda w: (w.monitor.history, wrong(setattr, w.monitor, "history", THING)),
    "__init__": lambda w: (PerformanceMonitor(5), w.monitor.__init__(20), wrong(PerformanceMonitor, 0)),  # type: ignore[misc]
    "start_timer": lambda w: (w.monitor.start_timer(NAME), wrong(w.monitor.start_timer, THING)),
    "stop_timer": lambda w: (w.monitor.start_timer("t"), w.monitor.stop_timer("t"), w.monitor.stop_timer("none")),
    "timer": lambda w: (w.monitor.timer(NAME, METADATA), wrong(w.monitor.timer, NAME, THING)),
    "session": lambda w: (w.monitor.session(NAME), wrong(w.monitor.session, THING)),
    "record_metric": lambda w: (
        w.monitor.record_metric(NAME, NUMBER, UNIT, METADATA),
        w.monitor.record_metric(NAME, NUMBER, UNIT),
        w.monitor.record_metric(NAME, NUMBER, "other"),
        wrong(w.monitor.record_metric, NAME, THING, UNIT, METADATA),
        wrong(w.monitor.record_metric, NAME, NUMBER, UNIT, THING),
    ),
    "record_many": lambda w: (w.monitor.record_many(NAME, VALUES, UNIT), wrong(w.monitor.record_many, NAME, [1, THING], UNIT)),
    "get_metrics": lambda w: (
        [(m.metadata, m.timestamp) for m in w.monitor.get_metrics(NAME, RANGE)],
        wrong(w.monitor.get_metrics, NAME, (THING, DAY)),
    ),
    "get_average": lambda w: (w.monitor.get_average(NAME), wrong(w.monitor.get_average, THING)),
    "get_percentiles": lambda w: (w.monitor.get_percentiles(NAME, [1, 99.9]), wrong(w.monitor.get_percentiles, NAME, [NUMBER])),
    "get_statistics": lambda w: (w.monitor.get_statistics(NAME), w.monitor.get_statistics("none")),
    "operations": lambda w: w.monitor.operations(),
    "values": lambda w: w.monitor.values(NAME),
    "timestamps": lambda w: w.monitor.timestamps(NAME),
    "_values": lambda w: w.monitor._values(NAME),
    "_timestamps": lambda w: w.monitor._timestamps(NAME),
    "export_metrics": lambda w: (w.monitor.export_metrics(), w.monitor.export_metrics("CSV"), w.monitor.export_metrics(output_path=w.folder / "metrics.json"), wrong(w.monitor.export_metrics, output_path=w.folder), wrong(w.monitor.export_metrics, NAME)),
    "clear_metrics": lambda w: (w.monitor.record_metric(NAME, 1, UNIT, METADATA), w.monitor.clear_metrics(NAME), w.monitor.clear_metrics()),
    "__repr__": lambda w: repr(w.monitor),
    "_repr_html_": lambda w: w.monitor._repr_html_(),
    "_max_history": lambda w: (w.monitor._max_history, wrong(setattr, w.monitor, "_max_history", THING)),
    "max_operations": read("monitor", "max_operations"),
    "overflowed": lambda w: (w.small.record_metric(NAME, NUMBER, UNIT, METADATA), w.small.record_many(NAME, VALUES, UNIT), w.small.overflowed),
    "timers_forgotten": lambda w: (w.context.run(w.left_open[0].__enter__), w.monitor.timers_forgotten),
    "sessions_forgotten": lambda w: (w.context.run(w.left_open[1].__enter__), w.monitor.sessions_forgotten),
    "_timers": lambda w: (list(w.monitor._timers), NAME in w.monitor._timers, repr(w.monitor._timers)),
    "_metrics": lambda w: (
        w.monitor.record_metric(NAME, 1, UNIT, METADATA),
        setattr(w.monitor._metrics[NAME][-1], "timestamp", DAY),
        list(w.monitor._metrics[NAME][1:]), list(w.monitor._metrics[NAME]), dict(w.monitor._metrics),
        w.monitor._metrics.items(), w.monitor._metrics.get("none", THING), list(w.monitor._metrics),
        repr(w.monitor._metrics), wrong(lambda: w.monitor._metrics["none"]),
        wrong(lambda: w.monitor._metrics[NAME][10**9]),
    ),
}  # fmt: skip
PROFILER: dict[str, Callable[[World], object]] = {
    "__reduce__": lambda w: wrong(pickle.dumps, w.profiler),
    "__init__": lambda w: (ImageProcessingProfiler(), wrong(ImageProcessingProfiler, THING)),
    "monitor": read("profiler", "monitor"),
    "size_of": lambda w: (
        w.profiler.size_of,
        setattr(w.profiler, "size_of", callable_of_things),
        setattr(w.profiler, "size_of", lambda _: THING),
        setattr(w.profiler, "size_of", None),
        wrong(setattr, w.profiler, "size_of", THING),
    ),
    "_begin": lambda w: w.profiler._begin((len, "abc"), {})[2].finished(3),
    "profile_operation": lambda w: (
        w.profiler.profile_operation(lambda thing, other: thing, THING, other=THING),
        wrong(w.profiler.profile_operation, fail, THING),
        wrong(w.profiler.profile_operation, THING),
    ),
    "profile": lambda w: (
        w.profiler.profile(size=lambda thing: 5)(lambda thing: thing)(THING),
        list(w.profiler.profile(lambda: (yield THING))()),
        wrong(w.profiler.profile(fail), THING),
        wrong(w.profiler.profile, THING),
        wrong(w.profiler.profile(size=THING), fail),
    ),
    "get_throughput": lambda w: (w.profiler.get_throughput(NAME), wrong(w.profiler.get_throughput, THING)),
    "get_processing_speed": lambda w: (w.profiler.get_processing_speed((1, 2), NAME), wrong(w.profiler.get_processing_speed, THING, NAME)),
    "estimate_batch_time": lambda w: (w.profiler.estimate_batch_time([(1, 2)] * 3, NAME), wrong(w.profiler.estimate_batch_time, [THING], NAME)),
    "track_memory_usage": lambda w: w.profiler.track_memory_usage(NAME),
    "get_memory_stats": lambda w: w.profiler.get_memory_stats(),
    "identify_bottlenecks": lambda w: (w.profiler.identify_bottlenecks([NAME]), wrong(w.profiler.identify_bottlenecks, [THING])),
    "_memory_tracking": read("profiler", "_memory_tracking"),
    "__repr__": lambda w: repr(w.profiler),
    "_repr_html_": lambda w: w.profiler._repr_html_(),
}  # fmt: skip
TRACKER: dict[str, Callable[[World], object]] = {
    "__reduce__": lambda w: wrong(pickle.dumps, w.tracker),
    "history": lambda w: (w.tracker.history, wrong(setattr, w.tracker, "history", THING)),
    "__init__": lambda w: (APIPerformanceTracker(5), wrong(APIPerformanceTracker, -1)),
    "track_request": lambda w: (
        w.tracker.track_request(NAME, 1, 500, UNIT, NAME),
        w.tracker.track_request(NAME, 1, 200),
        wrong(w.tracker.track_request, NAME, 1, 200, UNIT, THING),
    ),
    "track": lambda w: (w.tracker.track(NAME, UNIT), wrong(w.tracker.track, THING)),
    "get_endpoint_stats": lambda w: (w.tracker.get_endpoint_stats(NAME, RANGE), w.tracker.get_endpoint_stats("none")),
    "get_error_rate": lambda w: (w.tracker.get_error_rate(NAME), wrong(w.tracker.get_error_rate, NAME, RANGE[::-1])),
    "get_errors": lambda w: (w.tracker.get_errors(), w.tracker.get_errors(NAME), wrong(w.tracker.get_errors, THING)),
    "clear": lambda w: (w.tracker.track_request(NAME, 1, 500, UNIT, NAME), w.tracker.clear()),
    "get_response_times": lambda w: w.tracker.get_response_times(),
    "generate_api_report": lambda w: w.tracker.generate_api_report(),
    "_requests": lambda w: (list(w.tracker._requests), repr(w.tracker._requests), w.tracker._requests[1:], wrong(lambda: w.tracker._requests[10**9])),
    "max_endpoints": read("tracker", "max_endpoints"),
    "overflowed": lambda w: ([w.few.track_request(f"/{n}", 1, 500, NAME + str(n % 101), NAME * 500) for n in range(150)], w.few.overflowed),
    "methods_overflowed": read("few", "methods_overflowed"),
    "requests_forgotten": lambda w: (w.context.run(w.left_open[2].__enter__), w.tracker.requests_forgotten),
    "_max_history": read("tracker", "_max_history"),
    "__repr__": lambda w: repr(w.tracker),
    "_repr_html_": lambda w: w.tracker._repr_html_(),
}  # fmt: skip
CACHE: dict[str, Callable[[World], object]] = {
    "__reduce__": lambda w: wrong(pickle.dumps, w.cache),
    "__init__": lambda w: (CacheManager(5), w.cache.__init__(5, 10), wrong(CacheManager, THING)),  # type: ignore[misc]
    "get": lambda w: (w.cache.get(KEY, THING), w.cache.set(KEY, THING), w.cache.get((NAME, THING)), wrong(w.cache.get, [])),
    "set": lambda w: ([w.cache.set((KEY, n), THING, NUMBER) for n in range(7)], w.cache.set(NAME, THING), wrong(w.cache.set, KEY, THING, "1"), wrong(w.cache.set, [], THING)),
    "get_or_set": lambda w: (w.cache.clear(), w.cache.get_or_set(KEY, Thing), w.cache.get_or_set(KEY, fail), wrong(w.cache.get_or_set, "k", fail)),
    "aget_or_set": lambda w: (w.cache.clear(), asyncio_run(w.cache.aget_or_set(KEY, made)), asyncio_run(w.cache.get_or_set(KEY, made)), asyncio_run(failing(w.cache.aget_or_set("k", fail)))),
    "_join": lambda w: joined(w.cache),
    "delete": lambda w: (w.cache.set(KEY, THING), w.cache.delete((NAME, THING)), w.cache.delete(KEY), wrong(w.cache.delete, [])),
    "get_size": lambda w: w.cache.get_size(),
    "clear": lambda w: (w.cache.set(KEY, THING), w.cache.clear()),
    "cleanup_expired": lambda w: (w.cache.set(KEY, THING), w.clock.advance(10), w.cache.cleanup_expired(), w.cache.set(KEY, THING), w.clock.advance(10), w.cache.get(KEY)),
    "get_stats": lambda w: w.cache.get_stats(),
    "__contains__": lambda w: (KEY in w.cache, wrong(w.cache.__contains__, {})),
    "_keys": lambda w: w.cache._keys(),
    "_max_size": read("cache", "_max_size"),
    "_default_ttl": read("cache", "_default_ttl"),
    "max_bytes": lambda w: (CacheManager(5, max_bytes=9, weigher=len_of).max_bytes, w.heavy.__init__(5, max_bytes=9, weigher=len_of), wrong(CacheManager, max_bytes=0, weigher=THING), wrong(CacheManager, weigher=THING)),  # type: ignore[misc]
    "total_bytes": lambda w: ([w.heavy.set((KEY, n), [THING] * 2) for n in range(7)], w.heavy.total_bytes),
    "rejections": lambda w: (w.heavy.set(KEY, [THING]), w.heavy.set(KEY, [THING] * 10), w.heavy.rejections, wrong(w.heavy.set, KEY, THING)),
    "__repr__": lambda w: repr(w.cache),
    "_repr_html_": lambda w: w.cache._repr_html_(),
}  # fmt: skip
RESOURCES: dict[str, Callable[[World], object]] = {
    "__reduce__": lambda w: wrong(pickle.dumps, w.resources),
    "history": lambda w: (w.resources.history, wrong(setattr, w.resources, "history", THING)),
    "__init__": lambda w: (ResourceMonitor(1, 2, 3), wrong(ResourceMonitor, THING), wrong(ResourceMonitor, clock=THING)),
    **{name: field("resources", name, 1.5) for name in ("cpu_threshold", "memory_threshold", "disk_threshold")},
    "get_cpu_usage": lambda w: w.resources.get_cpu_usage(),
    "get_memory_usage": lambda w: w.resources.get_memory_usage(),
    "get_disk_usage": lambda w: (w.resources.get_disk_usage(os.curdir), wrong(w.resources.get_disk_usage, "/no/such/path"), wrong(w.resources.get_disk_usage, THING)),
    "get_gpu_usage": lambda w: (w.resources.get_gpu_usage(), wrong(w.resources.get_gpu_usage, -1)),
    "gpu_count": lambda w: w.resources.gpu_count(),
    "check_resources": lambda w: w.resources.check_resources(),
    "get_alerts_for_high_usage": lambda w: w.resources.get_alerts_for_high_usage(),
    "__repr__": lambda w: repr(w.resources),
    "_repr_html_": lambda w: w.resources._repr_html_(),
}  # fmt: skip
REPORT: dict[str, Callable[[World], object]] = {
    "__init__": lambda w: (PerformanceReport(w.monitor), wrong(PerformanceReport, THING), wrong(w.report.__init__, w.monitor)),  # type: ignore[misc]
    **{name: read("report", name) for name in ("monitor", "api_tracker", "resource_monitor", "cache")},
    "generate_period_report": lambda w: (w.reader.generate_period_report(RANGE), w.report.generate_period_report(RANGE, tz="Europe/Berlin"), wrong(w.report.generate_period_report, THING), wrong(w.report.generate_period_report, RANGE, tz="Nowhere")),
    "generate_daily_report": lambda w: (w.report.generate_daily_report(), w.report.generate_daily_report(date(2023, 11, 14)), w.reader.generate_daily_report(), wrong(w.report.generate_daily_report, THING)),
    "generate_session_report": lambda w: (w.report.generate_session_report(NAME), w.reader.generate_session_report(NAME), wrong(w.report.generate_session_report, THING)),
    "compare_sessions": lambda w: (w.report.compare_sessions(NAME, NAME), w.reader.compare_sessions(NAME, NAME), wrong(w.report.compare_sessions, NAME, THING), wrong(w.report.compare_sessions, NAME, NAME, confidence=NUMBER)),
    "compare_versions": lambda w: (w.reader.compare_versions("1.0", "1.0"), wrong(w.report.compare_versions, "1.0", "1.0"), wrong(w.reader.compare_versions, "1.0", NAME), wrong(w.reader.compare_versions, "1.0", THING), wrong(w.reader.compare_versions, "1.0", "1.0", confidence=NUMBER)),
    "compare_performance": lambda w: (w.report.compare_performance(RANGE, RANGE), w.reader.compare_performance(RANGE, RANGE), w.report.compare_performance(RANGE, RANGE, min_change=NUMBER, min_samples=2), wrong(w.report.compare_performance, RANGE, None), wrong(w.report.compare_performance, RANGE, RANGE, confidence=THING), wrong(w.report.compare_performance, RANGE, RANGE, min_samples=0)),
    "export_report": lambda w: (w.report.export_report({"operations": {NAME: {"mean": NUMBER}}, "x": THING}), w.report.export_report({"operations": {NAME: {"mean": NUMBER}}}, "csv"), [w.report.export_report(w.report.generate_daily_report(), it) for it in ("html", "md")], w.report.export_report({}, path=w.folder / "report.json"), wrong(w.report.export_report, {}, path=w.folder), wrong(w.report.export_report, THING), wrong(w.report.export_report, {}, NAME)),
    "__repr__": lambda w: repr(w.report),
}  # fmt: skip
HISTORY: dict[str, Callable[[World], object]] = {
    "__init__": lambda w: (
        History(w.path), History(w.path, record=False).info(), wrong(History(w.path / "none", record=False).info), wrong(History, THING), wrong(History, w.path, flush_interval=0),
        PerformanceMonitor(history=w.history), PerformanceMonitor(history=w.path), ResourceMonitor(history=w.history),
        APIPerformanceTracker(history=w.history), wrong(PerformanceMonitor, history=THING),
    ),
    "flush": lambda w: (
        w.kept.record_metric(NAME, NUMBER, UNIT, METADATA), w.history.flush(),
        w.lost.record_metric(NAME, NUMBER, UNIT, METADATA), w.broken.flush(),
    ),
    "recent": lambda w: (w.history.recent(), wrong(w.history.recent, THING)),
    "close": lambda w: (History(w.path).close(), wrong(lambda: PerformanceMonitor(history=closed(w)))),
    "__enter__": lambda w: entered(History(w.path)),
    "__exit__": lambda w: History(w.path).__exit__(None, None, None),
    "path": read("history", "path"),
    "closed": read("history", "closed"),
    "problem": lambda w: (w.history.problem, w.broken.problem),
    "info": lambda w: w.history.info(),
    "check": lambda w: w.history.check(),
    "fold": lambda w: w.history.fold(),
    "vacuum": lambda w: w.history.vacuum(),
    "backup": lambda w: (w.history.backup(w.folder / "backup.db"), wrong(w.history.backup, w.folder), wrong(w.history.backup, THING)),
    "rows": lambda w: (list(w.history.rows()), next(w.history.rows("hours", RANGE), None), wrong(w.history.rows, NAME)),
    "__repr__": lambda w: repr(w.history),
    "_repr_html_": lambda w: w.history._repr_html_(),
}  # fmt: skip
# What is drawn is read from the file once for each report.
FIGURES_OF = Report({"operations": {NAME: {"mean": NUMBER}}, "thing": THING})
REPORTED: dict[str, Callable[[World], object]] = {
    "__init__": lambda _: (Report({NAME: THING}), wrong(Report, THING)),
    "_charts": lambda w: (w.reader.generate_daily_report()._charts, w.report.export_report(w.reader.generate_daily_report(), "html")),
    "copy": lambda _: FIGURES_OF.copy(),
    "__copy__": lambda _: copy.copy(FIGURES_OF),
    "__deepcopy__": lambda w: copy.deepcopy(w.reader.generate_daily_report()),
    "__reduce__": lambda w: pickle.loads(pickle.dumps(w.reader.generate_daily_report())),
    "__reduce_ex__": lambda _: copy.copy(FIGURES_OF.__reduce_ex__(4)),
    "_repr_html_": lambda w: (w.reader.generate_daily_report()._repr_html_(), FIGURES_OF._repr_html_()),
}  # fmt: skip
_made = World()
VIEWS: dict[type, dict[str, Callable[[World], object]]] = {
    type(_made.monitor._timers): {
        "__len__": lambda w: len(w.monitor._timers),
        "__contains__": lambda w: (NAME in w.monitor._timers, THING in w.monitor._timers),
        "__iter__": lambda w: list(w.monitor._timers),
        "__repr__": lambda w: repr(w.monitor._timers),
    },
    type(_made.monitor._metrics): {
        "__len__": lambda w: len(w.monitor._metrics),
        "__contains__": lambda w: (NAME in w.monitor._metrics, THING in w.monitor._metrics),
        "__getitem__": lambda w: (w.monitor._metrics[NAME], wrong(lambda: w.monitor._metrics[THING])),  # type: ignore[index]
        "__iter__": lambda w: list(w.monitor._metrics),
        "get": lambda w: (w.monitor._metrics.get(NAME), w.monitor._metrics.get("none", THING)),
        "keys": lambda w: w.monitor._metrics.keys(),
        "values": lambda w: w.monitor._metrics.values(),
        "items": lambda w: w.monitor._metrics.items(),
        "__repr__": lambda w: repr(w.monitor._metrics),
    },
    type(_made.monitor._metrics[NAME]): {
        "__len__": lambda w: len(w.monitor._metrics[NAME]),
        "__getitem__": lambda w: (w.monitor._metrics[NAME][0].metadata, w.monitor._metrics[NAME][1:], wrong(lambda: w.monitor._metrics[NAME][THING])),  # type: ignore[call-overload]
        "__iter__": lambda w: list(w.monitor._metrics[NAME]),
        "__repr__": lambda w: repr(w.monitor._metrics[NAME]),
    },
    type(_made.tracker._requests): {
        "__len__": lambda w: len(w.tracker._requests),
        "__getitem__": lambda w: (w.tracker._requests[0].error, w.tracker._requests[1:], wrong(lambda: w.tracker._requests[THING])),  # type: ignore[call-overload]
        "__repr__": lambda w: repr(w.tracker._requests),
    },
    type(_made.history.rows()): {
        "__iter__": lambda w: (iter(w.history.rows()), list(w.history.rows())),
        "__next__": lambda w: (next(w.history.rows()), next(w.history.rows("hours", RANGE)), wrong(lambda: next(w.broken.rows()))),
    },
    type(_made.profiler._begin((len, "abc"), {})[2]): {
        "finished": lambda w: w.profiler._begin((len, THING), {})[2].finished(THING),
        "failed": lambda w: w.profiler._begin((len, THING), {})[2].failed(Trouble(THING)),
        "restart": lambda w: w.profiler._begin((len, THING), {})[2].restart(),
    },
    type(_made.timer.__aenter__()): {
        name: (lambda w, name=name: ended(getattr(w.left_open[0].__aenter__(), name)))
        for name in ("__await__", "__iter__", "__next__")
    },
}  # fmt: skip
del _made
MODEL: dict[str, Callable[[World], object]] = {
    "model_dump": lambda w: (w.metric.model_dump(), w.request.model_dump(mode="json", exclude={"error"}), wrong(w.metric.model_dump, mode=NAME)),
    "model_dump_json": lambda w: (w.metric.model_dump_json(), w.usage.model_dump_json(indent=2), wrong(w.metric.model_dump_json, indent=-1)),
    "model_validate": lambda w: (PerformanceMetric.model_validate(w.metric.model_dump()), wrong(PerformanceMetric.model_validate, THING), wrong(CacheStats.model_validate, {"max_size": 1, "no": 1})),
    "model_copy": lambda w: (w.metric.model_copy(deep=True), w.metric.model_copy(update={"unit": UNIT}), wrong(w.metric.model_copy, update={"unit": THING})),
    "__copy__": lambda w: copy.copy(w.metric),
    "__deepcopy__": lambda w: copy.deepcopy(w.request),
    "__reduce__": lambda w: pickle.loads(pickle.dumps(w.request)),
    "__eq__": lambda w: (w.metric == copy.copy(w.metric), w.metric == THING, w.stats == w.stats),
    "__ne__": lambda w: w.metric != copy.copy(w.metric),
    "__repr__": lambda w: [repr(model) for model in (w.metric, w.request, w.stats, w.usage)],
    "__get_pydantic_core_schema__": lambda w: PerformanceMetric.__get_pydantic_core_schema__(None, None),
    "__iter__": lambda w: (list(w.metric), dict(w.request)),
    "__replace__": lambda w: (w.metric.__replace__(unit=UNIT), wrong(w.metric.__replace__, unit=THING)),
    "__setstate__": lambda w: (w.stats.__setstate__(w.stats.__reduce__()[2]) if len(w.stats.__reduce__()) > 2 else None),
    "__rich_repr__": lambda w: list(w.metric.__rich_repr__()),
    "dict": lambda w: (w.metric.dict(), w.stats.dict(exclude={"size"})),
    "json": lambda w: (w.metric.json(), w.stats.json(include={"size"})),
    "copy": lambda w: (w.metric.copy(), w.metric.copy(update={"unit": UNIT})),
    "model_construct": lambda w: PerformanceMetric.model_construct(metric_name=NAME, value=1, unit=UNIT),
    "construct": lambda w: PerformanceMetric.construct(metric_name=NAME, value=1, unit=UNIT),
    "model_validate_json": lambda w: (PerformanceMetric.model_validate_json(w.metric.model_dump_json()), wrong(PerformanceMetric.model_validate_json, "{")),
    "model_validate_strings": lambda w: (CacheStats.model_validate_strings({"max_size": "5"}), wrong(CacheStats.model_validate_strings, {"max_size": "x"})),
    "parse_obj": lambda w: (CacheStats.parse_obj({"max_size": "5"}), wrong(CacheStats.parse_obj, THING)),
    "parse_raw": lambda w: (CacheStats.parse_raw('{"max_size": 5}'), wrong(CacheStats.parse_raw, "{")),
    "parse_file": lambda w: wrong(CacheStats.parse_file, "/nowhere.json"),
    "validate": lambda w: (CacheStats.validate({"max_size": 5}), wrong(CacheStats.validate, THING)),
    "from_orm": lambda w: wrong(CacheStats.from_orm, THING),
    "model_json_schema": lambda w: PerformanceMetric.model_json_schema(),
    "schema": lambda w: PerformanceMetric.schema(),
    "schema_json": lambda w: PerformanceMetric.schema_json(),
    "model_rebuild": lambda w: PerformanceMetric.model_rebuild(),
    "update_forward_refs": lambda w: PerformanceMetric.update_forward_refs(),
    **{
        name: lambda w, name=name: [getattr(model, name, None) for model in (w.metric, w.request, w.stats, w.usage)]
        for name in (
            "model_fields_set", "model_extra", "model_config", "model_computed_fields",
            "__fields_set__",
        )
    },
}  # fmt: skip
TABLE: dict[type, dict[str, Callable[[World], object]]] = {
    PerformanceMonitor: MONITOR,
    ImageProcessingProfiler: PROFILER,
    APIPerformanceTracker: TRACKER,
    CacheManager: CACHE,
    ResourceMonitor: RESOURCES,
    PerformanceReport: REPORT,
    _native.Model: MODEL,
    PerformanceMetric: {
        "__new__": lambda w: (PerformanceMetric(metric_name=NAME, value=1, unit=UNIT, metadata=METADATA), wrong(PerformanceMetric, metric_name=NAME, value=THING)),
        "metric_name": field("metric", "metric_name", NAME),
        "value": field("metric", "value", NUMBER),
        "unit": field("metric", "unit", UNIT),
        "timestamp": field("metric", "timestamp", DAY),
        "metadata": field("metric", "metadata", METADATA),
    },
    ResourceUsage: {
        "__new__": lambda w: (ResourceUsage(**FIGURES), wrong(ResourceUsage, **{**FIGURES, "no": 1})),
        **{name: field("usage", name, NUMBER) for name in ResourceUsage.__match_args__},
        "timestamp": field("usage", "timestamp", DAY),
    },
    APIMetric: {
        "__new__": lambda w: (APIMetric(endpoint=NAME, duration_ms=1, status_code=200, method=UNIT, error=NAME), wrong(APIMetric, endpoint=NAME, duration_ms=1, status_code=THING)),
        "endpoint": field("request", "endpoint", NAME),
        "duration_ms": field("request", "duration_ms", NUMBER),
        "status_code": field("request", "status_code", 404),
        "timestamp": field("request", "timestamp", DAY),
        "method": field("request", "method", UNIT),
        "error": field("request", "error", NAME),
    },
    CacheStats: {
        "__new__": lambda w: (CacheStats(max_size=10**9), wrong(CacheStats, hits=1)),
        **{name: field("stats", name, 10**9) for name in CacheStats.__match_args__},
        "hit_rate": read("stats", "hit_rate"),
        "miss_rate": read("stats", "miss_rate"),
    },
    _native.Timer: {
        "__enter__": lambda w: entered(w.timer),
        "__exit__": lambda w: (w.timer.__exit__(None, None, None), entered(w.monitor.timer(NAME))),
        "__aenter__": lambda w: awaited(w.timer),
        "__aexit__": lambda w: asyncio_run(_entered(w.timer)),
        "elapsed": read("timer", "elapsed"),
        "__reduce__": lambda w: (pickle.loads(pickle.dumps(ptpd_monitoring.get_monitor().timer(NAME))), wrong(pickle.dumps, w.timer)),
        "__call__": decorated,
        "__repr__": lambda w: repr(w.timer),
    },
    type(CacheManager()._join("key", False)[0]): dict.fromkeys(
        ("__enter__", "__exit__", "lock", "has_value", "value", "when_ended", "waited", "keep"),
        lambda w: joined(w.cache),
    ),
    _native.StagedClock: {
        "__new__": lambda w: _native.StagedClock(),
        "begin": lambda w: staged(),
        "end": lambda w: staged(),
        "stand": lambda w: staged(),
        "go": lambda w: staged(),
        "system_wall": lambda w: _native.StagedClock.system_wall(),
    },
    _native.Replacement: {
        "__new__": lambda w: (_native.Replacement(NAME), wrong(_native.Replacement, THING)),
        "__enter__": _replaced,
        "__exit__": lambda w: _native.Replacement(NAME).__exit__(None, None, None),
        "__repr__": lambda w: repr(_native.Replacement(NAME)),
    },
    _native.RequestTimer: {
        "__enter__": lambda w: entered(w.track),
        "__exit__": lambda w: (
            w.track.__exit__(None, None, None),
            entered(w.tracker.track(NAME)),
            wrong(w.tracker.track(NAME)(fail), THING),
        ),
        "__call__": lambda w: (w.tracker.track(NAME)(repr)(THING), wrong(w.tracker.track(NAME), 5)),
        "status": lambda w: (setattr(w.track, "status", 404), w.track.status, wrong(setattr, w.track, "status", THING)),
        "__aenter__": lambda w: awaited(w.track),
        "__aexit__": lambda w: asyncio_run(_entered(w.track)),
        "__reduce__": lambda w: wrong(pickle.dumps, w.track),
        "__repr__": lambda w: repr(w.track),
    },
    _native.Session: {
        "session_id": read("session", "session_id"),
        "__reduce__": lambda w: wrong(pickle.dumps, w.session),
        "__enter__": lambda w: entered(w.session),
        "__exit__": lambda w: (w.session.__exit__(None, None, None), entered(w.monitor.session(NAME))),
        "__repr__": lambda w: repr(w.session),
    },
    History: HISTORY,
    Report: REPORTED,
    **VIEWS,
    _native.ProfileOptions: {
        "__new__": lambda w: (
            _native.ProfileOptions(NAME, callable_of_things),
            _native.ProfileOptions(image=callable_of_things),
            wrong(_native.ProfileOptions, NAME, THING),
            wrong(_native.ProfileOptions, THING),
        ),
        "__getnewargs__": lambda w: copy.copy(_native.ProfileOptions(NAME, callable_of_things)),
    },
    ManualClock: {
        "__new__": lambda w: (ManualClock(5), wrong(ManualClock, THING)),
        "advance": lambda w: (w.clock.advance(NUMBER), wrong(w.clock.advance, -1)),
        "set_wall": lambda w: (w.clock.set_wall(NUMBER), wrong(w.clock.set_wall, THING)),
        "wall": read("clock", "wall"),
        "monotonic": read("clock", "monotonic"),
    },
    MonitoringSettings: {
        **{
            name: read("settings", name)
            for name in ("max_history", "max_operations", "max_endpoints", "cpu_threshold", "memory_threshold", "disk_threshold", "cache_size", "cache_ttl", "cache_max_bytes", "history", "retention_days")
        },
        "__repr__": lambda w: repr(w.settings),
    },
}  # fmt: skip

for _model in (PerformanceMetric, ResourceUsage, APIMetric, CacheStats):
    for _name in ("model_fields", "__fields__"):
        TABLE[_model][_name] = lambda _, model=_model, name=_name: getattr(model, name)

_loop: list[asyncio.AbstractEventLoop] = []


def asyncio_run(coroutine: Any) -> None:
    if not _loop:
        _loop.append(asyncio.new_event_loop())
    _loop[0].run_until_complete(coroutine)


def clean_up() -> None:
    while _loop:
        _loop.pop().close()
    # What is still to be written is lost otherwise, and the log says so when the process ends.
    world = World()
    world.broken.path.parent.mkdir()
    assert world.broken.flush()


def _installed(_: World) -> None:
    # Where this package itself is what is imported, there is nothing to put in its place.
    ptpd_monitoring.installed()


FUNCTIONS: dict[str, Callable[[World], object]] = {
    "few_samples": lambda w: _native.few_samples(w.report.generate_daily_report()),
    "report_order": lambda w: _native.report_order(w.report.generate_daily_report()),
    "iso_text": lambda w: (_native.iso_text(DAY, "offset"), wrong(_native.iso_text, DAY, "no")),
    "time_text": lambda w: (
        _native.time_text("2024-01-01T00:00:00", "utc"),
        wrong(_native.time_text, THING, "utc"),
    ),
    "quantity_text": lambda w: (
        _native.quantity_text(5, "MB"),
        wrong(_native.quantity_text, THING, "MB"),
    ),
    "misspelt_settings": lambda w: _native.misspelt_settings(),
    **{
        name: lambda _, name=name: getattr(ptpd_monitoring, name)()
        for name in ptpd_monitoring.__all__
        if name.startswith("get_")
    },
    "installed": _installed,
    "install": lambda _: (ptpd_monitoring.install(), ptpd_monitoring.uninstall()),
    "uninstall": lambda _: ptpd_monitoring.uninstall(),
    "read_settings": lambda _: read_settings(),
    "spreadsheet_text": lambda w: (
        _native.spreadsheet_text(NAME),
        wrong(_native.spreadsheet_text, THING),
    ),
    "report_changed": lambda w: (
        _native.report_changed(w.reader.generate_daily_report()),
        _native.report_changed({}),
        wrong(_native.report_changed, THING),
    ),
    "report_fragment": lambda w: (
        w.report.generate_daily_report()._repr_html_(),
        _native.report_fragment({NAME: THING}),
        wrong(_native.report_fragment, THING),
    ),
}
