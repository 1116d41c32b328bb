"""Every call that the published documentation shows, in the form in which it shows it.

Users wrote their programs by these calls: import lines, argument names and order, keys,
attributes and format strings. What the examples leave undefined (a database, a request handler)
is supplied here.
"""

from __future__ import annotations

import inspect
import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ptpd_calibration.monitoring import (
    APIPerformanceTracker,
    CacheManager,
    ImageProcessingProfiler,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
    get_api_tracker,
    get_cache,
    get_monitor,
    get_profiler,
    get_resource_monitor,
)

from ptpd_monitoring.testing import ManualClock

NUMBER = r"-?\d+(,\d{3})*(\.\d+)?"


def is_like(text: str, pattern: str) -> bool:
    """Whether the text is the pattern, with a number at each #."""
    return re.fullmatch(re.escape(pattern).replace(r"\#", NUMBER), text) is not None


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        (PerformanceMonitor.start_timer, "operation_name"),
        (PerformanceMonitor.stop_timer, "operation_name"),
        (PerformanceMonitor.timer, "operation_name"),
        (PerformanceMonitor.record_metric, "name value unit metadata"),
        (PerformanceMonitor.get_metrics, "operation_name time_range"),
        (PerformanceMonitor.get_average, "operation_name"),
        (PerformanceMonitor.get_percentiles, "operation_name percentiles"),
        (PerformanceMonitor.get_statistics, "operation_name"),
        (PerformanceMonitor.export_metrics, "format output_path operation_name"),
        (PerformanceMonitor.clear_metrics, "operation_name"),
        (ImageProcessingProfiler.profile_operation, "func args kwargs"),
        (ImageProcessingProfiler.get_processing_speed, "image_size operation_name"),
        (ImageProcessingProfiler.estimate_batch_time, "images operation_name"),
        (ImageProcessingProfiler.track_memory_usage, "operation"),
        (ImageProcessingProfiler.get_memory_stats, ""),
        (ImageProcessingProfiler.identify_bottlenecks, "operations threshold_percentile"),
        (APIPerformanceTracker.track_request, "endpoint duration status method error"),
        (APIPerformanceTracker.track, "endpoint method"),
        (APIPerformanceTracker.get_endpoint_stats, "endpoint time_range"),
        (APIPerformanceTracker.get_error_rate, "endpoint time_range"),
        (APIPerformanceTracker.get_response_times, ""),
        (APIPerformanceTracker.generate_api_report, ""),
        (CacheManager.get, "key"),
        (CacheManager.set, "key value ttl"),
        (CacheManager.delete, "key"),
        (CacheManager.get_stats, ""),
        (CacheManager.get_size, ""),
        (CacheManager.clear, ""),
        (CacheManager.cleanup_expired, ""),
        (ResourceMonitor.get_cpu_usage, ""),
        (ResourceMonitor.get_memory_usage, ""),
        (ResourceMonitor.get_disk_usage, "path"),
        (ResourceMonitor.get_gpu_usage, ""),
        (ResourceMonitor.check_resources, ""),
        (ResourceMonitor.get_alerts_for_high_usage, ""),
        (PerformanceReport.generate_daily_report, "date"),
        (PerformanceReport.generate_session_report, "session_id"),
        (PerformanceReport.compare_performance, "period1 period2"),
        (PerformanceReport.export_report, "report format path"),
    ],
    ids=lambda value: value.__qualname__ if callable(value) else None,
)
def test_method_has_its_documented_arguments_in_their_order(method, arguments: str):
    shown = [name for name in inspect.signature(method).parameters if name != "self"]
    expected = arguments.split()
    assert shown[: len(expected)] == expected


def test_quick_start(caplog: pytest.LogCaptureFixture):
    monitor = get_monitor()
    with monitor.timer("my_operation"):
        sum(range(100))
    stats = monitor.get_statistics("my_operation")
    assert is_like(f"Average: {stats['mean']:.3f}s", "Average: #s")
    assert is_like(f"P95: {stats['p95']:.3f}s", "P95: #s")

    profiler = get_profiler()
    result, profile = profiler.profile_operation(sorted, "image")
    assert result == list("aegim")
    assert is_like(f"Processing time: {profile['wall_time_s']:.3f}s", "Processing time: #s")
    assert is_like(f"Memory used: {profile['memory_delta_mb']:.1f}MB", "Memory used: #MB")

    api_tracker = get_api_tracker()
    with api_tracker.track("/api/process", "POST"):
        pass
    assert api_tracker.get_endpoint_stats("/api/process")["count"] >= 1

    cache = get_cache()
    cache.delete("expensive_result")
    value = cache.get("expensive_result")
    assert value is None
    cache.set("expensive_result", [1, 2], ttl=300)
    assert cache.get("expensive_result") == [1, 2]

    resource_monitor = get_resource_monitor()
    resources = resource_monitor.check_resources()
    assert 0 <= resources.cpu_percent <= 100
    assert isinstance(resource_monitor.get_alerts_for_high_usage(), list)
    assert [it for it in caplog.records if it.name == "ptpd_calibration.monitoring"] == []


def test_monitor_examples(folder: Path):
    monitor = PerformanceMonitor(max_history=10000)
    monitor.start_timer("database_query")
    duration = monitor.stop_timer("database_query")
    assert isinstance(duration, float)
    assert monitor.get_average("database_query") == duration

    with monitor.timer("api_call"):
        sum(range(100))
    monitor.record_metric("user_count", 1250, "users")
    monitor.record_metric("cache_hit_rate", 0.85, "percentage")

    stats = monitor.get_statistics("api_call")
    for key in ("min", "max", "mean", "median", "p90", "p95", "p99"):
        assert is_like(f"{key}: {stats[key]:.3f}s", f"{key}: #s")

    assert monitor.export_metrics(format="json", output_path=Path("metrics.json")) is None
    rows = json.loads((folder / "metrics.json").read_text())
    names = ["database_query", "api_call", "user_count", "cache_hit_rate"]
    assert [row["metric_name"] for row in rows] == names
    assert monitor.export_metrics(format="csv", output_path=Path("metrics.csv")) is None
    header, *lines = (folder / "metrics.csv").read_text().splitlines()
    assert header == "metric_name,value,unit,timestamp,metadata"
    assert [line.partition(",")[0] for line in lines] == names


def test_monitor_methods_by_keyword(folder: Path):
    monitor = PerformanceMonitor()
    monitor.start_timer(operation_name="op")
    assert monitor.stop_timer(operation_name="op") is not None
    with monitor.timer(operation_name="op"):
        pass
    monitor.record_metric(name="dmax", value=1.5, unit="density", metadata={"paper": "rag"})
    (sample,) = monitor.get_metrics(operation_name="dmax", time_range=None)
    assert (sample.value, sample.metadata) == (1.5, {"paper": "rag"})
    past = (datetime.now() - timedelta(hours=2), datetime.now() - timedelta(hours=1))
    assert monitor.get_metrics(operation_name="dmax", time_range=past) == []
    assert monitor.get_average(operation_name="dmax") == 1.5
    assert monitor.get_percentiles(operation_name="dmax", percentiles=[50]) == {"p50": 1.5}
    assert list(monitor.get_percentiles("dmax")) == ["p50", "p90", "p95", "p99"]
    assert monitor.get_statistics(operation_name="op")["count"] == 2
    text = monitor.export_metrics(format="json", output_path=None, operation_name="dmax")
    assert [row["metric_name"] for row in json.loads(text)] == ["dmax"]
    monitor.clear_metrics(operation_name="op")
    assert monitor.get_statistics("op") == {"count": 0}


def test_profiler_examples():
    profiler = ImageProcessingProfiler()

    def process_image(image: list[int]) -> list[int]:
        return image[::-1]

    processed, profile = profiler.profile_operation(process_image, [1, 2, 3])
    assert processed == [3, 2, 1]
    assert is_like(f"Wall time: {profile['wall_time_s']:.3f}s", "Wall time: #s")
    assert is_like(f"CPU time: {profile['cpu_time_s']:.3f}s", "CPU time: #s")
    assert is_like(f"Memory delta: {profile['memory_delta_mb']:.1f}MB", "Memory delta: #MB")

    speed = profiler.get_processing_speed((1920, 1080), "process_image")
    mean = profiler.monitor.get_average("process_image_wall_time")
    assert speed == pytest.approx(1920 * 1080 / mean)
    assert is_like(
        f"Processing speed: {speed:,.0f} pixels/second", "Processing speed: # pixels/second"
    )

    batch = [(1920, 1080), (1024, 768), (800, 600)]
    estimated_time = profiler.estimate_batch_time(batch, "process_image")
    assert estimated_time == pytest.approx(3 * mean * 1.1)
    text = f"Estimated time for {len(batch)} images: {estimated_time:.2f}s"
    assert is_like(text, "Estimated time for 3 images: #s")

    mem_stats = profiler.get_memory_stats()
    assert is_like(f"RSS: {mem_stats['rss_mb']:.1f}MB", "RSS: #MB")
    assert is_like(f"Available: {mem_stats['available_mb']:.1f}MB", "Available: #MB")

    profiler.monitor.record_many("detect_tablet_wall_time", [1.0, 1.0, 1.0, 10.0], "seconds")
    bottlenecks = profiler.identify_bottlenecks(
        ["detect_tablet", "extract_densities", "generate_curve"]
    )
    lines = [f"{b['operation']}: {b['slowdown_factor']:.2f}x slower" for b in bottlenecks]
    assert lines == ["detect_tablet: 7.30x slower"]


def test_profiler_methods_by_keyword():
    profiler = ImageProcessingProfiler(monitor=PerformanceMonitor())

    def scale(image: list[int], factor: int = 1) -> list[int]:
        return [factor * value for value in image]

    assert profiler.profile_operation(scale, [1, 2], factor=3)[0] == [3, 6]
    assert profiler.profile_operation(func=scale, image=[1, 2], factor=3)[0] == [3, 6]
    assert profiler.get_processing_speed(image_size=(10, 10), operation_name="scale") > 0
    assert profiler.estimate_batch_time(images=[(10, 10)], operation_name="scale") > 0
    profiler.track_memory_usage(operation="scale")
    assert profiler.monitor.get_average("scale_memory_snapshot") > 0
    assert profiler.identify_bottlenecks(operations=["none"], threshold_percentile=90) == []


def test_a_profiled_function_may_have_an_argument_of_the_name_func():
    profiler = ImageProcessingProfiler()

    def apply(func, value):
        return func(value)

    result, profile = profiler.profile_operation(apply, func=abs, value=-3)
    assert (result, profile["operation"]) == (3, "apply")
    with pytest.raises(TypeError, match="func"):
        profiler.profile_operation()
    with pytest.raises(TypeError, match="func must be callable, got 3"):
        profiler.profile_operation(func=3)


def test_tracker_examples():
    tracker = APIPerformanceTracker(max_history=10000)
    tracker.track_request("/api/process", duration=0.125, status=200, method="POST")
    tracker.track_request("/api/status", duration=0.005, status=200, method="GET")
    with tracker.track("/api/upload", "POST"):
        pass

    stats = tracker.get_endpoint_stats("/api/process")
    assert f"Requests: {stats['count']}" == "Requests: 1"
    assert f"Error rate: {stats['error_rate']:.2%}" == "Error rate: 0.00%"
    assert f"Mean response: {stats['mean_ms']:.1f}ms" == "Mean response: 125.0ms"
    assert f"P95: {stats['p95_ms']:.1f}ms" == "P95: 125.0ms"

    report = tracker.generate_api_report()
    assert f"Total requests: {report['total_requests']}" == "Total requests: 3"
    assert f"Overall error rate: {report['overall_error_rate']:.2%}" == "Overall error rate: 0.00%"
    assert is_like(f"Overall P95: {report['overall_p95_ms']:.1f}ms", "Overall P95: #ms")
    slowest = [f"{ep['endpoint']}: {ep['p95_ms']:.1f}ms" for ep in report["slowest_endpoints"]]
    # This one was really timed, so it may be anywhere.
    (upload,) = [line for line in slowest if line.startswith("/api/upload")]
    assert is_like(upload, "/api/upload: #ms")
    slowest.remove(upload)
    assert slowest == ["/api/process: 125.0ms", "/api/status: 5.0ms"]


def test_tracker_methods_by_keyword():
    tracker = APIPerformanceTracker()
    tracker.track_request(endpoint="/a", duration=0.5, status=500, method="PUT", error="broken")
    with tracker.track(endpoint="/a", method="GET"):
        pass
    assert tracker.get_endpoint_stats(endpoint="/a", time_range=None)["error_count"] == 1
    now = datetime.now()
    assert tracker.get_error_rate(endpoint="/a", time_range=(now - timedelta(hours=1), now)) == 0.5
    assert tracker.get_response_times()["/a"][0] == 500.0


def test_cache_examples():
    cache = CacheManager(max_size=1000, default_ttl=3600)
    cache.set("user:123", {"name": "John", "email": "john@example.com"})
    user = cache.get("user:123")
    assert user["name"] == "John"
    cache.set("session:abc", "token", ttl=300)

    fetched = []

    def get_user(user_id: int) -> str:
        cache_key = f"user:{user_id}"
        user = cache.get(cache_key)
        if user is None:
            fetched.append(user_id)
            user = f"number {user_id}"
            cache.set(cache_key, user, ttl=600)
        return user

    assert get_user(7) == get_user(7) == "number 7"
    assert fetched == [7]

    stats = cache.get_stats()
    assert f"Hit rate: {stats.hit_rate:.2%}" == "Hit rate: 66.67%"
    assert f"Miss rate: {stats.miss_rate:.2%}" == "Miss rate: 33.33%"
    assert f"Size: {stats.size}/{stats.max_size}" == "Size: 3/1000"
    assert f"Evictions: {stats.evictions}" == "Evictions: 0"
    removed = cache.cleanup_expired()
    assert f"Removed {removed} expired entries" == "Removed 0 expired entries"


def test_cache_methods_by_keyword():
    cache = CacheManager()
    cache.set(key="a", value=1, ttl=None)
    assert cache.get(key="a") == 1
    assert cache.get_size() == 1
    assert cache.delete(key="a") is True
    cache.clear()
    assert cache.get_size() == 0


def test_resource_examples():
    monitor = ResourceMonitor(cpu_threshold=80.0, memory_threshold=80.0, disk_threshold=90.0)
    assert is_like(f"CPU: {monitor.get_cpu_usage():.1f}%", "CPU: #%")
    mem = monitor.get_memory_usage()
    assert is_like(f"Memory: {mem['percent']:.1f}%", "Memory: #%")
    assert is_like(f"Available: {mem['available_mb']:.1f}MB", "Available: #MB")
    disk = monitor.get_disk_usage("/")
    assert disk["total_gb"] == monitor.get_disk_usage(path="/")["total_gb"]
    assert is_like(f"Disk: {disk['percent']:.1f}%", "Disk: #%")
    assert is_like(f"Free: {disk['free_gb']:.1f}GB", "Free: #GB")
    gpu = monitor.get_gpu_usage()
    if gpu:
        assert set(gpu) == {"gpu_percent", "memory_percent", "memory_used_mb", "memory_total_mb"}
    resources = monitor.check_resources()
    assert is_like(f"CPU: {resources.cpu_percent:.1f}%", "CPU: #%")
    assert is_like(f"Memory: {resources.memory_percent:.1f}%", "Memory: #%")
    assert is_like(f"Disk: {resources.disk_percent:.1f}%", "Disk: #%")

    monitor.memory_threshold = 0.0
    alerts = monitor.get_alerts_for_high_usage()
    (shown,) = [
        f"[{alert['severity'].upper()}] {alert['message']}"
        for alert in alerts
        if alert["resource"] == "memory"
    ]
    assert re.fullmatch(r"\[(WARNING|CRITICAL)\] Memory usage at \d+\.\d%", shown)


def test_report_examples(folder: Path):
    # A clock that stands still, so that it is not midnight in between.
    now = datetime.now().replace(microsecond=0)
    clock = ManualClock(wall=now.timestamp())
    monitor = PerformanceMonitor(clock=clock)
    api_tracker = APIPerformanceTracker(clock=clock)
    resource_monitor = ResourceMonitor()
    report_gen = PerformanceReport(
        monitor=monitor, api_tracker=api_tracker, resource_monitor=resource_monitor
    )
    monitor.record_many("develop", [2.0, 3.0], "seconds")
    monitor._metrics["develop"][0].timestamp = now - timedelta(days=6, hours=12)

    daily_report = report_gen.generate_daily_report()
    assert f"Date: {daily_report['date']}" == f"Date: {now.date()}"
    assert f"Operations: {len(daily_report['operations'])}" == "Operations: 1"
    session_report = report_gen.generate_session_report("session_123")
    assert f"Session: {session_report['session_id']}" == "Session: session_123"
    assert report_gen.generate_session_report(session_id="session_123")["operations"] == {}
    assert report_gen.generate_daily_report(date=None)["date"]

    period1 = (now - timedelta(days=7), now - timedelta(days=6))
    period2 = (now - timedelta(days=1), now)
    comparison = report_gen.compare_performance(period1, period2)
    lines = [
        f"{op_name}: {change['percentage']:.1f}% {change['direction']}"
        for op_name, change in comparison["changes"].items()
    ]
    assert lines == ["develop: 50.0% degraded"]
    assert report_gen.compare_performance(period1=period1, period2=period2) == comparison

    report_gen.export_report(daily_report, format="json", path=Path("report.json"))
    assert json.loads((folder / "report.json").read_text())["date"] == daily_report["date"]
    report_gen.export_report(report=daily_report, format="csv", path=Path("report.csv"))
    assert (folder / "report.csv").read_text().startswith("operation,count,")


def test_configuration_examples():
    from ptpd_calibration.config import get_settings

    settings = get_settings()
    assert settings is not None
    monitor = PerformanceMonitor(max_history=5000)
    monitor.record_many("many", range(5001), "")
    assert monitor.get_statistics("many")["count"] == 5000
    assert CacheManager(max_size=2000, default_ttl=1800).get_stats().max_size == 2000
    resource_monitor = ResourceMonitor(
        cpu_threshold=75.0, memory_threshold=85.0, disk_threshold=95.0
    )
    assert resource_monitor.cpu_threshold == 75.0
    assert resource_monitor.memory_threshold == 85.0
    assert resource_monitor.disk_threshold == 95.0


@pytest.mark.parametrize(
    "getter", [get_monitor, get_profiler, get_api_tracker, get_cache, get_resource_monitor]
)
def test_global_instances_are_the_same_each_time(getter):
    first = getter()
    second = getter()
    assert first is second
