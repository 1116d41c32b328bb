"""What a report holds beside operations and requests: the cache, and thresholds of resources."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ptpd_monitoring import (
    CacheManager,
    CacheStats,
    History,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
)
from ptpd_monitoring.testing import ManualClock

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
FIGURES = ["hits", "misses", "evictions", "expirations", "size", "max_size", "hit_rate"]


def used_cache() -> CacheManager:
    cache = CacheManager(max_size=2)
    for key in "abc":
        cache.set(key, key)
    for key in "abcc":
        cache.get(key)
    return cache


def test_a_report_has_the_figures_of_its_cache() -> None:
    cache = used_cache()
    reports = PerformanceReport(PerformanceMonitor(), cache=cache)
    assert reports.cache is cache
    period = (datetime(2026, 1, 1), datetime(2026, 1, 2))
    for report in (reports.generate_daily_report(), reports.generate_period_report(period)):
        assert list(report)[-1] == "cache"
        assert list(report["cache"]) == FIGURES
        assert list(report["cache"].values()) == [3, 1, 1, 0, 2, 2, 0.75]
        assert json.loads(str(reports.export_report(report)))["cache"] == report["cache"]
        for format_ in ("html", "md"):
            text = str(reports.export_report(report, format_))
            assert "75.0" in text
            assert "Cache" in text
        assert "75.0" in report._repr_html_()


def test_a_report_without_a_cache_has_the_documented_keys_alone() -> None:
    for reports in (
        PerformanceReport(PerformanceMonitor()),
        PerformanceReport(PerformanceMonitor(), None, None, cache=None),
    ):
        assert reports.cache is None
        assert list(reports.generate_daily_report()) == [
            "date", "generated_at", "period", "operations",
        ]  # fmt: skip


def test_statistics_of_a_cache_that_were_overridden_are_the_ones_reported() -> None:
    class Shared(CacheManager):
        def get_stats(self) -> CacheStats:
            return CacheStats(hits=9, misses=1, max_size=5)

    report = PerformanceReport(PerformanceMonitor(), cache=Shared()).generate_daily_report()
    assert (report["cache"]["hits"], report["cache"]["hit_rate"]) == (9, 0.9)


def test_something_else_than_a_cache_is_refused_by_name() -> None:
    wrong: Any = {"hits": 3}
    with pytest.raises(TypeError, match=r"^cache must be a CacheManager or None"):
        PerformanceReport(PerformanceMonitor(), cache=wrong)
    keyword_only: Any = PerformanceReport
    with pytest.raises(TypeError):
        keyword_only(PerformanceMonitor(), None, None, CacheManager())


@pytest.mark.parametrize("reader", ["the application", "a file", "a file, by the environment"])
def test_readings_are_drawn_with_the_thresholds_also_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    path, clock = tmp_path / "history.db", ManualClock(wall=NOON.timestamp())
    with History(path, flush_interval=3600.0, clock=clock) as history:
        resources = ResourceMonitor(70, 75, 85, history=history, sample_interval=20, clock=clock)
        for _ in range(3):
            clock.advance(20)
            history.flush()
        monitor = PerformanceMonitor(clock=clock, history=history)
        own = resources if reader == "the application" else None
        if reader == "a file, by the environment":
            monkeypatch.setenv("PTPD_MONITORING_CPU_THRESHOLD", "60")
            monkeypatch.setenv("PTPD_MONITORING_MEMORY_THRESHOLD", "80%")  # spoils no other one
            monkeypatch.setenv("PTPD_MONITORING_DISK_THRESHOLD", "95")
        report = PerformanceReport(monitor, None, own).generate_daily_report(NOON, tz="UTC")
        page = PerformanceReport.export_report(report, "html")
    assert page is not None
    cpu, memory, disk = {
        "the application": (70, 75, 85),
        "a file": (80, 80, 90),
        "a file, by the environment": (60, 80, 95),
    }[reader]
    for name, threshold in (("CPU", cpu), ("Memory", memory), ("Disk", disk)):
        figure = page.split(f"<figcaption>{name}</figcaption>")[1].split("</figure>")[0]
        assert f"threshold, {threshold}\u202f%" in figure
        assert '<path class="limit"' in figure
