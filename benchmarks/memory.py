"""Memory a sample, as the resident set of a process of its own grows.

``tracemalloc`` sees Python's allocations only.
"""

import functools
import subprocess
import sys

from .rows import Gauge, Peer, Target

SAMPLES = 1_000_000
SCRIPT = """
import sys
import psutil
from ptpd_monitoring import PerformanceMonitor
bound, samples = int(sys.argv[1]), int(sys.argv[2])
monitor = PerformanceMonitor(bound)
monitor.record_metric("op", 0.5, "s")
memory = psutil.Process().memory_info
before = memory().rss
record = monitor.record_metric
for _ in range(samples - 1):
    record("op", 0.5, "s")
print((memory().rss - before) / samples, len(monitor._metrics["op"]))
"""


def read(samples: int) -> tuple[float, float]:
    """Bytes a sample after so many of at most a million."""
    command = [sys.executable, "-I", "-c", SCRIPT, str(SAMPLES), str(samples)]
    answer = subprocess.check_output(command, text=True).split()
    grown, kept = float(answer[0]), int(answer[1])
    if kept != samples:
        raise RuntimeError(f"{kept} of {samples} samples kept")
    return grown, 0.0


def _gauge(name: str, samples: int) -> Gauge:
    return Gauge(
        area="memory",
        name=name,
        peer=Peer("before the samples", Target("24", stretch="16", unit="bytes")),
        read=functools.partial(read, samples),
        most_rounds=5,
    )


WORKS = [
    _gauge("memory a sample, 1,000,000 kept", SAMPLES),
    # Room made ahead would count for these few.
    _gauge("memory a sample, room for ten times as many", SAMPLES // 10),
]
