"""A tour of all components, with output to read.

python performance_monitoring_example.py [--output FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ptpd_calibration.monitoring import (
    APIPerformanceTracker,
    CacheManager,
    ImageProcessingProfiler,
    PerformanceMonitor,
    PerformanceReport,
    ResourceMonitor,
)

from ptpd_monitoring.testing import ManualClock

Image = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def tour_of_timing(monitor: PerformanceMonitor) -> None:
    title("PerformanceMonitor")
    rng = np.random.default_rng(seed=1)

    with monitor.session("print_17"):
        for _ in range(50):
            with monitor.timer("sort"):
                np.sort(rng.random(20_000))
        monitor.record_many("patch_density", rng.normal(0.8, 0.2, 21), "density")

    @monitor.timer("fetch")
    async def fetch(seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def fetch_all() -> None:
        await asyncio.gather(*(fetch(0.002 * n) for n in range(1, 6)))

    asyncio.run(fetch_all())

    for name in monitor.operations():
        stats = monitor.get_statistics(name)
        print(
            f"{name:14} {stats['count']:3} samples  mean {stats['mean']:.5f}"
            f"  p50 {stats['p50']:.5f}  p99 {stats['p99']:.5f}  {stats['unit']}"
        )


def blur(image: Image) -> Image:
    """Blur along rows, which takes longer the larger the image is."""
    kernel = np.ones(9) / 9
    return np.apply_along_axis(np.convolve, 1, image, kernel, "same")


def tour_of_profiling(profiler: ImageProcessingProfiler) -> None:
    title("ImageProcessingProfiler")
    for height, width in ((120, 160), (240, 320), (480, 640)):
        _, profile = profiler.profile_operation(blur, np.zeros((height, width)))
        print(
            f"{width} x {height}: {profile['wall_time_s']:.4f} s,"
            f" {profile['pixels_per_s']:,.0f} pixels/s, {profile['memory_delta_mb']:+.1f} MB,"
            f" peak {profile['memory_peak_mb']:.1f} MB"
        )
    batch = [(1920, 1080), (1024, 768), (800, 600)]
    seconds = profiler.estimate_batch_time(batch, "blur")
    print(f"{len(batch)} larger images will take about {seconds:.2f} s")
    found = profiler.identify_bottlenecks(["blur"], threshold_percentile=95)
    print("bottlenecks:", ", ".join(b["operation"] for b in found) or "none")
    print(f"RSS {profiler.get_memory_stats()['rss_mb']:.1f} MB")


def tour_of_requests(tracker: APIPerformanceTracker) -> None:
    title("APIPerformanceTracker")
    for _ in range(3):
        with tracker.track("/curves", "GET"):
            time.sleep(0.001)
    try:
        with tracker.track("/curves", "POST"):
            raise LookupError("no such paper")  # noqa: TRY301, the block is what is shown
    except LookupError as error:
        print(f"the exception goes on: {error}")
    tracker.track_request("/scans", duration=0.4, status=503, method="POST", error="scanner busy")
    report = tracker.generate_api_report()
    print(
        f"{report['total_requests']} requests, {report['overall_error_rate']:.0%} errors,"
        f" p95 {report['overall_p95_ms']:.1f} ms"
    )
    for entry in report["highest_error_endpoints"]:
        print(f"{entry['endpoint']:10} {entry['error_rate']:.0%} errors")


def tour_of_caching() -> None:
    title("CacheManager")
    clock = ManualClock()
    cache = CacheManager(max_size=2, default_ttl=60, clock=clock)
    cache.set("a", 1)
    cache.set("b", 2)
    cache.get("a")
    cache.set("c", 3)
    print(f"b was not used for longest: {cache.get('b')}, and a is still here: {cache.get('a')}")
    clock.advance(61)
    print(f"a minute later {cache.cleanup_expired()} entries have expired")
    made = cache.get_or_set("curve", lambda: [0.1, 0.7, 1.4], ttl=0)
    print(f"made once, kept for ever: {made}")
    stats = cache.get_stats()
    print(f"hit rate {stats.hit_rate:.0%}, {stats.evictions} eviction, size {stats.size}")


def tour_of_resources(monitor: ResourceMonitor) -> None:
    title("ResourceMonitor")
    usage = monitor.check_resources()
    print(
        f"CPU {usage.cpu_percent:.1f} %, memory {usage.memory_percent:.1f} %,"
        f" disk {usage.disk_percent:.1f} %, {monitor.gpu_count()} GPUs"
    )
    monitor.memory_threshold = 0.0
    for alert in monitor.get_alerts_for_high_usage():
        print(f"[{alert['severity'].upper()}] {alert['message']}")


def tour_of_reports(
    monitor: PerformanceMonitor,
    tracker: APIPerformanceTracker,
    resources: ResourceMonitor,
    folder: Path,
) -> None:
    title("PerformanceReport")
    reports = PerformanceReport(monitor, tracker, resources)
    daily = reports.generate_daily_report()
    print(f"{daily['date']}: {len(daily['operations'])} operations")
    session = reports.generate_session_report("print_17")
    for name, figures in session["operations"].items():
        print(f"print_17: {name:14} total {figures['total']:.4f} {figures['unit']}")

    reports.export_report(daily, format="json", path=folder / "daily.json")
    reports.export_report(daily, format="csv", path=folder / "daily.csv")
    monitor.export_metrics(format="csv", output_path=folder / "metrics.csv")
    for file in sorted(folder.iterdir()):
        print(f"{file.name}: {file.stat().st_size} bytes")


def main() -> None:
    """Run the tour."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, help="where to leave the exported files")
    options = parser.parse_args()

    monitor = PerformanceMonitor()
    tracker = APIPerformanceTracker()
    resources = ResourceMonitor()
    tour_of_timing(monitor)
    tour_of_profiling(ImageProcessingProfiler(monitor))
    tour_of_requests(tracker)
    tour_of_caching()
    tour_of_resources(resources)
    with TemporaryDirectory() as temporary:
        folder = options.output or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        tour_of_reports(monitor, tracker, resources, folder)


if __name__ == "__main__":
    main()
