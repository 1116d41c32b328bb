"""Watch the machine and tidy the cache in the background while a program does its work.

    python background_monitoring.py [--seconds 10] [--period 1]

The threads wait on an event instead of sleeping, so that they end as soon as they are told to.
"""

from __future__ import annotations

import argparse
import logging
import threading
from typing import TYPE_CHECKING

from ptpd_calibration.monitoring import get_cache, get_monitor, get_resource_monitor

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("background_monitoring")


class Periodically(threading.Thread):
    """Calls ``work`` every ``period`` seconds until stopped. An error is logged, not fatal."""

    def __init__(self, work: Callable[[], object], period: float) -> None:
        """Prepare the thread; the period is in seconds."""
        super().__init__(name=work.__name__, daemon=True)
        self.work = work
        self.period = period
        self.stopped = threading.Event()

    def run(self) -> None:
        """Work until stopped."""
        while not self.stopped.wait(self.period):
            self.work_once()

    def work_once(self) -> None:
        """Work, and report what went wrong."""
        try:
            self.work()
        except Exception:
            logger.exception("%s failed", self.name)

    def stop(self) -> None:
        """End the thread and wait for it."""
        self.stopped.set()
        self.join()


def check_resources() -> None:
    """Record how busy the machine is, and log what is above its threshold."""
    resources = get_resource_monitor()
    usage = resources.check_resources()
    monitor = get_monitor()
    monitor.record_metric("cpu", usage.cpu_percent, "percent")
    monitor.record_metric("memory", usage.memory_percent, "percent")
    for alert in resources.get_alerts_for_high_usage():
        logger.warning("Resource alert: %s", alert["message"])


def clean_cache() -> None:
    """Drop expired entries."""
    removed = get_cache().cleanup_expired()
    if removed:
        logger.info("Cleaned up %d expired cache entries", removed)


def work_for(seconds: float) -> None:
    """Stand for the program's own work: it caches things that soon expire."""
    pause = threading.Event()
    cache = get_cache()
    steps = 20
    for step in range(steps):
        with get_monitor().timer("step"):
            cache.set(f"step:{step}", step, ttl=seconds / (2 * steps))
            pause.wait(seconds / steps)


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to work")
    parser.add_argument("--period", type=float, default=1.0, help="between two checks")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")

    threads = [Periodically(work, options.period) for work in (check_resources, clean_cache)]
    for thread in threads:
        thread.start()
    try:
        work_for(options.seconds)
    finally:
        for thread in threads:
            thread.stop()

    monitor = get_monitor()
    for name in monitor.operations():
        stats = monitor.get_statistics(name)
        print(f"{name}: {stats['count']} samples, mean {stats['mean']:.3f} {stats['unit']}")
    print(f"cache: {get_cache().get_stats().expirations} entries expired")


if __name__ == "__main__":
    main()
