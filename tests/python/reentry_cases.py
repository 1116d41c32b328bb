"""What runs in test_reentry.py's interpreters: every object used from inside its own operations.

``python reentry_cases.py CASE ROUNDS LIMIT``: a lock that is held while Python code runs hangs here,
and after ``LIMIT`` seconds the process shows where and ends.
"""

from __future__ import annotations

import asyncio
import copy
import faulthandler
import gc
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from ptpd_monitoring import (
    APIPerformanceTracker,
    CacheManager,
    History,
    ImageProcessingProfiler,
    PerformanceMetric,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
)
from ptpd_monitoring._report import Report
from reentry_world import (
    BY_TURNS,
    PERIOD,
    Hook,
    Moment,
    Place,
    Source,
    Text,
    Trouble,
    Zone,
    cache,
    clock,
    counted,
    history,
    hook,
    kept,
    kept_report,
    metric,
    monitor,
    path,
    profiler,
    refused,
    report,
    request,
    resources,
    stats,
    track,
    tracker,
    usage,
    use,
    weighed,
)

# The cases: each is one round.


def values_that_go() -> None:
    for end in (
        lambda: cache.set("key", 1),
        lambda: cache.delete("key"),
        cache.clear,
        lambda: [cache.set(i, 1) for i in range(3)],
        lambda: (clock.advance(10), cache.cleanup_expired()),
        lambda: (cache.set("other", 1), cache.__init__(1, 10, clock=clock)),  # type: ignore[misc]
    ):
        cache.set("key", Hook())
        end()
    cache.__init__(3, 10, clock=clock)  # type: ignore[misc]
    cache.set("key", Hook())
    clock.advance(10)
    counted.gets += 1
    cache.get("key")


def keys_that_go() -> None:
    for end in (lambda key: cache.delete(key), lambda _: cache.clear()):
        key = Hook()
        cache.set((key,), 1)
        end((key,))
    cache.set((Hook(),), 1)
    for i in range(3):
        cache.set(i, 1)
    cache.set(Text("key"), 1)
    cache.clear()


def keys_that_compare() -> None:
    key = Hook()
    cache.set(Hook(), 1)
    cache.set(key, Hook())
    counted.gets += 2
    cache.get(key)
    cache.get(Hook(), Hook())
    assert isinstance(key in cache, bool)
    cache.delete(Hook())


def factories() -> None:
    cache.clear()
    counted.gets += 1
    cache.get_or_set("key", Hook())
    cache.clear()
    counted.gets += 1
    with suppress(Trouble):
        cache.get_or_set("key", lambda: (_ for _ in [hook()]).throw(Trouble()))


def metadata_that_goes() -> None:
    for end in (
        lambda: monitor.record_many("op", [1, 2, 3], "u"),
        lambda: monitor.clear_metrics("op"),
        lambda: monitor.clear_metrics(),
        lambda: monitor.__init__(1, clock=clock),  # type: ignore[misc]
    ):
        for _ in range(4):
            monitor.record_metric("op", 1, "u", {"hook": Hook()})
        end()
    monitor.__init__(3, clock=clock)  # type: ignore[misc]
    with monitor.timer("op", {"hook": Hook()}), monitor.session(Text("s")):
        pass
    monitor.timer(Text("op"))
    tracker.track(Text("/a"), Text("GET"))


def metadata_that_compares_and_shows_itself() -> None:
    class SessionId(Hook):
        def __hash__(self) -> int:
            hook()
            return hash("session_id")

    for _ in range(4):
        with monitor.session("s"):
            monitor.record_metric("op", 1, "u", {SessionId(): Hook(), "list": [Hook()]})
    monitor.export_metrics("json")
    monitor.export_metrics("csv", Hook())
    report.export_report({"operations": {"op": {"mean": Hook()}}, "x": Hook()}, "csv", Hook())
    assert monitor.get_metrics("op") != [PerformanceMetric(metric_name="op", value=1, unit="u")]


def model_fields_that_go() -> None:
    for model, fields in (
        (metric, ("metric_name", "unit")),
        (request, ("endpoint", "method", "error")),
    ):
        for field in fields:
            setattr(model, field, Text("x"))
            setattr(model, field, "x")
    for stamped in (metric, request, usage):
        # One that goes by itself, and one that is still there when something else goes.
        stamped.timestamp = Moment(2024, 1, 1)
        stamped.timestamp = datetime(2024, 1, 1)
        stamped.timestamp = Moment(2024, 1, 1)
    metric.metadata = {"hook": Hook()}
    metric.metadata = {}
    metric.metadata = {"hook": Hook()}
    repr(metric)
    metric.model_dump_json()
    metric.model_copy(update={"metadata": {"hook": Hook()}})
    metric.metadata = {}
    use()
    monitor.record_metric("op", 1, "u")
    monitor._metrics["op"][0].timestamp = Moment(2024, 1, 1)


def numbers() -> None:
    monitor.record_metric("op", Hook(), "u")
    monitor.record_many("op", Hook(), "u")
    monitor.get_percentiles("op", Hook())
    tracker.track_request("/a", Hook(), Hook())
    cache.set("key", 1, Hook())
    cache.__init__(Hook(3), Hook(10), clock=clock)  # type: ignore[misc, arg-type]
    monitor.__init__(Hook(3), clock=clock)  # type: ignore[misc, arg-type]
    tracker.__init__(Hook(3), clock=clock)  # type: ignore[misc, arg-type]
    resources.__init__(Hook(80), Hook(80), Hook(90), clock=clock)  # type: ignore[misc]
    resources.memory_threshold = Hook(80)  # type: ignore[assignment]
    resources.get_gpu_usage(Hook())  # type: ignore[arg-type]
    profiler.get_processing_speed(Hook(), "int")  # type: ignore[arg-type]
    profiler.estimate_batch_time([Hook(), Hook()], "int")  # type: ignore[list-item]
    profiler.identify_bottlenecks(["int"], Hook())
    metric.value = Hook()  # type: ignore[assignment]
    request.status_code = Hook()  # type: ignore[assignment]
    stats.hits = Hook()  # type: ignore[assignment]
    usage.gpu_percent = Hook()  # type: ignore[assignment]
    day = Moment(2024, 1, 1)
    monitor.get_metrics("op", (day, day))
    report.generate_daily_report(day)


def histories() -> None:
    class Own(History):
        def __del__(self) -> None:
            hook()

    Own(Place(), flush_interval=Hook(1), retention_days=Hook(3)).close()  # type: ignore[arg-type]
    PerformanceMonitor(history=Own(path), clock=clock).record_metric("op", 1, "u", {"h": Hook()})
    PerformanceMonitor(history=Place())
    APIPerformanceTracker(history=Place())
    ResourceMonitor(history=Place(), sample_interval=Hook(1))
    kept.__init__(3, history=Place(), clock=clock)  # type: ignore[misc]
    kept.__init__(3, history=history, clock=clock)  # type: ignore[misc]
    history.recent(Hook(1))  # type: ignore[arg-type]
    list(history.rows(Text("hours"), (Moment(2024, 1, 1), Moment(2024, 1, 2))))  # type: ignore[call-overload]
    with Own(path) as another:
        another.hook = Hook()
        another.flush()
    refused(History, path, flush_interval=Hook(-1))
    refused(History, path, retention_days=Hook(0))
    refused(history.recent, Hook(-1))


def reports() -> None:
    day, later = Moment(2023, 11, 14), Moment(2023, 11, 16)
    known = kept_report.compare_performance(
        (day, later),
        (day, later),
        confidence=Hook(0.5),
        significance=Hook(0.5),
        min_change=Hook(1),
        min_samples=Hook(1),
    )
    kept_report.compare_sessions(Text("s"), Text("s"), min_samples=Hook(2))
    kept_report.compare_versions(Text("1.0"), Text("1.0"), min_samples=Hook(2))
    daily = PerformanceReport(kept, None, Source()).generate_daily_report(day, tz=Zone())  # type: ignore[arg-type]
    kept_report.generate_period_report((day, later), tz=Zone())  # type: ignore[arg-type]
    for figures in (known, daily):
        figures["hook"] = Hook()
        for entry in figures.get("operations", {}).values():
            entry[Text("mean")] = entry["p50"] = Hook()
        for form in ("html", "md", "csv", "json"):
            report.export_report(figures, Text(form))
        figures._repr_html_()
        copy.deepcopy(figures).copy()
    report.export_report(known, "html", Hook())
    Report({"operations": {"op": {"mean": Hook()}}, "x": Hook()})._repr_html_()
    refused(kept_report.generate_daily_report, day, tz=[Hook()])


def weighers() -> None:
    weighed.__init__(3, max_bytes=Hook(7), weigher=Hook(), clock=clock)  # type: ignore[misc, arg-type]
    for number in range(5):
        weighed.set((Hook(), number), Hook())
    weighed.get_or_set("made", Hook())
    # What is there is weighed anew.
    weighed.__init__(3, max_bytes=2, weigher=lambda *_: Hook(2), clock=clock)  # type: ignore[misc, arg-type, return-value]
    weighed.set("key", Hook())
    weighed.clear()
    weighed.__init__(3, max_bytes=100, weigher=Hook(), clock=clock)  # type: ignore[misc]


def values_shown_in_errors() -> None:
    wrong = Hook()
    refused(monitor.record_metric, wrong, 1, "u")
    refused(monitor.record_metric, "op", 1, wrong)
    refused(monitor.record_metric, "op", 1, "u", wrong)
    refused(monitor.start_timer, wrong)
    refused(monitor.timer, wrong)
    refused(monitor.session, wrong)
    refused(monitor.get_metrics, "op", [wrong])
    refused(monitor.export_metrics, wrong)
    refused(monitor.__init__, 1, clock=wrong)  # type: ignore[misc]
    refused(tracker.track, wrong)
    refused(tracker.track_request, "/a", 1, 200, wrong)
    refused(cache.__init__, [wrong])  # type: ignore[misc]
    refused(cache.set, "key", 1, [wrong])
    refused(profiler.identify_bottlenecks, wrong)
    refused(profiler.get_processing_speed, [wrong] * 3, "int")
    refused(PerformanceReport, wrong)
    refused(report.export_report, wrong)
    refused(report.generate_daily_report, wrong)
    refused(setattr, resources, "cpu_threshold", [wrong])
    for model, field in (
        (metric, "unit"),
        (request, "error"),
        (stats, "hits"),
        (usage, "timestamp"),
    ):
        refused(setattr, model, field, [wrong])
    refused(PerformanceMetric.model_validate, wrong)
    refused(History, [wrong])
    refused(History, path, flush_interval=[wrong])
    refused(PerformanceMonitor, history=[wrong])
    refused(history.rows, wrong)
    refused(history.recent, [wrong])
    refused(kept_report.generate_period_report, [wrong, wrong])
    refused(kept_report.generate_daily_report, tz=wrong)
    refused(kept_report.compare_sessions, wrong, wrong)
    refused(kept_report.compare_versions, wrong, wrong)
    refused(kept_report.compare_performance, PERIOD, PERIOD, confidence=[wrong])
    refused(weighed.__init__, 3, max_bytes=[wrong], weigher=wrong)  # type: ignore[misc]
    refused(weighed.__init__, 3, max_bytes=1, weigher=[wrong])  # type: ignore[misc]


def exceptions_that_show_themselves() -> None:
    async def in_a_task() -> None:
        async with track:
            raise Trouble

    def fail() -> None:
        raise Trouble

    for call in (
        lambda: asyncio.run(in_a_task()),
        lambda: profiler.profile_operation(fail),
        monitor.timer("op")(fail),
        lambda: cache.get_or_set("never", fail),
    ):
        with suppress(Trouble):
            call()
    counted.gets += 1
    with suppress(Trouble), tracker.track("/a"):
        raise Trouble


def profiled_functions() -> None:
    profiler.profile_operation(Hook(), Hook(), image=Hook())
    monitor.timer("op")(Hook())(1)


def sizes_of_images() -> None:
    told = ImageProcessingProfiler(monitor, size_of=Hook())

    def develop(image: object) -> list[object]:
        return [image]

    told.profile_operation(develop, Hook())
    told.profile_operation(develop, Hook(), size=Hook())
    told.profile(size=lambda _: (Hook(2), Hook(3)))(develop)(Hook())
    refused(told.profile_operation, develop, Hook(), size=(Hook(0), Hook()))
    told.get_processing_speed((Hook(2), Hook(3)), "develop")


def log_handlers() -> None:
    monitor.stop_timer("never started")
    resources.get_gpu_usage()
    # One that can never be opened, which is told each time that it is in use anew.
    with History(path / "no folder", flush_interval=3_600) as broken:
        PerformanceMonitor(history=broken).record_metric("op", 1, "u")
        assert not broken.flush()


def overridden_methods() -> None:
    class Monitor(PerformanceMonitor):
        def record_metric(self, *args: Any, **kwargs: Any) -> None:
            hook()
            self.get_statistics("op")
            super().record_metric(*args, **kwargs)

    class Tracker(APIPerformanceTracker):
        def track_request(self, *args: Any, **kwargs: Any) -> None:
            hook()
            self.generate_api_report()
            super().track_request(*args, **kwargs)

    class Cache(CacheManager):
        def get(self, *args: Any) -> Any:
            hook()
            return super().get(*args)

    class Resources(ResourceMonitor):
        def get_cpu_usage(self) -> float:
            hook()
            self.check = self.get_alerts_for_high_usage if not hasattr(self, "check") else int
            self.check()
            return 1.0

    ours, cached = Monitor(), Cache()
    with ours.timer("op"), Tracker().track("/a"):
        pass
    ImageProcessingProfiler(ours).profile_operation(int)
    cached.get_or_set("key", int)
    PerformanceReport(ours, resource_monitor=Resources()).generate_daily_report()


def signal_handlers(rounds: int) -> None:
    calls = 0

    def handle(*_: object) -> None:
        nonlocal calls
        calls += 1
        hook()

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(rounds * 100):
            values_that_go()
            metadata_that_goes()
            use()
            BY_TURNS[calls % len(BY_TURNS)]()
            if calls >= rounds:
                break
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert calls > 0


def collections(rounds: int) -> None:
    def collected(phase: str, _: object) -> None:
        hook()

    # Nearly every allocation collects, so that one under a lock would be found.
    gc.set_threshold(3)
    gc.callbacks.append(collected)
    try:
        for _ in range(rounds):
            values_that_go()
            metadata_that_goes()
            use()
    finally:
        gc.callbacks.remove(collected)
        gc.set_threshold(700)


BY_ROUND: dict[str, Callable[[], None]] = {
    case.__name__: case
    for case in (
        values_that_go,
        keys_that_go,
        keys_that_compare,
        factories,
        metadata_that_goes,
        metadata_that_compares_and_shows_itself,
        model_fields_that_go,
        numbers,
        histories,
        reports,
        weighers,
        values_shown_in_errors,
        exceptions_that_show_themselves,
        profiled_functions,
        sizes_of_images,
        log_handlers,
        overridden_methods,
    )
}
ALL_AT_ONCE: dict[str, Callable[[int], None]] = {
    case.__name__: case for case in (signal_handlers, collections)
}


class Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        record.getMessage()
        hook()


def main(case: str, rounds: int, limit: int) -> None:
    faulthandler.dump_traceback_later(limit, exit=True)
    unraisable: list[Any] = []
    sys.unraisablehook = lambda error: unraisable.append(error.exc_value)
    logging.getLogger("ptpd_calibration.monitoring").addHandler(Handler())
    if case in BY_ROUND:
        for _ in range(rounds):
            BY_ROUND[case]()
    else:
        ALL_AT_ONCE[case](rounds)
    assert counted.hooks > 0, "nothing was called back"
    assert counted.turns > len(BY_TURNS), "not everything was used"
    assert unraisable == [], unraisable
    stats = cache.get_stats()
    assert stats.hits + stats.misses == counted.gets, (stats, counted)
    assert len(cache._keys()) == cache.get_size() <= cache._max_size
    use()
    print("done", counted.hooks)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
