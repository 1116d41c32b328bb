"""The private views that existing tests reach into."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ptpd_monitoring import (
    APIMetric,
    APIPerformanceTracker,
    CacheManager,
    ImageProcessingProfiler,
    PerformanceMetric,
    PerformanceMonitor,
    PerformanceReport,
)


def test_the_bounds_can_be_read_but_not_written() -> None:
    assert PerformanceMonitor(max_history=5)._max_history == 5
    assert PerformanceMonitor()._max_history == 10_000
    cache = CacheManager(max_size=6, default_ttl=7)
    assert (cache._max_size, cache._default_ttl) == (6, 7)
    with pytest.raises(AttributeError):
        PerformanceMonitor()._max_history = 3
    with pytest.raises(AttributeError):
        cache._max_size = 3


def test_the_running_timers_are_a_live_view() -> None:
    monitor = PerformanceMonitor()
    timers = monitor._timers
    assert len(timers) == 0
    assert "op" not in timers
    monitor.start_timer("op")
    assert len(timers) == 1
    assert "op" in timers
    assert list(timers) == ["op"]
    assert 5 not in timers
    monitor.stop_timer("op")
    assert (len(timers), "op" in timers) == (0, False)


def test_the_samples_are_a_live_mapping() -> None:
    monitor = PerformanceMonitor(max_history=3)
    metrics = monitor._metrics
    assert len(metrics) == 0
    assert "a" not in metrics
    monitor.record_metric("b", 1, "u")
    monitor.record_many("a", range(5), "u")
    assert len(metrics) == 2
    assert list(metrics) == list(metrics.keys()) == ["b", "a"]
    assert "a" in metrics
    assert None not in metrics
    assert len(metrics["a"]) == 3
    assert [len(samples) for samples in metrics.values()] == [1, 3]
    assert {name: len(samples) for name, samples in metrics.items()} == {"b": 1, "a": 3}
    assert [len(samples) for samples in dict(metrics).values()] == [1, 3]
    assert metrics.get("a") is not None
    assert metrics.get("no") is None
    assert metrics.get("no", 5) == 5
    with pytest.raises(KeyError, match="no"):
        metrics["no"]
    monitor.clear_metrics("a")
    assert "a" not in metrics


def test_the_samples_of_an_operation_are_a_sequence_of_metrics() -> None:
    monitor = PerformanceMonitor(max_history=4)
    monitor.record_many("op", range(6), "u")
    samples = monitor._metrics["op"]
    assert isinstance(samples[0], PerformanceMetric)
    assert [sample.value for sample in samples] == [2, 3, 4, 5]
    assert (samples[0].value, samples[-1].value, samples[-4].value) == (2, 5, 2)
    assert [sample.value for sample in samples[1:3]] == [3, 4]
    assert [sample.value for sample in samples[::-2]] == [5, 3]
    for outside in (4, -5, 10**30):
        with pytest.raises(IndexError):
            samples[outside]
    with pytest.raises(TypeError):
        samples["0"]
    monitor.record_metric("op", 6, "u")
    assert samples[-1].value == 6


def test_writing_a_timestamp_changes_the_sample_itself() -> None:
    monitor = PerformanceMonitor()
    monitor.record_many("op", [1, 2], "u")
    day = datetime(2024, 2, 29, 12, 0, 0, 250_000)
    monitor._metrics["op"][0].timestamp = day
    assert monitor._metrics["op"][0].timestamp == day
    assert monitor.get_metrics("op")[0].timestamp == day
    assert [m.value for m in monitor.get_metrics("op", (day, day))] == [1]
    report = PerformanceReport(monitor).generate_daily_report(day)
    assert report["operations"]["op"]["count"] == 1
    for sample in monitor._metrics["op"]:
        sample.timestamp -= timedelta(days=1)
    assert monitor.get_metrics("op")[0].timestamp == day - timedelta(days=1)


def test_writing_an_aware_timestamp_means_the_same_moment() -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "u")
    moment = datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=5)))
    monitor._metrics["op"][0].timestamp = moment
    assert monitor.get_metrics("op")[0].timestamp == moment.astimezone().replace(tzinfo=None)


def test_writing_a_timestamp_follows_its_sample_while_others_fall_off() -> None:
    monitor = PerformanceMonitor(max_history=3)
    monitor.record_many("op", [1, 2, 3], "u")
    oldest, newest = monitor._metrics["op"][0], monitor._metrics["op"][-1]
    monitor.record_many("op", [4, 5], "u")
    day = datetime(2024, 2, 29)
    newest.timestamp = day
    oldest.timestamp = datetime(2000, 1, 1)
    assert [(m.value, m.timestamp == day) for m in monitor.get_metrics("op")] == [
        (3, True),
        (4, False),
        (5, False),
    ]
    assert all(m.timestamp.year != 2000 for m in monitor.get_metrics("op"))


@pytest.mark.parametrize("end", [datetime.min, datetime.max])
def test_a_timestamp_beyond_what_can_be_kept_stays_at_that_end(end: datetime) -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "u")
    monitor._metrics["op"][0].timestamp = end
    kept = monitor.get_metrics("op")[0].timestamp
    assert (kept.year < 1700) == (end == datetime.min)
    assert (kept.year > 2200) == (end == datetime.max)
    assert len(monitor.get_metrics("op", (datetime.min, datetime.max))) == 1


def test_a_timestamp_of_the_wrong_type_changes_nothing() -> None:
    monitor = PerformanceMonitor()
    monitor.record_metric("op", 1, "u")
    before = monitor.get_metrics("op")[0].timestamp
    sample = monitor._metrics["op"][0]
    for wrong in (5, None, "yesterday", before.date()):
        with pytest.raises((TypeError, ValueError), match="timestamp"):
            sample.timestamp = wrong
    assert sample.timestamp == before
    assert monitor.get_metrics("op")[0].timestamp == before


def test_memory_tracking_maps_operations_to_megabytes() -> None:
    profiler = ImageProcessingProfiler()
    assert len(profiler._memory_tracking) == 0
    profiler.track_memory_usage("op")
    assert "op" in profiler._memory_tracking
    assert profiler._memory_tracking["op"] > 0


def test_requests_are_a_live_sequence() -> None:
    tracker = APIPerformanceTracker(max_history=3)
    requests = tracker._requests
    assert len(requests) == 0
    assert list(requests) == []
    for number in range(5):
        tracker.track_request(f"/{number}", 0.1, 200)
    assert len(requests) == 3
    assert isinstance(requests[0], APIMetric)
    assert [request.endpoint for request in requests] == ["/2", "/3", "/4"]
    assert (requests[-1].endpoint, requests[0].endpoint) == ("/4", "/2")
    assert [request.endpoint for request in requests[1:]] == ["/3", "/4"]
    assert [request.endpoint for request in reversed(requests)] == ["/4", "/3", "/2"]
    assert requests[0] in requests
    for outside in (3, -4):
        with pytest.raises(IndexError):
            requests[outside]


def test_views_have_a_readable_repr() -> None:
    monitor, tracker = PerformanceMonitor(), APIPerformanceTracker()
    monitor.record_metric("op", 1, "u")
    monitor.start_timer("running")
    assert "running" in repr(monitor._timers)
    assert "op" in repr(monitor._metrics)
    assert "op" in repr(monitor._metrics["op"])
    assert "0" in repr(tracker._requests)
